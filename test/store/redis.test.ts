import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Sighting } from '../../src/domain/agent.ts';
import type { Store } from '../../src/domain/store.ts';
import { openStore } from '../../src/store/open.ts';
import { HEAD, WRITTEN } from '../../src/store/redis-keys.ts';
import { redisAt } from '../support/redis-access.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { storeContract } from './contract.ts';
import { asAdmin, audit, openRedis, PATIENT, silent, startCluster } from './redis-harness.ts';

describe('in a cluster', () => {
  let redis: RedisProcess;
  beforeAll(async () => {
    redis = await startCluster();
  });
  afterAll(() => redis.stop());

  storeContract('redis', {
    fresh: async (limits) => {
      await asAdmin(redis.url, (admin) => admin.flushall());
      return openRedis(redis.url, { limits });
    },
    again: () => openRedis(redis.url),
  });
});

describe('a store in Redis', () => {
  let redis: RedisProcess;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it('answers right after it was opened, if Redis runs', async () => {
    const store = await openStore({ redis: redisAt(redis.url), dataDir: '/nowhere', deadline: PATIENT, log: silent });
    expect(await store.load()).toMatchObject({ revision: 0, documents: [] });
    await store.close();
  });

  it('announces a commit to other servers within a second', async () => {
    const [writer, reader] = [await openRedis(redis.url), await openRedis(redis.url)];
    const heard = vi.fn();
    reader.onChange(heard);
    // The first call comes when the subscription is ready.
    await vi.waitFor(() => expect(heard).toHaveBeenCalled());
    heard.mockClear();
    await writer.commit({ writes: [], audit });
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1), { timeout: 1000, interval: 5 });
    await Promise.all([writer.close(), reader.close()]);
  });

  it.each([
    [
      'more than a thousand changes came in between',
      async (store: Store) => {
        for (let n = 0; n < 1_001; n++) await store.commit({ writes: [], audit });
      },
    ],
    [
      'one of the changes was very large',
      async (store: Store) => {
        const writes = Array.from({ length: 20_001 }, (_, n) => ({ key: `large/${n}`, ifRevision: 0, value: {} }));
        await store.commit({ writes, audit });
        await store.commit({ writes: [], audit });
      },
    ],
    [
      'a server of an earlier release made one of the changes',
      async (store: Store) => {
        await store.commit({ writes: [], audit });
        await asAdmin(redis.url, (admin) => admin.rpop(WRITTEN));
        await store.commit({ writes: [], audit });
      },
    ],
  ])('lets a server load everything if %s, and knows again what comes after that', async (_, change) => {
    await asAdmin(redis.url, (admin) => admin.flushall());
    const store = await openRedis(redis.url);
    await store.commit({ writes: [], audit });
    const head = async () => {
      const { revision: id, hash } = await store.load();
      return { id, hash: hash ?? '' };
    };
    const before = await head();
    await change(store);
    expect(await store.since(before, [])).toBe('all');
    const after = await head();
    await store.commit({ writes: [{ key: 'channel/a', ifRevision: 0, value: {} }], audit });
    expect(await store.since(after, [])).toMatchObject({ documents: [{ key: 'channel/a' }], gone: [] });
    expect(await asAdmin(redis.url, (admin) => admin.llen(WRITTEN))).toBeLessThanOrEqual(1_000);
    await store.close();
  });

  it('tells other servers what a large change wrote, and forgets older changes for it', async () => {
    await asAdmin(redis.url, (admin) => admin.flushall());
    const store = await openRedis(redis.url);
    for (let n = 0; n < 30; n++) await store.commit({ writes: [], audit });
    const { revision: id, hash } = await store.load();
    const writes = Array.from({ length: 2_000 }, (_, n) => ({ key: `large/${n}`, ifRevision: 0, value: {} }));
    await store.commit({ writes, audit });
    const found = await store.since({ id, hash: hash ?? '' }, []);
    expect(typeof found === 'object' && found.documents.length).toBe(2_000);
    expect(await asAdmin(redis.url, (admin) => admin.llen(WRITTEN))).toBe(20);
    await store.close();
  });

  it('names a head of the log that is damaged, instead of a revision that is not a number', async () => {
    await asAdmin(redis.url, (admin) => admin.flushall());
    const store = await openRedis(redis.url);
    await store.commit({ writes: [], audit });
    const { hash } = await store.load();
    await asAdmin(redis.url, (admin) => admin.set(HEAD, 'torn'));
    const damaged = { code: 'store_unavailable', message: expect.stringMatching(/head of the log .* is damaged/) };
    await expect(store.revision()).rejects.toMatchObject(damaged);
    await expect(store.load()).rejects.toMatchObject(damaged);
    await expect(store.commit({ writes: [], audit })).rejects.toMatchObject(damaged);
    expect(await store.since({ id: 1, hash: hash ?? '' }, [])).toBe('lost');
    await asAdmin(redis.url, (admin) => admin.set(HEAD, `1 ${hash}`));
    expect(await store.commit({ writes: [], audit })).toHaveProperty('entry.id', 2);
    await store.close();
  });

  it('keeps working after Redis has forgotten its scripts', async () => {
    const store = await openRedis(redis.url);
    await store.commit({ writes: [], audit });
    await asAdmin(redis.url, (admin) => admin.script('FLUSH'));
    expect(await store.commit({ writes: [], audit })).toHaveProperty('entry');
    await store.close();
  });

  it('looks for what an import no longer lists only where it is listed', async () => {
    const store = await openRedis(redis.url);
    await asAdmin(redis.url, (admin) => admin.flushall());
    const listed = (id: string, scope: string, at: number): Sighting => ({
      ...{ id, channel: scope, version: '17.4.2', at, updater: null, updaterVersion: null, group: null },
      ...{ enrolled: true, proven: true, updaterState: null, host: null, listing: { at, scope }, expired: false },
    });
    const options = { now: 10, contestedFor: 0, targets: new Map() };
    const record = (ids: string[], scope: string, at: number) =>
      store.recordSightings(
        'inventory',
        ids.map((id) => listed(id, scope, at)),
        options,
      );
    const small = Array.from({ length: 20 }, (_, n) => `small-${n}`);
    await record(
      Array.from({ length: 2_000 }, (_, n) => `large-${n}`),
      'large',
      1,
    );
    await record(small, 'small', 1);
    /** How many buckets `work` reads, three hashes each; the 16 shards say first where the scope is listed. */
    const bucketsRead = async (work: () => Promise<unknown>) => {
      await asAdmin(redis.url, (admin) => admin.config('RESETSTAT'));
      await work();
      const stats = await asAdmin(redis.url, (admin) => admin.info('commandstats'));
      return (Number(/cmdstat_hgetall:calls=(\d+)/.exec(stats)?.[1] ?? 0) - 16) / 3;
    };
    // The first time, as after an upgrade, all buckets are looked through.
    expect(await bucketsRead(() => store.prune({ unlisted: { scope: 'none', before: 5 } }))).toBeGreaterThan(16_000);

    await record(small.slice(1), 'small', 3);
    const prune = () => store.prune({ unlisted: { scope: 'small', before: 3 } });
    expect(await bucketsRead(async () => expect(await prune()).toBe(1))).toBeLessThanOrEqual(20);
    // The bucket of the agent that is gone is not looked into again.
    expect(await bucketsRead(async () => expect(await prune()).toBe(0))).toBeLessThanOrEqual(19);
    expect((await store.counts()).known).toEqual(
      expect.arrayContaining([
        { channel: 'small', version: '17.4.2', agents: 19 },
        { channel: 'large', version: '17.4.2', agents: 2_000 },
      ]),
    );
    await store.close();
  });

  it('refuses a cursor that no page returned', async () => {
    const store = await openRedis(redis.url);
    await expect(store.agents({ limit: 1, cursor: 'x' })).rejects.toMatchObject({ code: 'invalid' });
    await store.close();
  });

  it('stores a check-in of which only the time is new with one read and one write, unless its time decides anything', async () => {
    await asAdmin(redis.url, (admin) => admin.flushall());
    const store = await openRedis(redis.url);
    const now = Date.UTC(2026, 0, 3);
    const seen = fleetMember(1);
    const record = (source: 'check-ins' | 'inventory', sighting: Sighting) =>
      store.recordSightings(source, [sighting], { now, contestedFor: 1, targets: new Map() });
    const callsOf = (more: Partial<Sighting>) =>
      asAdmin(redis.url, async (admin) => {
        await admin.config('RESETSTAT');
        await record('check-ins', { ...seen, ...more });
        const stats = await admin.info('commandstats');
        return ['hget', 'hset', 'hincrby'].map((name) =>
          Number(RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0),
        );
      });
    await record('check-ins', seen);
    // The second read and the change are of the time of the channel.
    const FAST = [2, 1, 1];
    expect(await callsOf({ at: seen.at + 1 })).toEqual(FAST);
    const listing = { at: now, scope: seen.channel };
    await record('inventory', { ...seen, updaterVersion: null, listing });
    expect(await callsOf({ at: seen.at + 2 }), 'beside an inventory that agrees').toEqual(FAST);
    await record('inventory', { ...seen, version: '17.4.3', at: seen.at + 1, listing });
    expect((await callsOf({ at: seen.at + 3 }))[0], 'beside one that does not').toBeGreaterThan(2);
    await store.close();
  });

  it('keeps agents packed: each bucket is a listpack', async () => {
    const store = await openRedis(redis.url);
    const agents = 20_000;
    const sightings = Array.from({ length: agents }, (_, n) => fleetMember(n));
    const memory = () =>
      asAdmin(redis.url, async (admin) => Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]));
    const before = await memory();
    await store.recordSightings('check-ins', sightings, { now: Date.now(), contestedFor: 1, targets: new Map() });
    const perAgent = ((await memory()) - before) / agents;
    console.log(`Redis: ${perAgent.toFixed(0)} bytes for each of ${agents} agents, hash keys included`);

    await asAdmin(redis.url, async (admin) => {
      const encodings = new Set<unknown>();
      for (const key of (await admin.keys('*:seen:*')).slice(0, 200)) {
        encodings.add(await admin.object('ENCODING', key));
      }
      expect([...encodings]).toEqual(['listpack']);
    });
    await store.close();
  });
});

const fleetMember = (n: number): Sighting => ({
  id: randomUUID(),
  channel: 'stable/cloud',
  version: n % 3 ? '17.4.2' : '16.5.13',
  at: Date.UTC(2026, 0, 2) + n,
  updater: 'unit',
  updaterVersion: '17.4.2',
  group: 'production',
  enrolled: true,
  proven: true,
  updaterState: null,
  host: null,
  listing: null,
  expired: false,
});
