import { expect, it } from 'vitest';
import { DAY } from '../support/store-services.ts';
import { type Size, simulateYear } from '../support/year.ts';

/** What all that is counted may grow by while the number of changes grows threefold. */
const GROWTH = 1.6;

/** Two months with short terms stand for years; `npm run bench:scale -- --year` lives through a whole one. */
it.each(['embedded', 'redis'] as const)(
  'time leaves the %s store, the memory and the pages where they were',
  async (kind) => {
    const sizes: Size[] = [];
    const world = { channels: 20, agents: 40, changesADay: 10, promoteEvery: 10, fleetEvery: 20 };
    const terms = { archiveAfter: 5, retention: { releases: 5 * DAY, deleted: 3 * DAY } };
    await simulateYear({ kind, days: 62, ...world, ...terms }, [22, 62], (size) => sizes.push(size));
    const [early, late] = sizes as [Size, Size];
    expect(late.changes).toBeGreaterThan(2.6 * early.changes);
    const flat = ({ documents, state, memory, store, pages }: Size) => ({ documents, state, memory, store, ...pages });
    const before: Record<string, number> = flat(early);
    for (const [what, now] of Object.entries(flat(late))) {
      expect(now / (before[what] ?? 0), `${what}: ${before[what]}, then ${now}`).toBeLessThan(GROWTH);
    }
  },
  // Some 2,500 commits to a disk that others may use as well.
  120_000,
);
