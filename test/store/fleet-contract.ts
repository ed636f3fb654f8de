import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Agent, Sighting, SightingSource } from '../../src/domain/agent.ts';
import type { CheckInCount, Survey } from '../../src/domain/census.ts';
import type { AgentQuery, Store } from '../../src/domain/store.ts';
import type { Harness } from './contract.ts';

const NOW = Date.UTC(2026, 0, 2);

const sighting = (id: string, more: Partial<Sighting> = {}): Sighting => ({
  id,
  channel: 'stable/cloud',
  version: '17.4.2',
  at: NOW,
  updater: null,
  updaterVersion: null,
  group: null,
  ...more,
});

const survey = (more: Partial<Survey> = {}): Survey => ({
  channel: 'stable/cloud',
  source: 'inventory',
  at: NOW,
  versions: { '17.4.2': 3 },
  skipped: 1,
  settled: true,
  ...more,
});

/** `channel version agents beyondInventory` of each counter, sorted. */
async function counters(store: Store): Promise<string[]> {
  return (await store.counts()).checkIns.map(shown).sort();
}

const shown = ({ channel, version, agents, beyondInventory }: CheckInCount) =>
  `${channel} ${version} ${agents} ${beyondInventory}`;

/** All agents, page by page. */
async function allAgents(store: Store, query: Partial<AgentQuery> = {}): Promise<Agent[]> {
  const found: Agent[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.agents({ limit: 100, ...query, cursor });
    found.push(...page.agents);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

const ids = (agents: Agent[]) => agents.map(({ id }) => id).sort();

/** The counters as a recount of all agents gives them. */
function recount(agents: Agent[]): string[] {
  const counts = new Map<string, CheckInCount>();
  for (const { sightings } of agents) {
    const checkIn = sightings.find(({ source }) => source === 'check-ins');
    if (!checkIn) continue;
    const { channel, version } = checkIn;
    const held = sightings.some((each) => each.source === 'inventory' && each.channel === channel);
    const count = counts.get(`${channel} ${version}`) ?? { channel, version, agents: 0, beyondInventory: 0 };
    counts.set(`${channel} ${version}`, {
      ...count,
      agents: count.agents + 1,
      beyondInventory: count.beyondInventory + (held ? 0 : 1),
    });
  }
  return [...counts.values()].map(shown).sort();
}

export function fleetContract(getStore: () => Store, harness: Harness): void {
  describe('fleet data', () => {
    it('begins empty', async () => {
      const store = getStore();
      expect(await store.counts()).toEqual({ surveys: [], checkIns: [] });
      expect(await store.agents({ limit: 10 })).toEqual({ agents: [], cursor: null });
      expect(await store.agent('a')).toBeNull();
      expect(await store.prune({ before: NOW })).toBe(0);
      await store.recordSightings('check-ins', []);
    });

    it('tells all that a sighting held', async () => {
      const store = getStore();
      const full = sighting('full', { updater: 'unit', updaterVersion: '17.4.2', group: 'production:eu-1' });
      const sightings = [
        full,
        sighting('gap', { updater: 'kube', group: 'g' }),
        sighting('dash', { group: '-' }),
        sighting('bare'),
        sighting('3f2a8c1e-9f7d-4c55-8a4e-1b2c3d4e5f60', { version: '17.0.0-cloud.20260102T030405.abcdef0', at: 0 }),
      ];
      await store.recordSightings('check-ins', sightings);
      for (const each of sightings) {
        expect(await store.agent(each.id)).toEqual({ id: each.id, sightings: [{ ...each, source: 'check-ins' }] });
      }
    });

    it.each(['check-ins', 'inventory'] as const)('keeps the newest sighting of %s', async (source) => {
      const store = getStore();
      const versionNow = async () => (await store.agent('a'))?.sightings[0]?.version;
      await store.recordSightings(source, [sighting('a', { version: '17.0.2' })]);
      await store.recordSightings(source, [sighting('a', { version: '17.0.1', at: NOW - 1 })]);
      expect(await versionNow()).toBe('17.0.2');
      await store.recordSightings(source, [sighting('a', { version: '17.0.3' })]);
      expect(await versionNow()).toBe('17.0.3');
      await store.recordSightings(source, [
        sighting('a', { version: '17.0.5', at: NOW + 2 }),
        sighting('a', { version: '17.0.4', at: NOW + 1 }),
      ]);
      expect(await versionNow()).toBe('17.0.5');
    });

    it('shows an agent as all its sources see it, the newest sighting first', async () => {
      const store = getStore();
      const old = sighting('a', { at: NOW - 5, version: '16.0.0' });
      const recent = sighting('a', { group: 'g' });
      await store.recordSightings('inventory', [recent]);
      await store.recordSightings('check-ins', [old]);
      const agent = {
        id: 'a',
        sightings: [
          { ...recent, source: 'inventory' },
          { ...old, source: 'check-ins' },
        ],
      };
      expect(await store.agent('a')).toEqual(agent);
      expect(await allAgents(store)).toEqual([agent]);
    });

    it('counts check-ins by channel and version', async () => {
      const store = getStore();
      await store.recordSightings('check-ins', [
        sighting('a'),
        sighting('b'),
        sighting('c', { version: '17.4.3' }),
        sighting('d', { channel: 'edge' }),
      ]);
      const expected = ['edge 17.4.2 1 1', 'stable/cloud 17.4.2 2 2', 'stable/cloud 17.4.3 1 1'];
      expect(await counters(store)).toEqual(expected);
      await store.recordSightings('check-ins', [sighting('a', { at: NOW + 1 })]);
      expect(await counters(store)).toEqual(expected);
    });

    it.each<[string, [SightingSource, Partial<Sighting>][], string[]]>([
      [
        'check-in, then inventory',
        [
          ['check-ins', {}],
          ['inventory', {}],
        ],
        ['stable/cloud 17.4.2 1 0'],
      ],
      [
        'inventory, then check-in',
        [
          ['inventory', {}],
          ['check-ins', {}],
        ],
        ['stable/cloud 17.4.2 1 0'],
      ],
      ['inventory alone', [['inventory', {}]], []],
      [
        'inventory of another channel',
        [
          ['inventory', { channel: 'edge' }],
          ['check-ins', {}],
        ],
        ['stable/cloud 17.4.2 1 1'],
      ],
      [
        'check-ins move to another channel',
        [
          ['inventory', {}],
          ['check-ins', {}],
          ['check-ins', { channel: 'edge' }],
        ],
        ['edge 17.4.2 1 1'],
      ],
      [
        'inventory follows to the other channel',
        [
          ['check-ins', { channel: 'edge' }],
          ['inventory', {}],
          ['inventory', { channel: 'edge' }],
        ],
        ['edge 17.4.2 1 0'],
      ],
      [
        'inventory moves away',
        [
          ['inventory', {}],
          ['check-ins', {}],
          ['inventory', { channel: 'edge' }],
        ],
        ['stable/cloud 17.4.2 1 1'],
      ],
      [
        'inventory tells another version',
        [
          ['inventory', { version: '16.0.0' }],
          ['check-ins', {}],
        ],
        ['stable/cloud 17.4.2 1 0'],
      ],
      [
        'check-ins change the version',
        [
          ['inventory', {}],
          ['check-ins', {}],
          ['check-ins', { version: '17.4.3' }],
        ],
        ['stable/cloud 17.4.3 1 0'],
      ],
      [
        'an old check-in comes late',
        [
          ['check-ins', {}],
          ['check-ins', { version: '17.4.1', at: NOW - 1 }],
        ],
        ['stable/cloud 17.4.2 1 1'],
      ],
    ])('counts who is beyond the inventory: %s', async (_, events, expected) => {
      const store = getStore();
      for (const [source, more] of events) await store.recordSightings(source, [sighting('a', more)]);
      expect(await counters(store)).toEqual(expected);
    });

    it('forgets an agent and its share of the counters', async () => {
      const store = getStore();
      await store.recordSightings('check-ins', [sighting('a'), sighting('b')]);
      await store.recordSightings('inventory', [sighting('a'), sighting('c')]);
      expect(await store.forget('a')).toBe(true);
      expect(await store.forget('a')).toBe(false);
      expect(await store.forget('c')).toBe(true);
      expect(await store.agent('a')).toBeNull();
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 1 1']);
      await store.forget('b');
      expect(await counters(store)).toEqual([]);
      expect(await allAgents(store)).toEqual([]);
    });

    it('prunes what was not seen for long, of all sources', async () => {
      const store = getStore();
      await store.recordSightings('check-ins', [
        sighting('a', { at: NOW - 2 }),
        sighting('b'),
        sighting('c', { at: NOW - 1 }),
      ]);
      await store.recordSightings('inventory', [
        sighting('a', { at: NOW - 3 }),
        sighting('b', { at: NOW - 2 }),
        sighting('c'),
      ]);
      expect(await store.prune({ before: NOW - 1 })).toBe(3);
      expect(await store.agent('a')).toBeNull();
      expect((await store.agent('b'))?.sightings.map(({ source }) => source)).toEqual(['check-ins']);
      expect((await store.agent('c'))?.sightings.map(({ source }) => source)).toEqual(['inventory', 'check-ins']);
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 2 1']);
    });

    it('replaces the inventory of one channel: records the new one and prunes the old', async () => {
      const store = getStore();
      const old = { at: NOW - 10 };
      await store.recordSightings('inventory', [
        sighting('kept', old),
        sighting('gone', old),
        sighting('edge', { ...old, channel: 'edge' }),
      ]);
      await store.recordSightings('check-ins', [sighting('gone', old), sighting('kept', old)]);
      await store.recordSightings('inventory', [sighting('kept'), sighting('new')]);
      expect(await store.prune({ before: NOW, inventoryOf: 'stable/cloud' })).toBe(1);
      const inventory = (await allAgents(store)).filter(({ sightings }) =>
        sightings.some(({ source }) => source === 'inventory'),
      );
      expect(ids(inventory)).toEqual(['edge', 'kept', 'new']);
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 2 1']);
    });

    it('keeps the newest survey of each channel and source', async () => {
      const store = getStore();
      const unsettled = survey({ settled: false });
      await store.saveSurvey(unsettled);
      await store.saveSurvey(survey({ at: NOW - 1, versions: {} }));
      expect((await store.counts()).surveys).toEqual([unsettled]);
      const others = [
        survey({ source: 'teleport-metrics', versions: { '16.0.0': 1 } }),
        survey({ channel: 'edge', at: NOW - 9 }),
      ];
      for (const each of [survey(), ...others]) await store.saveSurvey(each);
      const { surveys } = await store.counts();
      expect(surveys).toHaveLength(3);
      expect(surveys).toEqual(expect.arrayContaining([survey(), ...others]));
    });

    it('pages through all agents, each once', async () => {
      const store = getStore();
      const all = Array.from({ length: 1234 }, (_, n) => `agent-${n}`);
      await store.recordSightings(
        'check-ins',
        all.slice(0, 800).map((id) => sighting(id)),
      );
      await store.recordSightings(
        'inventory',
        all.slice(400).map((id) => sighting(id)),
      );
      for (const limit of [100, 617, 5000]) {
        const found = await allAgents(store, { limit });
        expect(found).toHaveLength(1234);
        expect(ids(found)).toEqual([...all].sort());
      }
    });

    it('never gives more agents than asked for', async () => {
      const store = getStore();
      await store.recordSightings(
        'check-ins',
        Array.from({ length: 30 }, (_, n) => sighting(`agent-${n}`)),
      );
      const { agents, cursor } = await store.agents({ limit: 7 });
      expect(agents).toHaveLength(7);
      expect(cursor).not.toBeNull();
    });

    it('finds agents by channel, version and age of the version', async () => {
      const store = getStore();
      await store.recordSightings('check-ins', [
        sighting('a', { version: '16.5.13' }),
        sighting('b', { version: '17.4.2' }),
        sighting('c', { version: '16.5.2', channel: 'edge' }),
        sighting('d', { version: '17.4.2-rc.1' }),
      ]);
      await store.recordSightings('inventory', [
        sighting('b', { version: '16.5.13', channel: 'edge' }),
        sighting('e', { version: '9.0.0' }),
      ]);
      const find = async (query: Partial<AgentQuery>) => ids(await allAgents(store, query));
      expect(await find({ channel: 'edge' })).toEqual(['b', 'c']);
      expect(await find({ version: '16.5.13' })).toEqual(['a', 'b']);
      expect(await find({ version: '16.5.13', channel: 'stable/cloud' })).toEqual(['a']);
      expect(await find({ olderThan: '17.4.2' })).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(await find({ olderThan: '16.5.13' })).toEqual(['c', 'e']);
      expect(await find({ olderThan: '17.4.2', channel: 'stable/cloud', limit: 1 })).toEqual(['a', 'd', 'e']);
      expect(await find({ channel: 'none' })).toEqual([]);
    });

    it('shows every agent that stays exactly once, also while others come and go', async () => {
      const store = getStore();
      const staying = Array.from({ length: 200 }, (_, n) => `stay-${n}`);
      const leaving = Array.from({ length: 100 }, (_, n) => `leave-${n}`);
      await store.recordSightings(
        'check-ins',
        [...staying, ...leaving].map((id) => sighting(id)),
      );
      const found: string[] = [];
      let cursor: string | undefined;
      let round = 0;
      do {
        const page = await store.agents({ limit: 20, cursor });
        found.push(...page.agents.map(({ id }) => id));
        // The last one shown goes too: its place must stay known.
        const last = page.agents.at(-1)?.id ?? '';
        if (last.startsWith('leave')) await store.forget(last);
        for (const id of leaving.slice(10 * round, 10 * round + 10)) await store.forget(id);
        await store.recordSightings('check-ins', [sighting(`come-${round++}`)]);
        cursor = page.cursor ?? undefined;
      } while (cursor !== undefined);
      expect(found.filter((id) => id.startsWith('stay')).sort()).toEqual([...staying].sort());
      expect(new Set(found).size).toBe(found.length);
    });

    it('keeps counters that a recount of all agents confirms, whatever happens', async () => {
      const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
      const at = fc.nat(20);
      const channel = fc.constantFrom('x', 'y');
      const seen = fc.record({ id, at, channel, version: fc.constantFrom('1.0.0', '2.0.0') });
      const operation = fc.oneof(
        {
          weight: 4,
          arbitrary: fc.record({
            source: fc.constantFrom('check-ins' as const, 'inventory' as const),
            batch: fc.array(seen, { maxLength: 4 }),
          }),
        },
        { weight: 1, arbitrary: fc.record({ forget: id }) },
        { weight: 1, arbitrary: fc.record({ before: at, inventoryOf: fc.option(channel, { nil: undefined }) }) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 15 }), async (operations) => {
          const store = await harness.fresh();
          for (const each of operations) {
            if ('batch' in each)
              await store.recordSightings(
                each.source,
                each.batch.map(({ id, ...more }) => sighting(id, more)),
              );
            else if ('forget' in each) await store.forget(each.forget);
            else await store.prune(each);
          }
          expect(await counters(store)).toEqual(recount(await allAgents(store)));
          await store.close();
        }),
        { numRuns: 40 },
      );
    });
  });
}
