import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Agent, Sighting, SightingSource, UpdaterState } from '../../src/domain/agent.ts';
import type { PruneQuery, Store } from '../../src/domain/store.ts';
import type { Harness } from './contract.ts';
import { createModel, sortedCounts } from './fleet-model.ts';

const START = Date.UTC(2026, 0, 2);
const MOMENTS = 40;

const id = fc.constantFrom('a', 'b', 'c', 'd');
/** Some are in the future of all that is recorded. */
const at = fc.nat(MOMENTS + 10).map((n) => START + n);
const channel = fc.constantFrom('x', 'y', 'z', 'stable/cloud', 'edge', 'v', 'w');
const version = fc.constantFrom(
  '16.0.0',
  '17.0.0',
  '17.0.0+fips',
  '17.1.0-rc.2',
  '17.1.0-rc.10',
  '17.1.0',
  '18.x',
  '4.3.1',
  '?',
);
const optional = <T>(each: fc.Arbitrary<T>) => fc.option(each, { nil: null });

const common = {
  id,
  at,
  channel,
  version,
  group: optional(fc.constantFrom('canary', 'rest')),
  updater: optional(fc.constantFrom('unit', 'kube', 'binary')),
  updaterVersion: optional(version),
};
const checkIn: fc.Arbitrary<Sighting> = fc
  .record({ ...common, enrolled: fc.nat(4).map((n) => n > 0), proven: fc.boolean() })
  .map((each) => ({ ...each, updaterState: null, host: null, listing: null, expired: false }));
const scope = fc.constantFrom('x', 'y', '@main');
const state = fc.oneof(
  optional(fc.constantFrom<UpdaterState[]>('ok', 'disabled', 'pinned', 'unreadable', 'failing')).map(
    (updaterState) => ({
      updaterState,
    }),
  ),
  fc.constantFrom(1, 4_096).map((updaterError) => ({ updaterState: 'failing' as const, updaterError })),
);
const inventoryFields = fc.record({
  ...common,
  enrolled: fc.constant(true),
  proven: fc.constant(true),
  host: optional(fc.constantFrom('h1', 'Host-2', 'hôte')),
  listing: fc.record({ at, scope }),
  expired: fc.nat(3).map((n) => n === 0),
});
const listed: fc.Arbitrary<Sighting> = fc.tuple(inventoryFields, state).map(([fields, its]) => ({ ...fields, ...its }));

type Step =
  | { record: SightingSource; batch: Sighting[]; now: number; targets: [string, string][]; contestedFor: number }
  | { prune: PruneQuery }
  | { forget: string };

const recording = {
  now: at,
  targets: fc.array(fc.tuple(channel, version), { maxLength: 4 }),
  contestedFor: fc.constantFrom(0, 5, 1_000),
};
const prune: fc.Arbitrary<PruneQuery> = fc.record({
  checkIns: fc.option(
    fc.array(fc.tuple(channel, at), { maxLength: 4 }).map((bounds) => new Map(bounds)),
    { nil: undefined },
  ),
  unenrolledBefore: fc.option(at, { nil: undefined }),
  unlisted: fc.option(
    fc.record({
      scope,
      before: at,
      only: fc.option(channel, { nil: undefined }),
      except: fc.option(
        fc.array(channel, { maxLength: 2 }).map((names) => new Set(names)),
        { nil: undefined },
      ),
    }),
    { nil: undefined },
  ),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      record: fc.constant('check-ins' as const),
      batch: fc.array(checkIn, { maxLength: 5 }),
      ...recording,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      record: fc.constant('inventory' as const),
      batch: fc.array(listed, { maxLength: 5 }),
      ...recording,
    }),
  },
  { weight: 2, arbitrary: prune.map((query) => ({ prune: query })) },
  { weight: 1, arbitrary: id.map((forgotten) => ({ forget: forgotten })) },
);

/** Takes the step in a store or in the model, and answers what that answers. */
const take = (each: Step, store: Pick<Store, 'recordSightings' | 'prune' | 'forget'>) => {
  if ('record' in each) {
    const { record, batch, now, contestedFor, targets } = each;
    return store.recordSightings(record, batch, { now, contestedFor, targets: new Map(targets) });
  }
  return 'prune' in each ? store.prune(each.prune) : store.forget(each.forget);
};

async function page(store: Store): Promise<Agent[]> {
  const found: Agent[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const next = await store.agents({ limit: 3, cursor });
    found.push(...next.agents);
    cursor = next.cursor;
  }
  return found.sort(byId);
}

/** There is not always room for a host. */
const hostless = (agents: (Agent | null)[]) =>
  agents.map((agent) => agent && { ...agent, sightings: agent.sightings.map((each) => ({ ...each, host: null })) });

const byId = (a: Agent, b: Agent) => (a.id < b.id ? -1 : 1);

export function historiesContract(harness: Harness): void {
  describe('after any history', () => {
    it('says what a plain map and the rules of the domain say', async () => {
      const run = async (steps: Step[]) => {
        const model = createModel();
        const store = await harness.fresh();
        try {
          for (const each of steps) {
            const expected = await take(each, {
              recordSightings: async (...args) => model.record(...args),
              prune: async (query) => model.prune(query),
              forget: async (forgotten) => model.forget(forgotten),
            });
            expect(await take(each, store)).toBe(expected);
          }
          expect(sortedCounts(await store.counts())).toEqual(sortedCounts(model.counts()));
          expect(hostless(await page(store))).toEqual(hostless(model.agents().sort(byId)));
          for (const known of ['a', 'b', 'c', 'd']) {
            expect(hostless([await store.agent(known)])).toEqual(hostless([model.agent(known)]));
          }
        } finally {
          await store.close();
        }
      };
      const numRuns = Number(process.env.HISTORIES ?? 40);
      // To make a history smaller takes minutes with Redis; its seed and path repeat it.
      await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25, size: 'max' }), run), {
        numRuns,
        endOnFailure: true,
      });
    }, 400_000);
  });
}
