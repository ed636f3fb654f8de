// Measures imports into a large fleet, and searches for rare agents in it, by the number of agents.
import { agent, batches, CHANNEL } from './agents.mjs';
import { median, ms, time, times } from './figures.mjs';
import { recording } from './store.mjs';

const LISTED = 1_000;
const RUNS = 3;
const SCOPE = 'small';

/** An agent that an inventory of a small channel lists. */
const listed = (n, at) => ({ ...agent(n, at), id: `listed-${n}`, channel: SCOPE, listing: { at, scope: SCOPE } });

/** How many pages, and milliseconds, it takes until a search for one agent says that there is no other. */
async function search(store, query) {
  let pages = 0;
  let found = 0;
  const took = await time(async () => {
    let cursor;
    do {
      const page = await store.agents({ ...query, limit: 50, cursor });
      pages++;
      found += page.agents.length;
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
  });
  if (found !== 1) throw new Error(`the search found ${found} agents`);
  return `${pages} / ${ms(took)}`;
}

/** Prints a table with a column for each size. */
export async function measureImports(title, sizes, open) {
  const rows = {};
  const row = (name, value) => {
    rows[name] ??= [];
    rows[name].push(value);
  };
  for (const size of sizes) {
    const { store, close } = await open({ info() {}, warn: (fields, message) => console.error(message, fields) });
    try {
      const now = Date.now();
      for (const batch of batches(0, size, now)) await store.recordSightings('check-ins', batch, recording(now));
      const rare = { ...agent(size, now, '15.9.9'), group: 'lonely' };
      await store.recordSightings('check-ins', [rare], recording(now));
      const inventory = (at) => Array.from({ length: LISTED }, (_, n) => listed(n, at));
      await store.recordSightings('inventory', inventory(now), recording(now));
      await store.prune({ unlisted: { scope: SCOPE, before: now } });
      const imports = await times(RUNS, async (n) => {
        const at = now + n + 1;
        await store.recordSightings('inventory', inventory(at), recording(at));
        await store.prune({ unlisted: { scope: SCOPE, before: at } });
      });
      row(`an import of ${LISTED.toLocaleString('en')}, ms`, ms(median(imports)));
      row('a rare version: pages / ms', await search(store, { channel: CHANNEL, version: '15.9.9' }));
      row('a rare group: pages / ms', await search(store, { channel: CHANNEL, group: 'lonely' }));
    } finally {
      await close();
    }
  }
  console.log(`\n| ${title} | ${sizes.map((size) => `${size.toLocaleString('en')} agents`).join(' | ')} |`);
  console.log(`|---|${sizes.map(() => '--:').join('|')}|`);
  for (const [name, values] of Object.entries(rows)) console.log(`| ${name} | ${values.join(' | ')} |`);
}
