import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, root } from '../../scripts/bundle.mjs';

export const title = 'A simulated year: 1,000 channels and control planes, a release a day';
/** It takes ten to thirty minutes for each store, so it runs only if it is asked for. */
export const isLong = true;

const DAY = 86_400_000;
const DAYS = Number(process.env.DAYS ?? 365);
const LOOKS = [1, 90, 180, 270, 365];
const STORES = (process.env.STORES ?? 'embedded,redis').split(',');
/** 40,000 changes a year, with those of the release, the promotion, and what comes and goes. */
const CHANGES_A_DAY = 85;

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

export async function run(print) {
  await bundle('test/support/year.ts', 'dist/year.js');
  const { simulateYear } = await import(pathToFileURL(join(root, 'dist/year.js')));
  const world = { channels: 1_000, agents: 2_000, changesADay: CHANGES_A_DAY, promoteEvery: 1, fleetEvery: 7 };
  const terms = { archiveAfter: 30, retention: { releases: 365 * DAY, deleted: 90 * DAY } };
  for (const kind of STORES) {
    const begun = performance.now();
    await simulateYear({ kind, days: DAYS, ...world, ...terms }, LOOKS, (size) => {
      const { day, changes, documents, releases, state, memory, store, pages, change } = size;
      print({
        store: kind,
        day,
        changes,
        documents,
        releases,
        state: megabytes(state),
        memory: megabytes(memory),
        'in the store': megabytes(store),
        pages: megabytes(Object.values(pages).reduce((sum, each) => sum + each, 0)),
        'a change': `${change.toFixed(1)} ms`,
        after: `${((performance.now() - begun) / 1_000).toFixed(0)} s`,
      });
    });
  }
}
