import { expect, it, vi } from 'vitest';
import { isMoving, numberOf } from '../../src/domain/rollout.ts';
import { valueIn } from '../support/scrape.ts';
import { operatorClient, type TestServer } from '../support/server.ts';
import { sharedServer } from './shared-server.ts';
import { ask } from './wire.ts';

/** The start version, the target, and what agents get that must not move at all. */
const [S, T, NONE] = ['16.4.6', '16.4.7', 'none'] as const;

const HOUR = 3_600_000;
/** A window of an hour that begins in `hours`, by the clock. */
const windowIn = (hours: number, length = '1h') => ({
  start: new Date(Date.now() + hours * HOUR).toISOString().slice(11, 16),
  for: length,
  timeZone: 'UTC',
});
const CLOSED = { window: windowIn(4) };
const OPEN = { window: windowIn(-1, '4h') };
const AT_ONCE = {};
const CANARIES = { canaries: 4, waves: [90, 100] };
/** So wide that one of five agents is below it: a wave of nobody is over at once. */
const WAVES = { waves: [90, 100] };

/** An agent of the group, by its turn. */
type Who = 'any' | 'canary' | 'none' | 'below' | 'above' | 'next group' | 'no group';
/**
 * What its updater gets: v1 that says who it is and that names its group only, v1 `critical`, v2 version, v2 may move.
 */
type Row = [who: Who, v1: string, anonymous: string, critical: 'yes' | 'no', v2: string, auto: boolean];

interface Scene {
  name: string;
  /** The group `dev`; null: a channel without groups. */
  group: object | null;
  channel?: object;
  /** More of the field `rollout`. */
  rollout?: object;
  /**
   * What a person does after the roll-forward, in turn: verbs of the rollout (`group dev` unless it says otherwise).
   */
  verbs?: [verb: string, body?: object][];
  /** The state that the leader takes the group `dev` to after that. */
  waitFor?: string;
  /** Three of the agents that went go back, so that the watch halts. */
  crash?: true;
  critical?: true;
  rows: Row[];
}

const done: [string, object] = ['rollout/done', { group: 'dev', force: true }];
const start: [string, object] = ['rollout/start', { group: 'dev', skipCanaries: true }];
const back: [string, object] = ['rollout/roll-back', { group: 'dev' }];
const pause: [string] = ['rollout/pause'];

/**
 * Every group state under every state of its rollout: RFD 184's response matrix with the rows that Fairway adds. The
 * RFD's `enabled` is an active rollout, and its `paused` (`suspended` in `tctl`) a paused one; its `disabled` has no
 * counterpart, since a channel that must move no one is withdrawn.
 */
const SCENES: Scene[] = [
  { name: 'unstarted', group: CLOSED, rows: [['any', S, S, 'no', S, false]] },
  {
    name: 'canary',
    group: CANARIES,
    rows: [
      ['canary', T, S, 'no', T, true],
      ['none', S, S, 'no', S, false],
      ['next group', S, S, 'no', S, false],
    ],
  },
  {
    name: 'active',
    group: WAVES,
    rows: [
      ['below', T, S, 'no', T, true],
      ['above', S, S, 'no', S, false],
    ],
  },
  { name: 'active-at-100', group: AT_ONCE, rows: [['any', T, T, 'no', T, true]] },
  {
    name: 'done',
    group: AT_ONCE,
    verbs: [done],
    rows: [
      ['any', T, T, 'no', T, true],
      ['next group', S, S, 'no', S, false],
      ['no group', S, S, 'no', S, false],
    ],
  },
  {
    name: 'done-time-based-outside-window',
    group: CLOSED,
    rollout: { strategy: 'time-based' },
    verbs: [start],
    waitFor: 'done',
    rows: [['any', T, T, 'no', T, false]],
  },
  {
    name: 'done-time-based-in-window',
    group: OPEN,
    rollout: { strategy: 'time-based' },
    verbs: [done],
    rows: [['any', T, T, 'no', T, true]],
  },
  {
    name: 'done-time-based-critical',
    group: CLOSED,
    rollout: { strategy: 'time-based' },
    verbs: [start],
    waitFor: 'done',
    critical: true,
    rows: [['any', T, T, 'yes', T, true]],
  },
  { name: 'rolledback', group: WAVES, verbs: [back], rows: [['any', S, S, 'no', S, true]] },

  { name: 'paused-unstarted', group: CLOSED, verbs: [pause], rows: [['any', S, S, 'no', S, false]] },
  {
    name: 'paused-canary',
    group: CANARIES,
    verbs: [pause],
    rows: [
      ['canary', T, S, 'no', T, false],
      ['none', S, S, 'no', S, false],
    ],
  },
  {
    name: 'paused-active',
    group: WAVES,
    verbs: [pause],
    rows: [
      ['below', T, S, 'no', T, false],
      ['above', S, S, 'no', S, false],
    ],
  },
  { name: 'paused-done', group: AT_ONCE, verbs: [done, pause], rows: [['any', T, T, 'no', T, false]] },
  { name: 'paused-rolledback', group: WAVES, verbs: [back, pause], rows: [['any', S, S, 'no', S, false]] },

  {
    name: 'halted-canary',
    group: CANARIES,
    crash: true,
    rows: [
      ['canary', T, S, 'no', T, false],
      ['none', S, S, 'no', S, false],
    ],
  },
  {
    name: 'halted-active',
    group: WAVES,
    crash: true,
    rows: [
      ['below', T, S, 'no', T, false],
      ['above', S, S, 'no', S, false],
      ['next group', S, S, 'no', S, false],
    ],
  },
  { name: 'halted-done', group: AT_ONCE, verbs: [done], crash: true, rows: [['any', T, T, 'no', T, false]] },

  {
    name: 'active-critical',
    group: WAVES,
    critical: true,
    rows: [
      ['below', T, S, 'yes', T, true],
      ['above', S, S, 'yes', S, false],
    ],
  },
  {
    name: 'no-group-is-held-back',
    group: AT_ONCE,
    rollout: { unmatched: 'hold' },
    verbs: [done],
    rows: [
      ['any', T, T, 'no', T, true],
      ['no group', NONE, NONE, 'no', S, false],
    ],
  },
  { name: 'withdrawn', group: WAVES, verbs: [['withdraw']], rows: [['any', NONE, NONE, 'no', '', false]] },
  {
    name: 'withdrawn-critical',
    group: WAVES,
    critical: true,
    verbs: [['withdraw']],
    rows: [['any', NONE, NONE, 'no', '', false]],
  },
  { name: 'gone-back', group: WAVES, verbs: [['rollout/roll-back']], rows: [['any', S, S, 'no', S, true]] },

  { name: 'without-groups', group: null, rows: [['any', T, T, 'no', T, true]] },
  { name: 'without-groups-in-window', group: null, channel: OPEN, rows: [['any', T, T, 'no', T, true]] },
  { name: 'without-groups-outside-window', group: null, channel: CLOSED, rows: [['any', T, T, 'no', T, false]] },
  {
    name: 'without-groups-critical',
    group: null,
    channel: CLOSED,
    critical: true,
    rows: [['any', T, T, 'yes', T, true]],
  },
  { name: 'without-groups-halted', group: null, crash: true, rows: [['any', T, T, 'no', T, false]] },
];

const GROUPS = ['dev', 'prod', 'other'];
/** Agents that are there before the target moves; canaries are chosen from them. */
const AGENTS = 5;
/** Enough ids that some are below a wave of half the group, and some are not. */
const IDS = 100;
const idsOf = (channel: string, count: number) => Array.from({ length: count }, (_, n) => `${channel}.dev.${n}`);

const server = sharedServer(
  {
    fleet: { flushEvery: '10ms' },
    leader: { plansEvery: '50ms' },
    defaultChannel: SCENES[0]?.name,
    // A v2 updater names a group and no channel.
    groups: Object.fromEntries(
      SCENES.flatMap(({ name }) =>
        GROUPS.map((group) => [`${name}.${group}`, { channel: name, ...(group === 'other' ? {} : { group }) }]),
      ),
    ),
    bootstrap: {
      channels: SCENES.map(({ name, group, channel, rollout }) => ({
        ...{ name, target: S, ...channel },
        ...(group === null
          ? {}
          : {
              rollout: {
                ...{ unmatched: 'last', ...rollout },
                groups: [
                  { name: 'dev', ...group },
                  { name: 'prod', ...CLOSED },
                ],
              },
            }),
      })),
    },
  },
  {},
  async (running) => {
    await Promise.all(SCENES.map((scene) => play(running, scene)));
  },
);

const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 20 });

/** Brings the channel to its state: its agents are there, the target moves, the leader drives, and a person acts. */
async function play(running: TestServer, scene: Scene): Promise<void> {
  const api = operatorClient(running);
  const { name, group, critical = false, verbs = [], waitFor, crash } = scene;
  const post = async (verb: string, body: object = {}) => {
    const reply = await api('POST', `/channels/${name}/${verb}`, { reason: 'test', ...body });
    expect(reply, `${name}: ${verb}`).toMatchObject({ status: 200 });
  };
  const groupState = async () => (await api('GET', `/channels/${name}/rollout`)).body.groups[0];
  const sayAll = (ids: string[], version: string) => Promise.all(ids.map((id) => say(running, name, id, version)));
  await sayAll(idsOf(name, AGENTS), S);
  await until(async () =>
    expect((await api('GET', `/agents?channel=${name}&limit=100`)).body.agents).toHaveLength(AGENTS),
  );
  await post('roll-forward', { version: T, critical });
  const reached = group === CANARIES ? 'canary' : 'active';
  if (group !== null && group !== CLOSED) await until(async () => expect((await groupState()).state).toBe(reached));
  for (const [verb, body] of verbs) await post(verb, body);
  if (waitFor) await until(async () => expect((await groupState()).state).toBe(waitFor));
  if (!crash) return;
  const ids = group === null ? idsOf(name, 3) : await toldIds(running, scene);
  for (const version of [T, S]) {
    await sayAll(ids, version);
    const seen = async () => {
      const { agents } = (await api('GET', `/agents?channel=${name}&limit=100`)).body;
      return agents.filter(
        (agent: { id: string; version: string }) => ids.includes(agent.id) && agent.version === version,
      );
    };
    // The two versions must not be merged into one report.
    await until(async () => expect(await seen()).toHaveLength(ids.length));
  }
  await until(async () =>
    expect((await api('GET', `/channels/${name}`)).body.hold).toMatchObject({ by: 'system:watch' }),
  );
}

/** Three agents whose turn has come; of the canaries one never reports, so that the group stays in its state. */
async function toldIds(running: TestServer, { name }: Scene): Promise<string[]> {
  const turns = await turnsOf(running, name);
  return idsOf(name, IDS)
    .filter((id) => turns(id) !== 'none' && turns(id) !== 'above')
    .slice(0, 3);
}

/** By id, which turn the agent has. */
async function turnsOf(running: TestServer, channel: string): Promise<(id: string) => Who> {
  const { id: rollout, groups } = (await operatorClient(running)('GET', `/channels/${channel}/rollout`)).body;
  const canaries = groups[0].canaries.map((canary: { id: string }) => canary.id);
  const below = groups[0].wave / 100;
  if (canaries.length > 0) return (id) => (canaries.includes(id) ? 'canary' : 'none');
  return (id) => (numberOf(rollout, id) < below ? 'below' : 'above');
}

const headersOf = (id: string, group: string, version: string = S) => [
  ...[`Agent-Id: ${id}`, `Agent-Version: ${version}`],
  ...(group === 'other' ? [] : [`Agent-Group: ${group}`]),
];

async function say(running: TestServer, channel: string, id: string, version: string): Promise<void> {
  const [, group = ''] = id.split('.');
  await ask(running.publicUrl, `/v1/${channel}/version`, { headers: headersOf(id, group, version) });
}

/** An agent of the kind. */
async function find(scene: Scene, who: Who): Promise<{ id: string; group: string }> {
  if (who === 'next group') return { id: `${scene.name}.prod.0`, group: 'prod' };
  if (who === 'no group') return { id: `${scene.name}.other.0`, group: 'other' };
  const ids = idsOf(scene.name, IDS);
  if (who === 'any') return { id: ids[0] as string, group: 'dev' };
  const turns = await turnsOf(server(), scene.name);
  const id = ids.find((each) => turns(each) === who);
  if (id === undefined) throw new Error(`no agent of ${scene.name} is ${who}`);
  return { id, group: 'dev' };
}

const CELLS = SCENES.flatMap((scene) => scene.rows.map((row) => ({ scene, row, name: `${scene.name}, ${row[0]}` })));

/** The paths of a v1 updater in each lane: a doubled slash leaves the fast one. */
const LANES = { fast: '/v1/', slow: '/v1//' };

it.each(CELLS)('$name', async ({ scene: { name: channel }, scene, row: [who, v1, anonymous, critical, v2, auto] }) => {
  const { id, group } = await find(scene, who);
  const prefixed = (version: string) => (version === NONE ? NONE : `v${version}`);
  const own = headersOf(id, group);
  const nameless = own.filter((header) => header.startsWith('Agent-Group'));
  for (const [lane, prefix] of Object.entries(LANES)) {
    const asked = (endpoint: string, headers: string[]) => get(`${prefix}${channel}/${endpoint}`, headers);
    expect({
      lane,
      v1: await asked('version', own),
      anonymous: await asked('version', nameless),
      critical: await asked('critical', own),
      anonymousCritical: await asked('critical', nameless),
    }).toEqual({ lane, v1: prefixed(v1), anonymous: prefixed(anonymous), critical, anonymousCritical: critical });
  }
  const query = `host=${id}&agent_version=${S}${group === 'other' ? '' : `&group=${group}`}`;
  expect(await get(`/v1/${channel}/version?${query}`)).toBe(prefixed(v1));

  const told = {
    agent_version: v2,
    agent_auto_update: auto,
    agent_update_jitter_seconds: critical === 'yes' ? 10 : 60,
  };
  for (const asked of [`/v1/webapi/find?update_id=${id}`, `/webapi/ping?host=${id}`]) {
    expect(JSON.parse(await get(`${asked}&group=${channel}.${group}`)).auto_update).toMatchObject(told);
  }
});

async function get(path: string, headers: string[] = []): Promise<string> {
  const { status, body } = await ask(server().publicUrl, path, { headers });
  expect(status, path).toBe(200);
  return body;
}

it('asks both lanes', async () => {
  const answered = async () => await valueIn(server(), 'fairway_fast_lane_polls_total');
  const before = (await answered()) ?? 0;
  for (const prefix of Object.values(LANES)) {
    await get(`${prefix}active/version`, headersOf('active.dev.0', 'dev'));
    await get(`${prefix}active/critical`, ['Agent-Group: dev']);
  }
  expect(await answered()).toBe(before + 2);
});

it('has every state of a group under every state of a rollout that agents can meet', async () => {
  const api = operatorClient(server());
  const met = new Set<string>();
  for (const { name, group } of SCENES) {
    if (group === null) continue;
    const { state, groups } = (await api('GET', `/channels/${name}/rollout`)).body;
    met.add(`${isMoving({ state }) ? 'active' : state} ${groups[0].state}`);
  }
  const states = (rollout: string, ...groups: string[]) => groups.map((group) => `${rollout} ${group}`);
  expect([...met]).toEqual(
    expect.arrayContaining([
      ...states('active', 'unstarted', 'canary', 'active', 'done', 'rolledback'),
      ...states('paused', 'unstarted', 'canary', 'active', 'done', 'rolledback'),
      ...states('halted', 'canary', 'active', 'done'),
      'rolledback rolledback',
    ]),
  );
});
