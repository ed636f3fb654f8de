// Measures what a fleet costs in the store: memory per agent, writing, a census, finding one agent, forgetting many.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, root } from '../../scripts/bundle.mjs';
import { agent, batches, CHANNEL, idOf } from './agents.mjs';
import { median, ms, quantile, time, times } from './figures.mjs';

const HOUR = 3_600_000;
const STALE = 100_000;
const FLUSH = 3_334;

/** `openStore` from the sources, as the server uses it. */
export async function loadStore() {
  const file = join(root, 'node_modules/.cache/fairway-bench-store.mjs');
  await bundle('src/store/open.ts', file);
  return (await import(file)).openStore;
}

/** What sightings of about `now` are recorded by. */
export const recording = (now) => ({ now: now + HOUR, contestedFor: HOUR, targets: new Map() });
const log = { info() {}, warn: (fields, message) => console.error(message, fields) };

/** Prints a table with a column for each size. `used` returns the bytes that the store uses. */
export async function measureStore(title, sizes, open, used) {
  const rows = { 'bytes an agent': [], 'written a second': [], 'flush of 3,334, ms': [], 'census, ms (p50 / p99)': [] };
  Object.assign(rows, { 'one agent, ms (p50 / p99)': [], [`sweep of ${STALE.toLocaleString('en')} stale, s`]: [] });
  for (const size of sizes) {
    const { store, close } = await open(log);
    try {
      const now = Date.now();
      const empty = await used();
      const writing = await time(async () => {
        for (const batch of batches(0, size, now)) await store.recordSightings('check-ins', batch, recording(now));
      });
      rows['bytes an agent'].push((((await used()) - empty) / size).toFixed(0));
      rows['written a second'].push(Math.round(size / (writing / 1000)).toLocaleString('en'));
      const flushes = await times(10, (n) => {
        const batch = Array.from({ length: FLUSH }, (_, k) => agent((n * FLUSH + k * 97) % size, now + n + 1));
        return store.recordSightings('check-ins', batch, recording(now));
      });
      rows['flush of 3,334, ms'].push(ms(median(flushes)));
      const censuses = await times(100, () => store.counts());
      rows['census, ms (p50 / p99)'].push(`${ms(median(censuses))} / ${ms(quantile(censuses, 0.99))}`);
      const finds = await times(500, (n) => store.agent(idOf((n * 7919) % size)));
      rows['one agent, ms (p50 / p99)'].push(`${ms(median(finds))} / ${ms(quantile(finds, 0.99))}`);
      for (const batch of batches(size, size + STALE, now - 48 * HOUR)) {
        await store.recordSightings('check-ins', batch, recording(now));
      }
      let forgotten = 0;
      const sweep = await time(async () => {
        forgotten = await store.prune({ checkIns: new Map([[CHANNEL, now - 24 * HOUR]]) });
      });
      if (forgotten !== STALE) throw new Error(`the sweep forgot ${forgotten} agents`);
      rows[`sweep of ${STALE.toLocaleString('en')} stale, s`].push((sweep / 1000).toFixed(2));
    } finally {
      await close();
    }
  }
  console.log(`\n| ${title} | ${sizes.map((size) => `${size.toLocaleString('en')} agents`).join(' | ')} |`);
  console.log(`|---|${sizes.map(() => '--:').join('|')}|`);
  for (const [name, values] of Object.entries(rows)) console.log(`| ${name} | ${values.join(' | ')} |`);
}

/** The embedded store in its own directory; its size is the size of its file. */
export function embedded(openStore) {
  let dataDir = '';
  return {
    async open(storeLog) {
      dataDir = mkdtempSync(join(tmpdir(), 'fairway-bench-'));
      const store = await openStore({ redis: null, dataDir, deadline: 10_000, log: storeLog });
      return {
        store,
        async close() {
          await store.close();
          rmSync(dataDir, { recursive: true });
        },
      };
    },
    used: async () => {
      const directory = join(dataDir, 'store');
      return readdirSync(directory).reduce((sum, file) => sum + statSync(join(directory, file)).blocks * 512, 0);
    },
  };
}
