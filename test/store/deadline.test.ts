import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Store } from '../../src/domain/store.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { openRedis } from './redis-harness.ts';

const DEADLINE = 200;

let redis: RedisProcess;
let store: Store;

beforeAll(async () => {
  redis = await startRedis({ args: ['--appendonly', 'no'] });
  store = await openRedis(redis.url, { deadline: DEADLINE });
});

afterAll(async () => {
  await store.close();
  await redis.stop();
});

it('takes an answer that came while this process was busy for longer than the deadline', async () => {
  const revision = store.revision();
  await nextTurn();
  const end = performance.now() + 2 * DEADLINE;
  while (performance.now() < end);
  expect(await revision).toBe(0);
});
