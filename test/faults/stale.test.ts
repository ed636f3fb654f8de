import { expect, it, onTestFinished, vi } from 'vitest';
import { startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { QUICKSTART } from '../support/server.ts';

it('says how old its state is while Redis is away, and is not ready for those who ask for a fresh one', async () => {
  const redis = await startRedis();
  onTestFinished(redis.stop);
  const settings = { ...QUICKSTART, store: { compareEvery: '100ms' } };
  const server = await startFairway({ settings, env: { REDIS_URL: redis.url } });
  const ready = async (query = '') => {
    const response = await fetch(`${server.operatorUrl}/readyz${query}`);
    return `${response.status} ${await response.text()}`;
  };
  expect(await ready('?maxAge=30s')).toBe('200 ready');
  expect(await ready('?maxAge=soon')).toMatch(/^422 .*maxAge/);
  await redis.kill();
  await vi.waitFor(async () => expect(await ready()).toMatch(/^200 ready, but .* by the store 1 s ago$/), 10_000);
  expect(await ready('?maxAge=500ms')).toMatch(/^503 not ready: .*last confirmed by the store \d s ago/);
  expect(await ready('?maxAge=1h')).toMatch(/^200 /);

  await server.kill();
  const again = await startFairway({ dir: server.dir, settings, env: { REDIS_URL: redis.url } });
  const response = await fetch(`${again.operatorUrl}/readyz?maxAge=1d`);
  expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('saved on this machine')]);
  await redis.restart();
  await vi.waitFor(async () => expect((await fetch(`${again.operatorUrl}/readyz?maxAge=5s`)).status).toBe(200), 10_000);
});
