import { once } from 'node:events';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { expect, vi } from 'vitest';
import type { FleetLimits, Store } from '../../src/domain/store.ts';
import { openStore } from '../../src/store/open.ts';
import { redisAt } from '../support/redis-access.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';

export const silent = { info() {}, warn() {} };

/** An entry for the audit log, for tests that do not look at it. */
export const audit = {
  at: '2026-01-02T03:04:05.678Z',
  actor: 'token:ci',
  action: 'create',
  subject: 'channel/a',
  reason: 'test',
  before: null,
  after: null,
};

/** Milliseconds that a call may take in tests without faults: a slow disk is not a fault. */
export const PATIENT = 10_000;

/** Opens a store on `url` and waits until it answers. */
export async function openRedis(
  url: string,
  { log = silent, limits, deadline = PATIENT }: { log?: typeof silent; limits?: FleetLimits; deadline?: number } = {},
): Promise<Store> {
  const store = await openStore({ redis: redisAt(url), dataDir: '/nowhere', deadline, limits, log });
  await vi.waitFor(() => store.revision(), { interval: 5 });
  return store;
}

/** Runs `work` with its own connection, as an operator of Redis would. */
export async function asAdmin<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Starts a cluster of one server, which refuses scripts whose keys do not share a slot. */
export async function startCluster(): Promise<RedisProcess> {
  // The default bus port is 10,000 higher, which may be more than the highest port.
  const spare = createServer().listen(0, '127.0.0.1');
  await once(spare, 'listening');
  const address = spare.address();
  const busPort = typeof address === 'object' && address ? address.port : 0;
  spare.close();
  await once(spare, 'close');

  const redis = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)] });
  const setUp = asAdmin(redis.url, async (admin) => {
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
    // A cluster accepts no writes in its first two seconds.
    const isReady = async () => expect(await admin.call('CLUSTER', 'INFO')).toContain('cluster_state:ok');
    await vi.waitFor(isReady, { timeout: 10_000 });
  });
  await setUp.catch(async (error) => {
    await redis.stop();
    throw error;
  });
  return redis;
}
