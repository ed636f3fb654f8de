import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Store } from '../../src/domain/store.ts';
import type { Survey } from '../../src/domain/survey.ts';
import { openStore } from '../../src/store/open.ts';
import { redisAt } from '../support/redis-access.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { asAdmin, audit, openRedis } from './redis-harness.ts';

const sighting = {
  id: 'a',
  channel: 'c',
  version: '1.0.0',
  at: 1,
  updater: null,
  updaterVersion: null,
  group: null,
  enrolled: true,
  proven: true,
  updaterState: null,
  host: null,
  listing: null,
  expired: false,
};
const survey: Survey = {
  channel: 'c',
  source: 'inventory',
  at: 1,
  readAt: 0,
  scope: 'c',
  complete: true,
  versions: {},
  unmanaged: {},
  expired: 0,
  unmappedGroups: {},
  readings: [],
  failing: null,
  revision: 0,
};
const options = { now: 1, contestedFor: 1, targets: new Map<string, string>() };

const point = { at: 1, agents: 1, atTarget: 1, behind: 0, stranded: 0 };
const VERBS: [string, (store: Store) => Promise<unknown>][] = [
  ['load', (store) => store.load()],
  ['revision', (store) => store.revision()],
  ['since', (store) => store.since({ id: 0, hash: '' }, ['channel/a'])],
  ['replication', (store) => store.replication()],
  ['commit', (store) => store.commit({ writes: [], audit })],
  ['audit', (store) => store.audit({ limit: 1 })],
  ['counts', (store) => store.counts()],
  ['saveSurvey', (store) => store.saveSurvey(survey)],
  ['dropSurvey', (store) => store.dropSurvey('c', 'inventory')],
  ['hearing', (store) => store.hearing()],
  ['saveHearing', (store) => store.saveHearing(new Map(), 1)],
  ['time', (store) => store.time()],
  ['recordSightings', (store) => store.recordSightings('check-ins', [sighting], options)],
  ['prune', (store) => store.prune({ unenrolledBefore: 0 })],
  ['agents', (store) => store.agents({ limit: 1 })],
  ['agent', (store) => store.agent('a')],
  ['forget', (store) => store.forget('a')],
  ['acquireLease', (store) => store.acquireLease('a', 1)],
  ['releaseLease', (store) => store.releaseLease('a')],
  ['savePoint', (store) => store.savePoint('a', point, 1)],
  ['series', (store) => store.series('a', 'hour')],
];

/** Calls every verb at the same time; each must report within a second that the store is away. */
async function expectAllUnavailable(store: Store): Promise<void> {
  await Promise.all(
    VERBS.map(async ([verb, call]) => {
      const start = performance.now();
      await expect(call(store), verb).rejects.toMatchObject({ name: 'FairwayError', code: 'store_unavailable' });
      expect(performance.now() - start, `milliseconds of ${verb}`).toBeLessThan(1000);
    }),
  );
}

const expectAllWork = (store: Store) =>
  vi.waitFor(() => Promise.all(VERBS.map(([, call]) => call(store))), { timeout: 10_000 });

const write = (key: string) => ({ key, ifRevision: 0, value: { key } });

describe('a store whose Redis fails', () => {
  let redis: RedisProcess;
  let store: Store;
  const log = { info: vi.fn(), warn: vi.fn() };
  beforeEach(async () => {
    vi.clearAllMocks();
    redis = await startRedis();
    store = await openRedis(redis.url, { log, deadline: 800 });
  });
  afterEach(async () => {
    redis.thaw();
    await store.close();
    await redis.stop();
  });

  it('says so at once when Redis is killed, and comes back by itself with everything it acknowledged', async () => {
    for (const key of ['a', 'b', 'c']) await store.commit({ writes: [write(key)], audit });
    const before = await store.load();
    await redis.kill();
    await expectAllUnavailable(store);
    await expectAllUnavailable(store);
    await redis.restart();
    await vi.waitFor(async () => expect(await store.load()).toEqual(before), { timeout: 10_000 });
    expect(await store.commit({ writes: [write('d')], audit })).toHaveProperty('entry.id', 4);
  });

  it('says so within a second when Redis freezes, and comes back by itself', async () => {
    redis.freeze();
    await expectAllUnavailable(store);
    await expectAllUnavailable(store);
    redis.thaw();
    await expectAllWork(store);
  });

  it('lets no commit wait longer than a second for earlier ones', async () => {
    redis.freeze();
    const waits = Array.from({ length: 20 }, async (_, n) => {
      const start = performance.now();
      await expect(store.commit({ writes: [write(`${n}`)], audit })).rejects.toMatchObject({
        code: 'store_unavailable',
      });
      return performance.now() - start;
    });
    expect(Math.max(...(await Promise.all(waits)))).toBeLessThan(1000);
  });

  it('accepts commits again after a thaw, in one unbroken log', async () => {
    await store.commit({ writes: [write('before')], audit });
    redis.freeze();
    await expect(store.commit({ writes: [write('lost')], audit })).rejects.toMatchObject({ code: 'store_unavailable' });
    redis.thaw();
    await vi.waitFor(() => store.commit({ writes: [write('after')], audit }), { timeout: 10_000 });
    const { revision, documents } = await store.load();
    // It is unknown whether the unanswered commit was made, but it was made completely or not at all.
    expect((await store.audit({ limit: 10 })).map(({ id }) => id)).toHaveLength(revision);
    expect(documents).toHaveLength(revision);
  });

  it('opens while Redis is away, and works when it comes', async () => {
    await redis.kill();
    const early = await openStore({ redis: redisAt(redis.url), dataDir: '/nowhere', deadline: 800, log });
    const heard = vi.fn();
    early.onChange(heard);
    await expectAllUnavailable(early);
    await redis.restart();
    await expectAllWork(early);
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), { timeout: 10_000 });
    heard.mockClear();
    await early.commit({ writes: [], audit });
    await vi.waitFor(() => expect(heard).toHaveBeenCalled());
    await early.close();
  });

  it('opens while Redis is frozen, and works when it thaws', async () => {
    redis.freeze();
    const early = await openStore({ redis: redisAt(redis.url), dataDir: '/nowhere', deadline: 800, log });
    await expectAllUnavailable(early);
    redis.thaw();
    await expectAllWork(early);
    await early.close();
  });

  it.each(['kill', 'freeze'] as const)('hears of changes again after a %s', async (fault) => {
    const heard = vi.fn();
    store.onChange(heard);
    await vi.waitFor(() => expect(heard).toHaveBeenCalled());
    await redis[fault]();
    await expectAllUnavailable(store);
    // No message is lost until the connection is given up.
    await vi.waitFor(() => expect(log.warn).toHaveBeenCalled());
    heard.mockClear();
    if (fault === 'kill') await redis.restart();
    else redis.thaw();
    // Messages may have been lost, so it must look by itself.
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), { timeout: 10_000 });
    const other = await openRedis(redis.url);
    await vi.waitFor(
      async () => {
        heard.mockClear();
        await other.commit({ writes: [], audit });
        await vi.waitFor(() => expect(heard).toHaveBeenCalled(), { timeout: 1_000 });
      },
      { timeout: 15_000 },
    );
    await other.close();
  });

  it('logs the beginning and the end of an outage once', async () => {
    await redis.kill();
    await vi.waitFor(() => expect(log.warn).toHaveBeenCalled());
    await expectAllUnavailable(store);
    await redis.restart();
    await expectAllWork(store);
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(log.info).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['has no memory left', ['CONFIG', 'SET', 'maxmemory', '1'], 'OOM'],
    ['is a replica', ['REPLICAOF', '127.0.0.1', '1'], 'READONLY'],
  ] as const)('is unavailable for changes when Redis %s, and changes nothing', async (_, [command, ...args], reply) => {
    await store.commit({ writes: [write('a')], audit });
    await asAdmin(redis.url, (admin) => admin.call(command, ...args));
    const change = store.commit({ writes: [write('b'), { key: 'a', ifRevision: 1, value: null }], audit });
    await expect(change).rejects.toMatchObject({ code: 'store_unavailable', message: expect.stringContaining(reply) });
    await vi.waitFor(async () => expect(await store.load()).toMatchObject({ revision: 1, documents: [{ key: 'a' }] }));
  });

  it('never logs the password', async () => {
    await asAdmin(redis.url, (admin) => admin.config('SET', 'requirepass', 'right'));
    const open = (url: string) => openStore({ redis: redisAt(url), dataDir: '/nowhere', deadline: 800, log });
    const denied = await open(redis.url.replace('//', '//user:hunter2@'));
    await vi.waitFor(() => expect(log.warn).toHaveBeenCalled());
    const refusal = await denied.load().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('WRONGPASS') });
    expect(inspect([refusal, log.warn.mock.calls], { depth: 20 })).not.toContain('hunter2');
    const allowed = await openRedis(redis.url.replace('//', '//:right@'));
    expect(await allowed.revision()).toBe(0);
    await Promise.all([denied.close(), allowed.close()]);
  });

  it('is unavailable once it is closed', async () => {
    await store.close();
    await expectAllUnavailable(store);
  });
});
