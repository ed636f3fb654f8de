import { describe, expect, it } from 'vitest';
import { type Agent, MAX_ELSEWHERE, NO_PAST, type Sighting, type SightingSource } from '../../src/domain/agent.ts';
import type { VersionTally } from '../../src/domain/fleet-counts.ts';
import type { AgentQuery, RecordingOptions, Store } from '../../src/domain/store.ts';
import type { Survey } from '../../src/domain/survey.ts';
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
  proven: true,
  updaterState: null,
  host: null,
  listing: null,
  expired: false,
  ...more,
});

/** A sighting in an inventory of its channel, which was imported at `NOW`. */
const listed = (id: string, more: Partial<Sighting> = {}): Sighting =>
  sighting(id, { listing: { at: NOW, scope: more.channel ?? 'stable/cloud' }, ...more });

const survey = (more: Partial<Survey> = {}): Survey => ({
  channel: 'stable/cloud',
  source: 'inventory',
  at: NOW,
  readAt: 0,
  scope: 'stable/cloud',
  complete: true,
  versions: { '17.4.2': 3, '?': 1 },
  unmanaged: { '17.0.0': 2 },
  expired: 1,
  unmappedGroups: { 'prod-eu': 2 },
  readings: [{ from: NOW - 5, until: NOW, agents: 4, anonymous: {} }],
  failing: null,
  revision: 0,
  ...more,
});

/** `channel version agents` of each version that counts, sorted. */
const counters = async (store: Store) => (await store.counts()).known.map(shown).sort();
/** The same of what check-ins reported. */
const reported = async (store: Store) => (await store.counts()).checkIns.map(shown).sort();
const shown = ({ channel, version, agents }: VersionTally) => `${channel} ${version} ${agents}`;

/** Of the agents that count those in dispute. */
const disputes = async (store: Store) =>
  (await store.counts()).disputed
    .map(({ channel, low, high, agents }) => `${channel} ${low} to ${high}: ${agents}`)
    .sort();

/** Records in a moment after all that is recorded. */
const record = (store: Store, source: SightingSource, batch: Sighting[], more: Partial<RecordingOptions> = {}) =>
  store.recordSightings(source, batch, { now: NOW + 1_000, contestedFor: 3_600_000, targets: new Map(), ...more });

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

/** `channel label agents` of each group, updater kind and mark, and `channel agents` of strangers, sorted. */
async function labelCounters(store: Store): Promise<string[]> {
  const { groups, updaters, marks, unenrolled } = await store.counts();
  const labels = [...groups, ...updaters].map(({ channel, label, agents }) => `${channel} ${label} ${agents}`);
  const marked = marks.map(({ channel, mark, agents }) => `${channel} ${mark} ${agents}`);
  return [...labels, ...marked, ...unenrolled.map(({ channel, agents }) => `${channel} ${agents}`)].sort();
}

export function fleetContract(getStore: () => Store, harness: Harness): void {
  describe('fleet data', () => {
    it('begins empty', async () => {
      const store = getStore();
      expect(await store.counts()).toEqual({
        surveys: [],
        known: [],
        disputed: [],
        checkIns: [],
        groups: [],
        updaters: [],
        marks: [],
        unenrolled: [],
        latest: [],
        uncounted: [],
      });
      expect(await store.agents({ limit: 10 })).toEqual({ agents: [], cursor: null });
      expect(await store.agent('a')).toBeNull();
      expect(await store.prune({ unenrolledBefore: NOW })).toBe(0);
      expect(await record(store, 'check-ins', [])).toBe(0);
    });

    it('keeps all that a check-in held', async () => {
      const store = getStore();
      const full = sighting('full', { updater: 'unit', updaterVersion: '17.4.2', group: 'production:eu-1' });
      const sightings = [
        full,
        sighting('gap', { updater: 'kube', group: 'g' }),
        sighting('dash', { group: '-' }),
        sighting('bare'),
        sighting('open', { proven: false, version: '17.4.2+fips.1', updaterVersion: '?' }),
        sighting('stranger', { enrolled: false, proven: false }),
        sighting('3f2a8c1e-9f7d-4c55-8a4e-1b2c3d4e5f60', { version: '17.0.0-cloud.20260102T030405.abcdef0', at: 0 }),
      ];
      await record(store, 'check-ins', sightings);
      for (const each of sightings) {
        const agent = { id: each.id, sightings: [{ ...each, source: 'check-ins' }], past: NO_PAST };
        expect(await store.agent(each.id)).toEqual(agent);
      }
    });

    it('keeps all that an inventory held, and the host where there is room', async () => {
      const store = getStore();
      const scope = '@main';
      const sightings = [
        listed('full', {
          version: '1.0.0',
          group: 'g',
          updaterState: 'pinned',
          host: 'db-1',
          listing: { at: NOW, scope },
        }),
        listed('host', { version: '?', host: 'hôte' }),
        listed('expired', { expired: true, updaterState: 'unreadable', updater: 'binary', updaterVersion: '1.0.0' }),
        listed('ok', { updaterState: 'ok', at: NOW - 7 }),
        listed('failing', { updaterState: 'failing' }),
        listed('error', { updaterState: 'failing', updaterError: 4_294_967_295, host: 'db-1' }),
        listed('gone', { updaterState: 'failing', updaterError: 2, expired: true }),
        listed('v2', { updater: 'binary', updateId: '0b5a2b1e-0000-4000-8000-000000000001' }),
        listed('v2-host', { updater: 'binary', host: 'db-1', updateId: '0b5a2b1e-0000-4000-8000-000000000002' }),
      ];
      // What is listed again is packed by the store itself.
      await record(store, 'inventory', sightings);
      const odd = [listed('long', { host: 'a'.repeat(63) }), listed('space', { host: 'my host' })];
      await record(store, 'inventory', [...sightings, ...odd]);
      for (const each of [...sightings, ...odd.map((without) => ({ ...without, host: null }))]) {
        const agent = { id: each.id, sightings: [{ ...each, source: 'inventory' }], past: NO_PAST };
        expect(await store.agent(each.id)).toEqual(agent);
      }
    });

    it('spreads a large batch over the time that it is given', async () => {
      const store = getStore();
      const fleet = Array.from({ length: 1_000 }, (_, n) => sighting(`agent-${n}`));
      const start = performance.now();
      await record(store, 'check-ins', fleet, { within: 600 });
      // The last piece begins when its time has come.
      expect(performance.now() - start).toBeGreaterThan(450);
      expect((await store.counts()).known).toEqual([expect.objectContaining({ agents: 1_000 })]);
    });

    it.each(['check-ins', 'inventory'] as const)('keeps the newest sighting of %s', async (source) => {
      const store = getStore();
      const versionNow = async () => (await store.agent('a'))?.sightings[0]?.version;
      const targets = new Map([['stable/cloud', '17.0.3']]);
      await record(store, source, [sighting('a', { version: '17.0.2' })]);
      await record(store, source, [sighting('a', { version: '17.0.1', at: NOW - 1 })]);
      expect(await versionNow()).toBe('17.0.2');
      await record(store, source, [sighting('a', { version: '17.0.3' })]);
      expect(await versionNow()).toBe('17.0.3');
      await record(
        store,
        source,
        [sighting('a', { version: '17.0.5', at: NOW + 2 }), sighting('a', { version: '17.0.4', at: NOW + 1 })],
        { targets },
      );
      expect(await versionNow()).toBe('17.0.5');
    });

    it('shows an agent as all its sources see it, the newest sighting first', async () => {
      const store = getStore();
      const old = sighting('a', { at: NOW - 5, version: '16.0.0' });
      const recent = listed('a', { group: 'g' });
      await record(store, 'inventory', [recent]);
      await record(store, 'check-ins', [old]);
      const agent = {
        id: 'a',
        sightings: [
          { ...recent, source: 'inventory' },
          { ...old, source: 'check-ins' },
        ],
        past: NO_PAST,
      };
      expect(await store.agent('a')).toEqual(agent);
      expect(await allAgents(store)).toEqual([agent]);
    });

    it('counts check-ins by channel and version', async () => {
      const store = getStore();
      await record(store, 'check-ins', [
        sighting('a'),
        sighting('b'),
        sighting('c', { version: '17.4.3' }),
        sighting('d', { channel: 'edge' }),
      ]);
      const expected = ['edge 17.4.2 1', 'stable/cloud 17.4.2 2', 'stable/cloud 17.4.3 1'];
      expect(await counters(store)).toEqual(expected);
      expect(await reported(store)).toEqual(expected);
      await record(store, 'check-ins', [sighting('a', { at: NOW + 1 })]);
      expect(await counters(store)).toEqual(expected);
    });

    it.each<[string, [SightingSource, Partial<Sighting>][], string[]]>([
      ['inventory alone', [['inventory', {}]], ['stable/cloud 17.4.2 1']],
      [
        'both alike',
        [
          ['check-ins', {}],
          ['inventory', {}],
        ],
        ['stable/cloud 17.4.2 1'],
      ],
      [
        'two channels',
        [
          ['inventory', { channel: 'edge' }],
          ['check-ins', {}],
        ],
        ['edge 17.4.2 1', 'stable/cloud 17.4.2 1'],
      ],
      [
        'a check-in that moves: on both channels',
        [
          ['check-ins', {}],
          ['check-ins', { channel: 'edge' }],
        ],
        ['edge 17.4.2 1', 'stable/cloud 17.4.2 1'],
      ],
      [
        'an inventory that moves: on the new channel',
        [
          ['inventory', {}],
          ['inventory', { channel: 'edge' }],
        ],
        ['edge 17.4.2 1'],
      ],
      [
        'the newer of two sources',
        [
          ['inventory', { version: '16.0.0', at: NOW - 1 }],
          ['check-ins', {}],
        ],
        ['stable/cloud 17.4.2 1'],
      ],
      [
        'of two sources of one moment the lower version',
        [
          ['inventory', { version: '16.0.0' }],
          ['check-ins', {}],
        ],
        ['stable/cloud 16.0.0 1'],
      ],
      [
        'an inventory that is newer again',
        [
          ['inventory', { version: '16.0.0', at: NOW - 1 }],
          ['check-ins', {}],
          ['inventory', { version: '17.4.3', at: NOW + 1 }],
        ],
        ['stable/cloud 17.4.3 1'],
      ],
      [
        'a check-in that anybody could have sent never raises an inventory',
        [
          ['inventory', { version: '16.0.0', at: NOW - 1 }],
          ['check-ins', { proven: false }],
        ],
        ['stable/cloud 16.0.0 1'],
      ],
      [
        'the next check-in, though nothing but its time is new',
        [
          ['check-ins', {}],
          ['inventory', { version: '17.4.3', at: NOW + 1 }],
          ['check-ins', { at: NOW + 2 }],
        ],
        ['stable/cloud 17.4.2 1'],
      ],
      [
        'an old check-in that comes late',
        [
          ['check-ins', {}],
          ['check-ins', { version: '17.4.1', at: NOW - 1 }],
        ],
        ['stable/cloud 17.4.2 1'],
      ],
      [
        'an expired instance that checks in',
        [
          ['inventory', { expired: true }],
          ['check-ins', {}],
        ],
        ['stable/cloud 17.4.2 1'],
      ],
      ['an expired instance', [['inventory', { expired: true }]], []],
    ])('counts each agent once: %s', async (_, events, expected) => {
      const store = getStore();
      for (const [source, more] of events) {
        await record(store, source, [source === 'inventory' ? listed('a', more) : sighting('a', more)]);
      }
      expect(await counters(store)).toEqual(expected);
    });

    it('counts an agent at both ends where an inventory and a check-in that anybody could have sent differ', async () => {
      const store = getStore();
      await record(store, 'inventory', [listed('a', { at: NOW - 2 }), listed('b', { at: NOW - 2 })]);
      expect(await disputes(store)).toEqual([]);
      const open = { proven: false, version: '16.0.0' };
      await record(store, 'check-ins', [sighting('a', open), sighting('b', { ...open, channel: 'edge' })]);
      const both = ['edge 16.0.0 to 17.4.2: 1', 'stable/cloud 16.0.0 to 17.4.2: 2'];
      expect(await disputes(store)).toEqual(both);
      expect(await counters(store)).toEqual(['edge 16.0.0 1', 'stable/cloud 16.0.0 2']);
      for (const version of ['16.0.0', '17.4.2']) expect(ids(await allAgents(store, { version }))).toEqual(['a', 'b']);
      await record(store, 'check-ins', [sighting('a', { ...open, at: NOW + 1 })]);
      expect(await disputes(store), 'the same again').toEqual(both);
      await record(store, 'inventory', [listed('a', { at: NOW + 2, version: '16.0.0' })]);
      expect(await disputes(store), 'a newer inventory settles it').toEqual(
        both.map((each) => each.replace(/2$/, '1')),
      );
      await store.forget('b');
      expect(await disputes(store)).toEqual([]);
      await record(store, 'check-ins', [sighting('a', { ...open, at: NOW + 3, version: '18.0.0' })]);
      expect(await disputes(store)).toEqual(['stable/cloud 16.0.0 to 18.0.0: 1']);
    });

    it('counts a pair of versions too many of a channel by their lines, and refuses none', async () => {
      const store = getStore();
      const fleet = Array.from({ length: 10_000 }, (_, n) => `agent-${n}`);
      const version = (n: number) => `17.0.${Math.floor(n / 100) % 40}`;
      await record(
        store,
        'inventory',
        fleet.map((id, n) => listed(id, { at: NOW - 1, version: version(n) })),
      );
      const inventions = fleet.map((id, n) => sighting(id, { proven: false, version: `9.0.${n % 100}` }));
      expect(await record(store, 'check-ins', inventions)).toBe(0);
      const { known, disputed } = await store.counts();
      const sum = (all: { agents: number }[]) => all.reduce((total, { agents }) => total + agents, 0);
      expect([known, disputed].map(sum)).toEqual([10_000, 10_000]);
      expect(disputed.length).toBeLessThanOrEqual(16 * 401);
      expect(disputed.find(({ low, high }) => low === '9.x' && high === '17.x')?.agents).toBeGreaterThan(1_000);
      for (const { low } of disputed) {
        const those = (all: { agents: number; low?: string; version?: string }[]) =>
          sum(all.filter((each) => (each.low ?? each.version) === low));
        expect(those(known)).toBeGreaterThanOrEqual(those(disputed));
      }
      await store.prune({
        checkIns: new Map([['stable/cloud', NOW + 1]]),
        unlisted: { scope: 'stable/cloud', before: NOW + 1 },
      });
      expect(await store.counts()).toMatchObject({ known: [], disputed: [] });
    }, 120_000);

    it('remembers that an agent went back, and that it goes back and forth', async () => {
      const store = getStore();
      const targets = new Map([['edge', '16.0.0']]);
      const at = (n: number, version: string, channel = 'stable/cloud') =>
        record(store, 'check-ins', [sighting('a', { version, channel, at: NOW + n })], { targets, contestedFor: 10 });
      await at(0, '17.4.2');
      await at(1, '17.4.1');
      const reverted = { from: '17.4.2', was: NOW, at: NOW + 1 };
      expect((await store.agent('a'))?.past).toEqual({ ...NO_PAST, reverted });
      await at(2, '17.4.2');
      const contested = { version: '17.4.1', at: NOW + 1, high: '17.4.2' };
      expect((await store.agent('a'))?.past).toEqual({ ...NO_PAST, reverted, contested });
      expect(await counters(store)).toEqual(['stable/cloud 17.4.1 1']);
      expect(await disputes(store)).toEqual(['stable/cloud 17.4.1 to 17.4.2: 1']);
      expect(await labelCounters(store)).toEqual(['stable/cloud contested 1', 'stable/cloud reverted 1']);
      await at(12, '17.4.2');
      expect((await store.agent('a'))?.past, 'long enough at the higher version').toEqual(NO_PAST);
      expect(await disputes(store)).toEqual([]);
      await record(store, 'check-ins', [sighting('b', { channel: 'edge' })]);
      await record(store, 'check-ins', [sighting('b', { channel: 'edge', version: '16.0.0' })], { targets });
      expect((await store.agent('b'))?.past, 'its channel was rolled back').toEqual(NO_PAST);
    });

    it('refuses check-ins on too many channels, and says so', async () => {
      const store = getStore();
      const on = (n: number) => record(store, 'check-ins', [sighting('a', { channel: `c${n}`, at: NOW + n })]);
      for (let n = 0; n <= MAX_ELSEWHERE; n++) expect(await on(n)).toBe(0);
      expect(await on(MAX_ELSEWHERE + 1)).toBe(1);
      const { known, uncounted } = await store.counts();
      expect(known).toHaveLength(MAX_ELSEWHERE + 1);
      expect(uncounted).toEqual([{ channel: `c${MAX_ELSEWHERE + 1}`, line: '17.x', at: NOW + MAX_ELSEWHERE + 1 }]);
    });

    it('remembers check-ins that were dropped, until they are pruned or forgotten', async () => {
      const store = getStore();
      const uncounted = async () =>
        (await store.counts()).uncounted.map(({ channel, line, at }) => `${channel} ${line} ${at - NOW}`).sort();
      await store.noteUncounted([
        { channel: 'edge', line: '15.x', at: NOW },
        { channel: 'edge', line: '?', at: NOW - 5 },
        { channel: 'stable/cloud', line: '4.3.x', at: NOW },
      ]);
      await store.noteUncounted([{ channel: 'edge', line: '15.x', at: NOW - 1 }]);
      expect(await uncounted()).toEqual(['edge 15.x 0', 'edge ? -5', 'stable/cloud 4.3.x 0']);
      await store.prune({ unenrolledBefore: NOW + 1, checkIns: new Map([['edge', NOW]]) });
      expect(await uncounted()).toEqual(['edge 15.x 0', 'stable/cloud 4.3.x 0']);
      await store.forgetUncounted('stable/cloud', '15.x');
      await store.forgetUncounted('edge', '15.x');
      expect(await uncounted()).toEqual(['stable/cloud 4.3.x 0']);
    });

    it('still lists an agent of which an inventory has no news', async () => {
      const store = getStore();
      await record(store, 'inventory', [listed('a', { host: 'h' })]);
      await record(store, 'inventory', [
        listed('a', { at: NOW - 5, expired: true, listing: { at: NOW + 5, scope: '@main' } }),
      ]);
      const kept = listed('a', { host: 'h', listing: { at: NOW + 5, scope: '@main' } });
      expect((await store.agent('a'))?.sightings).toEqual([{ ...kept, source: 'inventory' }]);
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 1']);
    });

    it('counts an instance that had expired again once it is seen after that', async () => {
      const store = getStore();
      const expired = async () => (await store.agent('a'))?.sightings.map((each) => each.expired);
      await record(store, 'inventory', [listed('a', { at: NOW - 5, expired: true })]);
      await record(store, 'inventory', [listed('a', { at: NOW - 9 })]);
      await record(store, 'inventory', [listed('a', { at: NOW - 5, version: '17.0.0' })]);
      expect([await expired(), await counters(store)]).toEqual([[true], []]);
      await record(store, 'inventory', [listed('a', { at: NOW - 4 })]);
      expect([await expired(), await counters(store)]).toEqual([[false], ['stable/cloud 17.4.2 1']]);
    });

    it('counts the states of updaters, and instances that expired', async () => {
      const store = getStore();
      await record(store, 'inventory', [
        listed('a', { updaterState: 'pinned' }),
        listed('b', { updaterState: 'ok' }),
        listed('c', { updaterState: 'unreadable', channel: 'edge' }),
        listed('d', { updaterState: 'disabled', expired: true }),
        listed('e', { updaterState: 'failing' }),
        listed('f', { updaterState: 'failing', updaterError: 2 }),
      ]);
      const expected = [
        'edge unreadable 1',
        'stable/cloud expired 1',
        'stable/cloud failing 2',
        'stable/cloud pinned 1',
      ];
      expect(await labelCounters(store)).toEqual(expected);
    });

    it('counts groups and updater kinds, and agents that are not enrolled apart', async () => {
      const store = getStore();
      await record(store, 'inventory', [listed('b', { group: 'rest', at: NOW - 1 })]);
      await record(store, 'check-ins', [
        sighting('a', { group: 'canary', updater: 'unit' }),
        sighting('b', { group: 'canary', updater: 'kube' }),
        sighting('c'),
        sighting('d', { enrolled: false, version: '1.0.0', group: 'canary', updater: 'binary' }),
      ]);
      const expected = ['stable/cloud 1', 'stable/cloud canary 2', 'stable/cloud kube 1', 'stable/cloud unit 1'];
      expect(await labelCounters(store)).toEqual(expected);
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 3']);
    });

    it('knows when somebody last checked in, until that is pruned', async () => {
      const store = getStore();
      const latest = async () => (await store.counts()).latest;
      await record(store, 'check-ins', [sighting('a', { at: NOW - 5 }), sighting('b', { at: NOW - 9 })]);
      expect(await latest()).toEqual([{ channel: 'stable/cloud', at: NOW - 5 }]);
      await record(store, 'check-ins', [sighting('c', { at: NOW, enrolled: false })]);
      await record(store, 'check-ins', [sighting('a', { at: NOW - 2 })]);
      expect(await latest()).toEqual([{ channel: 'stable/cloud', at: NOW - 2 }]);
      await store.prune({ checkIns: new Map([['edge', NOW]]), unenrolledBefore: NOW });
      expect(await latest()).toEqual([{ channel: 'stable/cloud', at: NOW - 2 }]);
      await store.prune({ checkIns: new Map([['stable/cloud', NOW - 1]]) });
      expect(await latest()).toEqual([]);
    });

    it('never lets one that is not enrolled take the place of one that is', async () => {
      const store = getStore();
      const enrolled = sighting('a', { at: NOW - 5 });
      const stranger = sighting('a', { version: '1.0.0', enrolled: false });
      await record(store, 'check-ins', [stranger]);
      expect((await store.agent('a'))?.sightings).toEqual([{ ...stranger, source: 'check-ins' }]);
      await record(store, 'check-ins', [enrolled]);
      await record(store, 'check-ins', [{ ...stranger, at: NOW + 5 }]);
      expect((await store.agent('a'))?.sightings).toEqual([{ ...enrolled, source: 'check-ins' }]);
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 1']);
    });

    it('shows what is enrolled before what is not, however new that is', async () => {
      const store = getStore();
      await record(store, 'inventory', [listed('a', { at: NOW - 5 })]);
      await record(store, 'check-ins', [sighting('a', { version: '1.0.0', enrolled: false })]);
      expect((await store.agent('a'))?.sightings.map(({ source }) => source)).toEqual(['inventory', 'check-ins']);
    });

    it('refuses agents beyond its limits, and strangers beyond theirs', async () => {
      const store = await harness.fresh({ agents: 320, unenrolled: 32 });
      const ids = (prefix: string, enrolled: boolean) =>
        Array.from({ length: 1000 }, (_, n) => sighting(`${prefix}-${n}`, { enrolled }));
      const strangers = await record(store, 'check-ins', ids('stranger', false));
      const refused = await record(store, 'check-ins', ids('agent', true));
      const agents = await allAgents(store);
      const enrolled = agents.filter(({ sightings }) => sightings[0]?.enrolled);
      expect(enrolled).toHaveLength(1000 - refused);
      expect(enrolled.length).toBeLessThanOrEqual(320);
      expect(enrolled.length).toBeGreaterThan(200);
      expect(agents.length - enrolled.length).toBe(1000 - strangers);
      expect(agents.length - enrolled.length).toBeLessThanOrEqual(32);
      expect((await store.counts()).uncounted, 'what is refused is named').toEqual([
        { channel: 'stable/cloud', line: '17.x', at: NOW },
      ]);
      await store.prune({ unenrolledBefore: NOW });
      expect((await store.counts()).uncounted).toHaveLength(1);
      const again = enrolled.map(({ id }) => sighting(id, { at: NOW + 1, version: '17.4.3' }));
      expect(await record(store, 'check-ins', again), 'who is in stays in').toBe(0);
      expect(await counters(store)).toEqual([`stable/cloud 17.4.3 ${enrolled.length}`]);
      expect(await store.prune({ unenrolledBefore: NOW + 1 })).toBe(1000 - strangers);
      const [{ channel = '' } = {}] = (await store.counts()).uncounted;
      expect(channel, 'it stays while its channel is silent').not.toBe('');
      await store.prune({ checkIns: new Map([[channel, NOW + 1]]) });
      expect((await store.counts()).uncounted).toEqual([]);
      await store.close();
    });

    it('counts one version too many of a channel by its line, one group too many as other, and refuses none', async () => {
      const store = getStore();
      const inventions = Array.from({ length: 14_000 }, (_, n) =>
        sighting(`agent-${n}`, { version: `9.${n}.0`, updaterVersion: `9.${n}.0`, group: `group-${n}` }),
      );
      expect(await record(store, 'check-ins', inventions)).toBe(0);
      const { known, checkIns, groups } = await store.counts();
      const sum = (all: { agents: number }[]) => all.reduce((total, { agents }) => total + agents, 0);
      expect([known, checkIns, groups].map(sum)).toEqual([14_000, 14_000, 14_000]);
      expect(known.length).toBeLessThanOrEqual(16 * 401);
      expect(groups.length).toBeLessThanOrEqual(16 * 101);
      expect(known.find(({ version }) => version === '9.x')?.agents).toBeGreaterThan(5_000);
      expect(groups.find(({ label }) => label === 'other')?.agents).toBeGreaterThan(10_000);
      const coarse = (await allAgents(store, { version: '9.x', limit: 5_000 }))[0]?.sightings[0];
      expect(coarse).toMatchObject({
        version: '9.x',
        group: 'other',
        updaterVersion: expect.stringMatching(/^9\.\d+\.0$/),
      });
      // Other channels have room of their own, and inventories are bounded too.
      await record(store, 'check-ins', [sighting('new', { channel: 'edge', version: '9.9.9', group: 'mine' })]);
      await record(
        store,
        'inventory',
        inventions.map((each) => listed(`${each.id}-i`, each)).map((each, n) => ({ ...each, id: `listed-${n}` })),
      );
      const after = await store.counts();
      expect(after.known).toContainEqual({ channel: 'edge', version: '9.9.9', agents: 1 });
      expect(after.groups).toContainEqual({ channel: 'edge', label: 'mine', agents: 1 });
      expect(after.known.length).toBeLessThanOrEqual(16 * 401 + 1);
      // However many agents there are, a rare one is on the first page of those that are searched for it.
      const rare = await store.agents({ channel: 'edge', version: '9.9.9', limit: 10 });
      expect(rare.agents.map(({ id }) => id)).toEqual(['new']);
      await store.prune({
        checkIns: new Map([['stable/cloud', NOW + 1]]),
        unlisted: { scope: 'stable/cloud', before: NOW + 1 },
      });
      expect(await counters(store)).toEqual(['edge 9.9.9 1']);
    }, 120_000);

    it('counts 200 channels of 10 versions each by their versions', async () => {
      const store = getStore();
      const fleet = Array.from({ length: 6_000 }, (_, n) =>
        sighting(`agent-${n}`, { channel: `channel-${n % 200}`, version: `17.0.${Math.floor(n / 200) % 10}` }),
      );
      expect(await record(store, 'check-ins', fleet)).toBe(0);
      const { known } = await store.counts();
      expect(known).toHaveLength(2_000);
      expect(known.every(({ version, agents }) => agents === 3 && !version.endsWith('x'))).toBe(true);
    });

    it('forgets an agent and its share of the counters', async () => {
      const store = getStore();
      await record(store, 'check-ins', [sighting('a'), sighting('b')]);
      await record(store, 'inventory', [listed('a'), listed('c')]);
      expect(await store.forget('a')).toBe(true);
      expect(await store.forget('a')).toBe(false);
      expect(await store.forget('c')).toBe(true);
      expect(await store.agent('a')).toBeNull();
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 1']);
      await store.forget('b');
      expect(await counters(store)).toEqual([]);
      expect(await allAgents(store)).toEqual([]);
    });

    it('prunes check-ins by channel, wherever the agent is now', async () => {
      const store = getStore();
      await record(store, 'check-ins', [
        sighting('old', { at: NOW - 2 }),
        sighting('new', { at: NOW - 1 }),
        sighting('other', { channel: 'edge', at: NOW - 9 }),
        sighting('stranger', { at: NOW - 9, enrolled: false }),
        sighting('moved', { at: NOW - 3 }),
        sighting('returns', { channel: 'edge', at: NOW - 3 }),
      ]);
      await record(store, 'check-ins', [
        sighting('moved', { channel: 'edge', at: NOW - 2 }),
        sighting('returns', { at: NOW - 2 }),
      ]);
      await record(store, 'inventory', [listed('old', { at: NOW - 9 })]);
      expect(await store.prune({ checkIns: new Map([['stable/cloud', NOW - 1]]) })).toBe(3);
      const places = async (id: string) => {
        const { sightings = [], past } = (await store.agent(id)) ?? {};
        return [...sightings.map(({ source, channel }) => `${source} ${channel}`), ...(past?.elsewhere ?? [])];
      };
      expect(await places('old')).toEqual(['inventory stable/cloud']);
      expect(await places('new')).toEqual(['check-ins stable/cloud']);
      expect(await places('other')).toEqual(['check-ins edge']);
      expect(await places('stranger')).toEqual(['check-ins stable/cloud']);
      expect(await places('moved')).toEqual(['check-ins edge']);
      expect(await places('returns'), 'where it was before').toEqual(['check-ins edge']);
      expect(await counters(store)).toEqual(['edge 17.4.2 3', 'stable/cloud 17.4.2 2']);
    });

    it('prunes what an inventory of the same scope no longer lists', async () => {
      const store = getStore();
      const importedBefore = (scope: string) => ({ listing: { at: NOW - 10, scope } });
      await record(store, 'inventory', [
        listed('kept', importedBefore('@main')),
        listed('gone', importedBefore('@main')),
        listed('edge', { ...importedBefore('@main'), channel: 'edge' }),
        listed('elsewhere', importedBefore('@other')),
      ]);
      await record(store, 'check-ins', [sighting('gone', { at: NOW - 10 })]);
      await record(store, 'inventory', [listed('kept', { listing: { at: NOW, scope: '@main' } }), listed('new')]);
      const unlisted = { scope: '@main', before: NOW };
      expect(await store.prune({ unlisted: { ...unlisted, except: new Set(['edge', 'stable/cloud']) } })).toBe(0);
      expect(await store.prune({ unlisted: { ...unlisted, only: 'stable/cloud' } })).toBe(1);
      expect(ids(await allAgents(store, { source: 'inventory' }))).toEqual(['edge', 'elsewhere', 'kept', 'new']);
      expect(await store.prune({ unlisted: { ...unlisted, except: new Set(['stable']) } })).toBe(1);
      expect(ids(await allAgents(store, { source: 'inventory' }))).toEqual(['elsewhere', 'kept', 'new']);
      expect(await counters(store)).toEqual(['stable/cloud 17.4.2 4']);
    });

    it('forgets the past of an agent along with its last sighting', async () => {
      const store = getStore();
      for (const [n, version] of ['17.4.2', '17.4.1', '17.4.2'].entries()) {
        await record(store, 'check-ins', [sighting('a', { version, at: NOW + n })]);
      }
      expect(await store.prune({ checkIns: new Map([['stable/cloud', NOW + 9]]) })).toBe(1);
      await record(store, 'check-ins', [sighting('a', { at: NOW + 9 })]);
      expect((await store.agent('a'))?.past).toEqual(NO_PAST);
      expect(await labelCounters(store)).toEqual([]);
    });

    it('keeps a survey if its writer saw the one before', async () => {
      const store = getStore();
      expect(await store.saveSurvey(survey())).toBe(true);
      expect((await store.counts()).surveys).toEqual([survey({ revision: 1 })]);
      expect(await store.saveSurvey(survey({ versions: {} })), 'there is one already').toBe(false);
      expect(await store.saveSurvey(survey({ revision: 1, at: NOW - 9 }))).toBe(true);
      const others = [
        survey({ source: 'teleport-metrics', versions: { '16.0.0': 1 } }),
        survey({ channel: '@main', scope: '@main' }),
      ];
      for (const each of others) expect(await store.saveSurvey(each)).toBe(true);
      const { surveys } = await store.counts();
      expect(surveys).toHaveLength(3);
      expect(surveys).toContainEqual(survey({ revision: 2, at: NOW - 9 }));
      for (const each of others) expect(surveys).toContainEqual({ ...each, revision: 1 });
    });

    it('drops a survey', async () => {
      const store = getStore();
      await store.saveSurvey(survey());
      expect(await store.dropSurvey('stable/cloud', 'teleport-metrics')).toBe(false);
      expect(await store.dropSurvey('stable/cloud', 'inventory')).toBe(true);
      expect((await store.counts()).surveys).toEqual([]);
      expect(await store.saveSurvey(survey({ revision: 1 })), 'the one that its writer saw is gone').toBe(false);
      expect(await store.saveSurvey(survey())).toBe(true);
    });

    it('keeps since when channels are heard, unless the fence has fallen', async () => {
      const store = getStore();
      expect(await store.hearing()).toEqual(new Map());
      const fence = (await store.acquireLease('one', 60_000)) ?? 0;
      const hearing = new Map([['edge', { since: NOW - 5, until: NOW }]]);
      await store.saveHearing(hearing, fence);
      expect(await store.hearing()).toEqual(hearing);
      await store.saveHearing(new Map(), fence + 1);
      expect(await store.hearing()).toEqual(hearing);
      await store.saveHearing(new Map(), fence);
      expect(await store.hearing()).toEqual(new Map());
    });

    it('knows the time', async () => {
      const before = Date.now();
      const time = await getStore().time();
      expect(time).toBeGreaterThanOrEqual(before);
      expect(time).toBeLessThanOrEqual(Date.now());
    });

    it('pages through all agents, each once', async () => {
      const store = getStore();
      const all = Array.from({ length: 1234 }, (_, n) => `agent-${n}`);
      await record(
        store,
        'check-ins',
        all.slice(0, 800).map((id) => sighting(id)),
      );
      await record(
        store,
        'inventory',
        all.slice(400).map((id) => listed(id)),
      );
      for (const limit of [100, 617, 5000]) {
        const found = await allAgents(store, { limit });
        expect(found).toHaveLength(1234);
        expect(ids(found)).toEqual([...all].sort());
      }
    });

    it('never gives more agents than asked for', async () => {
      const store = getStore();
      await record(
        store,
        'check-ins',
        Array.from({ length: 30 }, (_, n) => sighting(`agent-${n}`)),
      );
      const { agents, cursor } = await store.agents({ limit: 7 });
      expect(agents).toHaveLength(7);
      expect(cursor).not.toBeNull();
    });

    it('finds agents by channel, version and age of the version', async () => {
      const store = getStore();
      await record(store, 'check-ins', [
        sighting('a', { version: '16.5.13' }),
        sighting('b', { version: '17.4.2' }),
        sighting('c', { version: '16.5.2', channel: 'edge' }),
        sighting('d', { version: '17.4.2-rc.1' }),
      ]);
      await record(store, 'inventory', [
        listed('b', { version: '16.5.13', channel: 'edge', at: NOW + 1 }),
        listed('e', { version: '9.0.0' }),
        listed('f', { version: '?' }),
      ]);
      const find = async (query: Partial<AgentQuery>) => ids(await allAgents(store, query));
      expect(await find({ channel: 'edge' })).toEqual(['b', 'c']);
      expect(await find({ version: '17.4.2' }), 'the version that counts').toEqual([]);
      expect(await find({ version: '17.4.2', source: 'check-ins' })).toEqual(['b']);
      expect(await find({ version: '16.5.13' })).toEqual(['a', 'b']);
      expect(await find({ version: '16.5.13', channel: 'stable/cloud' })).toEqual(['a', 'b']);
      expect(await find({ olderThan: '17.4.2' })).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
      expect(await find({ olderThan: '16.5.13' })).toEqual(['c', 'e', 'f']);
      expect(await find({ olderThan: '17.4.2', channel: 'stable/cloud', limit: 1 })).toEqual(['a', 'b', 'd', 'e', 'f']);
      expect(await find({ channel: 'none' })).toEqual([]);
    });

    it('finds agents by group, source, enrolment and when they were seen', async () => {
      const store = getStore();
      await record(store, 'check-ins', [
        sighting('a', { group: 'canary', at: NOW - 5 }),
        sighting('b', { group: 'rest' }),
        sighting('c', { enrolled: false, at: NOW - 9 }),
      ]);
      await record(store, 'inventory', [
        listed('b', { at: NOW - 7 }),
        listed('d', { host: 'DB-1.eu', updaterState: 'pinned' }),
      ]);
      const find = async (query: Partial<AgentQuery>) => ids(await allAgents(store, query));
      expect(await find({ group: 'canary' })).toEqual(['a']);
      expect(await find({ source: 'inventory' })).toEqual(['b', 'd']);
      expect(await find({ enrolled: false })).toEqual(['c']);
      expect(await find({ version: '17.4.2', enrolled: false }), 'by its own version').toEqual(['c']);
      expect(await find({ host: 'db-1' })).toEqual(['d']);
      expect(await find({ host: 'db-2' })).toEqual([]);
      expect(await find({ mark: 'pinned' })).toEqual(['d']);
      expect(await find({ mark: 'reverted' })).toEqual([]);
      expect(await find({ seenBefore: NOW - 5 })).toEqual(['b', 'c']);
      expect(await find({ seenSince: NOW - 5 })).toEqual(['a', 'b', 'd']);
      expect(await find({ seenBefore: NOW - 5, source: 'check-ins' })).toEqual(['c']);
    });

    it('shows every agent that stays exactly once, also while others come and go', async () => {
      const store = getStore();
      const staying = Array.from({ length: 200 }, (_, n) => `stay-${n}`);
      const leaving = Array.from({ length: 100 }, (_, n) => `leave-${n}`);
      await record(
        store,
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
        await record(store, 'check-ins', [sighting(`come-${round++}`)]);
        cursor = page.cursor ?? undefined;
      } while (cursor !== undefined);
      expect(found.filter((id) => id.startsWith('stay')).sort()).toEqual([...staying].sort());
      expect(new Set(found).size).toBe(found.length);
    });
  });
}
