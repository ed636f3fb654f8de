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
  enrolled: true,
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

/** Every counter as `channel version agents beyondInventory`, sorted. */
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

/** Groups and updater kinds as `channel label agents beyondInventory`, strangers as `channel agents`, sorted. */
async function labelCounters(store: Store): Promise<string[]> {
  const { groups, updaters, unenrolled } = await store.counts();
  const labels = [...groups, ...updaters].map(
    ({ channel, label, agents, beyondInventory }) => `${channel} ${label} ${agents} ${beyondInventory}`,
  );
  return [...labels, ...unenrolled.map(({ channel, agents }) => `${channel} ${agents}`)].sort();
}

/** The same from a recount of all agents. */
function recountLabels(agents: Agent[]): string[] {
  const counts = new Map<string, [number, number]>();
  const strangers = new Map<string, number>();
  for (const { sightings } of agents) {
    const checkIn = sightings.find(({ source }) => source === 'check-ins');
    if (!checkIn) continue;
    const { channel, group, updater, enrolled } = checkIn;
    if (!enrolled) strangers.set(channel, (strangers.get(channel) ?? 0) + 1);
    const held = sightings.some((each) => each.source === 'inventory' && each.channel === channel);
    for (const label of enrolled ? [group, updater] : []) {
      const [all, beyond] = counts.get(`${channel} ${label}`) ?? [0, 0];
      if (label) counts.set(`${channel} ${label}`, [all + 1, beyond + (held ? 0 : 1)]);
    }
  }
  const labels = [...counts].map(([field, [all, beyond]]) => `${field} ${all} ${beyond}`);
  return [...labels, ...[...strangers].map(([channel, count]) => `${channel} ${count}`)].sort();
}

/** The counters from a recount of all agents. */
function recount(agents: Agent[]): string[] {
  const counts = new Map<string, CheckInCount>();
  for (const { sightings } of agents) {
    const checkIn = sightings.find(({ source, enrolled }) => source === 'check-ins' && enrolled);
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
    it('starts empty', async () => {
      const store = getStore();
      expect(await store.counts()).toEqual({
        surveys: [],
        checkIns: [],
        groups: [],
        updaters: [],
        unenrolled: [],
        latest: [],
      });
      expect(await store.agents({ limit: 10 })).toEqual({ agents: [], cursor: null });
      expect(await store.agent('a')).toBeNull();
      expect(await store.prune({ before: NOW })).toBe(0);
      expect(await store.recordSightings('check-ins', [])).toBe(0);
    });

    it('keeps every field of a sighting', async () => {
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

    it('spreads a large batch over the given time', async () => {
      const store = getStore();
      const fleet = Array.from({ length: 1_000 }, (_, n) => sighting(`agent-${n}`));
      const start = performance.now();
      await store.recordSightings('check-ins', fleet, 600);
      // The last piece starts at its time.
      expect(performance.now() - start).toBeGreaterThan(450);
      expect((await store.counts()).checkIns).toEqual([expect.objectContaining({ agents: 1_000 })]);
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

    it('shows an agent with all its sources, the newest sighting first', async () => {
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
        'inventory reports another version',
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
    ])('counts agents beyond the inventory: %s', async (_, events, expected) => {
      const store = getStore();
      for (const [source, more] of events) await store.recordSightings(source, [sighting('a', more)]);
      expect(await counters(store)).toEqual(expected);
    });

    it('counts groups and updater kinds, and counts unenrolled agents separately', async () => {
      const store = getStore();
      await store.recordSightings('inventory', [sighting('b')]);
      await store.recordSightings('check-ins', [
        sighting('a', { group: 'canary', updater: 'unit' }),
        sighting('b', { group: 'canary', updater: 'kube' }),
        sighting('c'),
        sighting('d', { enrolled: false, version: '1.0.0', group: 'canary', updater: 'binary' }),
      ]);
      const expected = ['stable/cloud 1', 'stable/cloud canary 2 1', 'stable/cloud kube 1 0', 'stable/cloud unit 1 1'];
      expect(await labelCounters(store)).toEqual(expected);
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 3 2']);
    });

    it('knows when an agent last checked in, until that is pruned', async () => {
      const store = getStore();
      const latest = async () => (await store.counts()).latest;
      await store.recordSightings('check-ins', [sighting('a', { at: NOW - 5 }), sighting('b', { at: NOW - 9 })]);
      expect(await latest()).toEqual([{ channel: 'stable/cloud', at: NOW - 5 }]);
      await store.recordSightings('check-ins', [sighting('c', { at: NOW, enrolled: false })]);
      await store.recordSightings('check-ins', [sighting('a', { at: NOW - 2 })]);
      expect(await latest()).toEqual([{ channel: 'stable/cloud', at: NOW - 2 }]);
      await store.prune({ before: NOW - 1 });
      expect(await latest()).toEqual([]);
    });

    it('never lets an unenrolled sighting replace an enrolled one', async () => {
      const store = getStore();
      const enrolled = sighting('a', { at: NOW - 5 });
      const stranger = sighting('a', { version: '1.0.0', enrolled: false });
      await store.recordSightings('check-ins', [stranger]);
      expect((await store.agent('a'))?.sightings).toEqual([{ ...stranger, source: 'check-ins' }]);
      await store.recordSightings('check-ins', [enrolled]);
      await store.recordSightings('check-ins', [{ ...stranger, at: NOW + 5 }]);
      expect((await store.agent('a'))?.sightings).toEqual([{ ...enrolled, source: 'check-ins' }]);
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 1 1']);
    });

    it('shows an enrolled sighting before an unenrolled one, however new that is', async () => {
      const store = getStore();
      await store.recordSightings('inventory', [sighting('a', { at: NOW - 5 })]);
      await store.recordSightings('check-ins', [sighting('a', { version: '1.0.0', enrolled: false })]);
      expect((await store.agent('a'))?.sightings.map(({ source }) => source)).toEqual(['inventory', 'check-ins']);
    });

    it('refuses agents beyond its limits, and strangers beyond theirs', async () => {
      const store = await harness.fresh({ agents: 320, unenrolled: 32 });
      const ids = (prefix: string, enrolled: boolean) =>
        Array.from({ length: 1000 }, (_, n) => sighting(`${prefix}-${n}`, { enrolled }));
      const strangers = await store.recordSightings('check-ins', ids('stranger', false));
      const refused = await store.recordSightings('check-ins', ids('agent', true));
      const agents = await allAgents(store);
      const enrolled = agents.filter(({ sightings }) => sightings[0]?.enrolled);
      expect(enrolled).toHaveLength(1000 - refused);
      expect(enrolled.length).toBeLessThanOrEqual(320);
      expect(enrolled.length).toBeGreaterThan(200);
      expect(agents.length - enrolled.length).toBe(1000 - strangers);
      expect(agents.length - enrolled.length).toBeLessThanOrEqual(32);
      const again = enrolled.map(({ id }) => sighting(id, { at: NOW + 1, version: '17.4.3' }));
      expect(await store.recordSightings('check-ins', again), 'who is in stays in').toBe(0);
      expect(await counters(store)).toEqual([`stable/cloud 17.4.3 ${enrolled.length} ${enrolled.length}`]);
      await store.close();
    });

    it('limits the versions and groups that it counts, whatever agents report', async () => {
      const store = getStore();
      const inventions = Array.from({ length: 40_000 }, (_, n) =>
        sighting(`agent-${n}`, { version: `1.${n}.0`, group: `group-${n}` }),
      );
      const refused = await store.recordSightings('check-ins', inventions);
      const { checkIns, groups } = await store.counts();
      expect(refused).toBeGreaterThan(20_000);
      expect(checkIns.length).toBe(40_000 - refused);
      expect(groups.find(({ label }) => label === 'other')?.agents).toBeGreaterThan(0);
      expect(checkIns.length + groups.length).toBeLessThan(16 * 1024);
      // An agent that reports something that cannot be counted stays as it was.
      const [kept] = (await store.agents({ limit: 1 })).agents;
      const [before] = kept?.sightings ?? [];
      if (!before) throw new Error('no agent was kept');
      expect(await store.recordSightings('check-ins', [{ ...before, at: NOW + 1, version: '1.0.1' }])).toBe(1);
      expect(await store.agent(before.id)).toEqual(kept);
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

    it('prunes sightings of all sources that are too old', async () => {
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

    it('finds agents by group, source, enrolment and when they were seen', async () => {
      const store = getStore();
      await store.recordSightings('check-ins', [
        sighting('a', { group: 'canary', at: NOW - 5 }),
        sighting('b', { group: 'rest' }),
        sighting('c', { enrolled: false, at: NOW - 9 }),
      ]);
      await store.recordSightings('inventory', [sighting('b', { at: NOW - 7 }), sighting('d')]);
      const find = async (query: Partial<AgentQuery>) => ids(await allAgents(store, query));
      expect(await find({ group: 'canary' })).toEqual(['a']);
      expect(await find({ source: 'inventory' })).toEqual(['b', 'd']);
      expect(await find({ enrolled: false })).toEqual(['c']);
      expect(await find({ seenBefore: NOW - 5 })).toEqual(['b', 'c']);
      expect(await find({ seenSince: NOW - 5 })).toEqual(['a', 'b', 'd']);
      expect(await find({ seenBefore: NOW - 5, source: 'check-ins' })).toEqual(['c']);
    });

    it('shows every agent that stays exactly once, even while others come and go', async () => {
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
        // The agent shown last goes too: its position must stay known.
        const last = page.agents.at(-1)?.id ?? '';
        if (last.startsWith('leave')) await store.forget(last);
        for (const id of leaving.slice(10 * round, 10 * round + 10)) await store.forget(id);
        await store.recordSightings('check-ins', [sighting(`come-${round++}`)]);
        cursor = page.cursor ?? undefined;
      } while (cursor !== undefined);
      expect(found.filter((id) => id.startsWith('stay')).sort()).toEqual([...staying].sort());
      expect(new Set(found).size).toBe(found.length);
    });

    it('keeps counters that agree with a recount of all agents, whatever happens', async () => {
      const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
      const at = fc.nat(20);
      const channel = fc.constantFrom('x', 'y');
      const seen = fc.record({
        id,
        at,
        channel,
        version: fc.constantFrom('1.0.0', '2.0.0'),
        group: fc.constantFrom('canary', 'rest', null),
        updater: fc.constantFrom('unit', 'kube', null),
        enrolled: fc.nat(3).map((n) => n > 0),
      });
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
                each.batch.map(({ id, ...more }) =>
                  sighting(id, { ...more, enrolled: more.enrolled || each.source === 'inventory' }),
                ),
              );
            else if ('forget' in each) await store.forget(each.forget);
            else await store.prune(each);
          }
          const agents = await allAgents(store);
          expect(await counters(store)).toEqual(recount(agents));
          expect(await labelCounters(store)).toEqual(recountLabels(agents));
          await store.close();
        }),
        { numRuns: 40 },
      );
    }, 60_000);
  });
}
