// Measures how costs grow with channels, control planes, releases and replicas: `npm run bench:scale` for all rows, or
// `npm run bench:scale -- --change-redis --reports` for some. Each row is a file of its own, which prints one table.
// Growth and ratios within a run count, not times. Needs redis-server and taskset.
import { cpus } from 'node:os';
import * as beside from './beside.mjs';
import * as changeEmbedded from './change-embedded.mjs';
import * as changeRedis from './change-redis.mjs';
import * as looks from './looks.mjs';
import * as pages from './pages.mjs';
import * as promotions from './promotions.mjs';
import * as pull from './pull.mjs';
import * as replicas from './replicas.mjs';
import * as reports from './reports.mjs';
import * as stuck from './stuck.mjs';
import * as verify from './verify.mjs';
import * as year from './year.mjs';

/**
 * By option. A row exports `title`, and `run(print)`, which calls `print` with an object for each line of its table.
 * One with `isLong` runs only if it is named.
 */
const ROWS = {
  'change-redis': changeRedis,
  'change-embedded': changeEmbedded,
  replicas,
  reports,
  pull,
  promotions,
  stuck,
  pages,
  looks,
  beside,
  verify,
  year,
};

const wanted = process.argv.slice(2).map((argument) => argument.replace(/^--/, ''));
const unknown = wanted.filter((option) => !ROWS[option]);
if (unknown.length > 0) {
  throw new Error(`there is no row ${unknown.join(', ')}; there are ${Object.keys(ROWS).join(', ')}`);
}
console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${new Date().toISOString().slice(0, 10)}`,
);
for (const [option, { title, run, isLong = false }] of Object.entries(ROWS)) {
  if (wanted.length > 0 ? !wanted.includes(option) : isLong) continue;
  console.log(`\n${title} (--${option})\n`);
  let isFirst = true;
  await run((line) => {
    if (isFirst) {
      console.log(`| ${Object.keys(line).join(' | ')} |`);
      console.log(
        `|${Object.keys(line)
          .map(() => '--:|')
          .join('')}`,
      );
    }
    isFirst = false;
    console.log(`| ${Object.values(line).join(' | ')} |`);
  });
}
