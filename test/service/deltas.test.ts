import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Channel, createChannel, DEFAULT_SETTINGS, pin, setCritical } from '../../src/domain/channel.ts';
import type { ControlPlane } from '../../src/domain/control-plane.ts';
import { FairwayError } from '../../src/domain/errors.ts';
import { listedRelease } from '../../src/domain/release.ts';
import { channelKey, controlPlaneKey, overBad, releaseKey, stateOf } from '../../src/domain/snapshot.ts';
import type { Store, Write } from '../../src/domain/store.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { type Answers, createAnswers } from '../../src/http/answers.ts';
import { ENDPOINTS } from '../../src/http/public-path.ts';
import { issueClearance } from '../../src/service/cleared.ts';
import { createRecoveries } from '../../src/service/recovery.ts';
import { openState, type State } from '../../src/service/state.ts';
import { openStore } from '../../src/store/open.ts';
import { createSavedState, unsaved } from '../../src/store/saved-state.ts';
import { redisAt } from '../support/redis-access.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';

const log = pino({ level: 'silent' });
const AT = new Date('2026-11-27T12:00:00Z');
const VERSIONS = ['16.4.6', '16.4.7', '17.0.1'];
const CHANNELS = ['stable/cloud', 'edge', 'a', 'b'];
const PLANES = ['main', 'tenant'];
const DOCUMENTS = '{fairway}:documents';
const WRITTEN = '{fairway}:written';
/** Milliseconds. */
const [COMPARE_EVERY, PATIENT, SETTLED] = [20, 10_000, { timeout: 5_000, interval: 10 }];

const version = fc.constantFrom(...VERSIONS);
const channel = fc.record({
  kind: fc.constant('channel' as const),
  name: fc.constantFrom(...CHANNELS),
  target: fc.option(version),
  tools: fc.option(version),
  plane: fc.option(fc.constantFrom(...PLANES)),
  isCritical: fc.boolean(),
  until: fc.option(fc.constantFrom('2026-11-27T11:00:00Z', '2026-11-27T13:00:00Z')),
});
const plane = fc.record({ kind: fc.constant('plane' as const), name: fc.constantFrom(...PLANES), version });
const release = fc.record({
  kind: fc.constant('release' as const),
  version,
  state: fc.constantFrom('good', 'pulled', 'embargoed'),
});
const removal = fc.record({
  kind: fc.constant('removal' as const),
  key: fc.constantFrom(...CHANNELS.map(channelKey), ...PLANES.map(controlPlaneKey), ...VERSIONS.map(releaseKey)),
});
const written = fc.oneof({ weight: 4, arbitrary: channel }, plane, release, removal);
type Written = typeof written extends fc.Arbitrary<infer T> ? T : never;

const server = fc.nat(2);
const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('commit' as const), server, writes: fc.array(written, { maxLength: 3 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('deafen' as const), server, deaf: fc.boolean() }) },
    fc.record({ do: fc.constantFrom('compare' as const, 'reload' as const, 'restart' as const), server }),
    fc.record({
      do: fc.constant('damage' as const),
      name: fc.constantFrom(...CHANNELS),
      how: fc.constantFrom('torn', 'odd', 'mended'),
    }),
    fc.record({ do: fc.constantFrom('back up' as const, 'fail over' as const, 'forget what was written' as const) }),
  ),
  { maxLength: 25, size: 'max' },
);
type Step = typeof steps extends fc.Arbitrary<(infer T)[]> ? T : never;

function documentOf(each: Exclude<Written, { kind: 'removal' }>): { key: string; value: object } {
  const act = { by: 'test', at: AT, reason: 'chance' };
  if (each.kind === 'plane') {
    const value: ControlPlane = {
      name: each.name,
      version: each.version,
      updatedAt: AT.toISOString(),
      updatedBy: 'test',
    } as ControlPlane;
    return { key: controlPlaneKey(each.name), value };
  }
  if (each.kind === 'release') {
    const listed = listedRelease({ version: each.version, cutAt: null, security: false });
    const pulled = each.state === 'pulled' ? { by: 'test', at: AT.toISOString(), reason: 'chance' } : null;
    return { key: releaseKey(each.version), value: { ...listed, pulled, embargoed: each.state === 'embargoed' } };
  }
  const settings = { ...DEFAULT_SETTINGS, controlPlane: each.plane, toolsVersion: each.tools };
  const created = createChannel(each.name, settings, each.target ? requireVersion(each.target) : null, act);
  const until = each.until === null ? null : new Date(each.until);
  const marked = each.isCritical ? setCritical(created, true, until, act) : created;
  return { key: channelKey(each.name), value: each.target && until ? pin(marked, null, until, act) : marked };
}

/** A server: its state, and the answers that it has prepared. */
interface Replica {
  state: State;
  answers: Answers;
  /** Does it miss messages now? */
  deaf: boolean;
  close(): Promise<void>;
  store: Store;
}

interface Place {
  kind: Store['kind'];
  open(): Promise<Store>;
  redis?: Redis;
}

const answersOf = (state: State) =>
  createAnswers({
    state,
    staleness: { saidAfter: 86_400_000, withheldAfter: 86_400_000 },
    cluster: { clusterName: 'test', edition: 'ent', fips: false, toolsAutoUpdate: true },
    membership: { defaultChannel: 'stable/cloud', groups: { ours: { channel: 'edge' } } },
    now: () => AT,
  });

async function openReplica(store: Store, saved = unsaved): Promise<Replica> {
  const replica = { deaf: false, store };
  const heard: Store = { ...store, onChange: (listener) => store.onChange(() => replica.deaf || listener()) };
  const state = await openState({ store: heard, saved, compareEvery: COMPARE_EVERY, now: () => AT, log });
  const answers = answersOf(state);
  const close = async () => {
    answers.close();
    await state.close();
  };
  return Object.assign(replica, { state, answers, close });
}

/** All that a server would send, and all that it knows. */
function lookAt({ state, answers }: Pick<Replica, 'state' | 'answers'>) {
  const { documents, bad = [], ...head } = stateOf(state.snapshot());
  const snapshot = state.snapshot();
  const indexes = [snapshot.channels, snapshot.controlPlanes, snapshot.releases].map((index) => [...index]);
  const sent = (answer: ReturnType<Answers['find']>) =>
    answer && { body: answer.body, etag: answer.etag, headers: answer.headers };
  return {
    ...head,
    documents,
    indexes,
    bad: bad.map(({ key }) => key).sort(),
    answers: CHANNELS.flatMap((name) => [
      ...ENDPOINTS.map((endpoint) => sent(answers.find(name, endpoint))),
      sent(answers.byPath(`/v1/${name}/version`)),
    ]),
    groups: [null, 'ours', 'edge', 'none'].map((group) => sent(answers.ofGroup(group, 'agent-1'))),
  };
}

/** Changes are refused while a history is lost, and lose races. */
async function unlessRefused(work: Promise<unknown>): Promise<void> {
  await work.catch((error) => {
    if (!(error instanceof FairwayError)) throw error;
  });
}

async function change({ state }: Replica, drafts: readonly Written[]): Promise<void> {
  const { documents } = state.snapshot();
  const latest = new Map(drafts.map((each) => [each.kind === 'removal' ? each.key : documentOf(each).key, each]));
  const writes = [...latest].map(([key, each]): Write => {
    const value = each.kind === 'removal' ? null : documentOf(each).value;
    return { key, ifRevision: documents.get(key)?.revision ?? 0, value };
  });
  const cleared = writes.flatMap(({ key, value }) =>
    value && key.startsWith('channel/') ? [issueClearance(value as Channel)] : [],
  );
  const after = Object.fromEntries(writes.map(({ key, value }) => [key, value]));
  const audit = {
    at: AT.toISOString(),
    actor: 'test',
    action: 'test',
    subject: 'state',
    reason: '',
    before: null,
    after,
  };
  await unlessRefused(state.commit(overBad(state.snapshot(), writes), audit, { cleared }));
}

async function run(place: Place, sequence: readonly Step[], keep: 'served' | 'stored'): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-deltas-'));
  await place.redis?.flushall();
  const isShared = place.redis !== undefined;
  const start = async (index: number) =>
    openReplica(await place.open(), isShared ? createSavedState(join(dir, String(index)), log) : unsaved);
  const replicas = [await start(0)];
  if (isShared) replicas.push(await start(1), await start(2));
  const at = (index: number) => replicas[index % replicas.length] as Replica;
  let backup: [string, Buffer][] = [];
  const good = new Map<string, string>();

  for (const step of sequence) {
    if (step.do === 'commit') await change(at(step.server), step.writes);
    else if (step.do === 'deafen') at(step.server).deaf = step.deaf;
    else if (step.do === 'compare') await at(step.server).state.refresh();
    else if (step.do === 'reload')
      await unlessRefused(
        at(step.server).state.commit([{ key: 'channel/a', ifRevision: 999, value: null }], {
          at: '',
          actor: '',
          action: '',
          subject: '',
          reason: '',
          before: null,
          after: null,
        }),
      );
    else if (step.do === 'restart') {
      const index = step.server % replicas.length;
      await at(index).close();
      await at(index).store.close();
      replicas[index] = await start(index);
    } else if (!place.redis) continue;
    else if (step.do === 'damage') await damage(place.redis, channelKey(step.name), step.how, good);
    else if (step.do === 'back up') backup = await copyOf(place.redis);
    else if (step.do === 'fail over') await restore(place.redis, backup);
    else if (step.do === 'forget what was written') await place.redis.rpop(WRITTEN);
  }

  for (const replica of replicas) replica.deaf = false;
  for (const { state } of replicas) await state.refresh();
  await decide(replicas, keep);
  const store = await place.open();
  await vi.waitFor(async () => {
    const fresh = await openReplica(store);
    try {
      const expected = lookAt(fresh);
      for (const replica of replicas) expect(lookAt(replica)).toEqual(expected);
    } finally {
      await fresh.close();
    }
  }, SETTLED);

  for (const replica of replicas) {
    await replica.close();
    await replica.store.close();
  }
  if (isShared) {
    // What was saved is what was served.
    const [replica] = replicas as [Replica];
    const saved = createSavedState(join(dir, '0'), log).read();
    expect(saved).toEqual(stateOf(replica.state.snapshot()));
  }
  await store.close();
  await rm(dir, { recursive: true, force: true });
}

async function damage(redis: Redis, key: string, how: string, good: Map<string, string>): Promise<void> {
  const stored = await redis.hget(DOCUMENTS, key);
  if (stored === null) return;
  const [revision = ''] = stored.split(' ', 1);
  if (how === 'torn') await redis.hset(DOCUMENTS, key, stored.slice(0, -7));
  else if (how === 'odd') await redis.hset(DOCUMENTS, key, `${revision} {"name":7}`);
  else if (good.get(key)?.startsWith(`${revision} `)) await redis.hset(DOCUMENTS, key, good.get(key) as string);
  if (!good.get(key)?.startsWith(`${revision} `) && /"updatedBy":"[^"]*"}$/.test(stored)) good.set(key, stored);
}

async function copyOf(redis: Redis): Promise<[string, Buffer][]> {
  const keys = await redis.keys('{fairway}:*');
  const copies = keys.map(async (key): Promise<[string, Buffer] | null> => {
    const copy = await redis.dumpBuffer(key);
    return copy && [key, copy];
  });
  return (await Promise.all(copies)).flatMap((each) => (each ? [each] : []));
}

/** As a replica that lacks the last changes becomes the primary; one that has none is another case. */
async function restore(redis: Redis, copy: [string, Buffer][]): Promise<void> {
  if (copy.length === 0) return;
  const pipeline = redis.multi().flushall();
  for (const [key, value] of copy) pipeline.restore(key, 0, value);
  await pipeline.exec();
}

/** The gate has its own tests: here it clears everything. */
const gate = {
  clear: async (_: unknown, after: Channel) => ({ report: null, overridden: false, cleared: issueClearance(after) }),
};
const fleet = { read: async () => ({}) as never };

/** An admin decides where the newest history is served, until every server follows. */
async function decide(replicas: readonly Replica[], keep: 'served' | 'stored'): Promise<void> {
  await vi.waitFor(async () => {
    for (const { state } of replicas) await state.refresh();
    const lost = replicas.filter(({ state }) => state.storeState().is === 'lost');
    if (lost.length === 0) return;
    const [newest] = lost.sort((a, b) => b.state.snapshot().revision - a.state.snapshot().revision) as [Replica];
    const recoveries = createRecoveries({
      store: newest.store,
      state: newest.state,
      gate,
      fleet,
      now: () => new Date(),
    });
    const actor = { name: 'token:admin', role: 'admin' as const };
    await recoveries.decide({ keep, reason: 'test' }, { actor, ifMatch: null, dryRun: false });
    throw new Error('not all servers follow yet');
  }, SETTLED);
}

const property = (place: () => Place, numRuns: number) =>
  fc.assert(
    fc.asyncProperty(steps, fc.constantFrom('served' as const, 'stored' as const), (sequence, keep) =>
      run(place(), sequence, keep),
    ),
    { numRuns, seed: 14, endOnFailure: true },
  );

describe('after any changes, lost messages, restarts, failovers and damage', () => {
  describe('on Redis', () => {
    let process: RedisProcess;
    let redis: Redis;
    beforeAll(async () => {
      process = await startRedis({ args: ['--appendonly', 'no'] });
      redis = new Redis(process.url);
    });
    afterAll(async () => {
      redis.disconnect();
      await process.stop();
    });
    const open = async () => {
      const store = await openStore({ redis: redisAt(process.url), dataDir: '/nowhere', deadline: PATIENT, log });
      await vi.waitFor(() => store.revision(), { interval: 1 });
      return store;
    };

    it('every server has and sends what one would that loads everything', async () => {
      await property(() => ({ kind: 'redis', open, redis }), Number(globalThis.process.env.HISTORIES ?? 25));
    }, 600_000);
  });

  it('the embedded store, too, serves what a fresh load has', async () => {
    const root = await mkdtemp(join(tmpdir(), 'fairway-deltas-'));
    let run = 0;
    const place = (): Place => {
      const dataDir = join(root, String(run++));
      return { kind: 'embedded', open: () => openStore({ redis: null, dataDir, deadline: PATIENT, log }) };
    };
    await property(place, 15);
    await rm(root, { recursive: true });
  }, 60_000);
});
