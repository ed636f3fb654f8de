import { expect, it, onTestFinished, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { type FairwayProcess, startFairway } from '../support/process.ts';
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
  await vi.waitFor(async () => expect(await ready('?maxAge=30s')).toBe('200 ready'));
  expect(await ready('?maxAge=soon')).toMatch(/^422 .*maxAge/);
  await redis.kill();
  await vi.waitFor(async () => expect(await ready()).toMatch(/^200 ready, but .* by the store 1 s ago$/), 10_000);
  expect(await ready('?maxAge=500ms')).toMatch(/^503 not ready: .*last confirmed by the store \d s ago/);
  expect(await ready('?maxAge=1h')).toMatch(/^200 /);

  await server.kill();
  const again = await startFairway({ dir: server.dir, settings, env: { REDIS_URL: redis.url } });
  const response = await fetch(`${again.operatorUrl}/readyz?maxAge=1s`);
  expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('last confirmed by')]);
  await redis.restart();
  await vi.waitFor(async () => expect((await fetch(`${again.operatorUrl}/readyz?maxAge=5s`)).status).toBe(200), 10_000);
});

/** What an agent gets, with the age of the state. */
async function asked(url: string, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}${path}`, { headers: { Connection: 'close', ...headers } });
  const [age, stateAge] = ['age', 'fairway-state-age'].map((name) => response.headers.get(name));
  expect(age, 'both headers say the same').toBe(stateAge);
  return { status: response.status, body: await response.text(), age: age === null ? null : Number(age) };
}

const VERSION = '/v1/stable/cloud/version';

it('says on every answer how old its state is once it is not confirmed, in both lanes and in workers', async () => {
  const redis = await startRedis();
  onTestFinished(redis.stop);
  const start = (more: Raw) =>
    startFairway({
      settings: { ...QUICKSTART, ...more, store: { compareEvery: '200ms', maxStaleness: '8s' } },
      env: { REDIS_URL: redis.url },
    });
  const kinds: Raw[] = [{ fastLane: false }, { fastLane: true }, { workers: 2 }];
  const servers = await Promise.all(kinds.map(start));
  const onEach = (look: (server: FairwayProcess) => Promise<void>) => Promise.all(servers.map(look));
  const isFresh = ({ publicUrl }: FairwayProcess) =>
    vi.waitFor(async () => {
      const answer = await asked(publicUrl, VERSION, { 'Fairway-Max-Age': '0' });
      expect(answer).toEqual({ status: 200, body: 'v16.4.6', age: null });
    }, 10_000);
  await onEach(isFresh);

  redis.freeze();
  // Each worker notices by itself.
  await onEach(async ({ publicUrl }) => {
    const aged = (status: number, body: unknown, path: string, headers?: Record<string, string>) =>
      vi.waitFor(async () => {
        const answer = await asked(publicUrl, path, headers);
        expect(answer).toEqual({ status, body, age: expect.any(Number) });
        expect(answer.age).toBeGreaterThan(0);
      }, 10_000);
    const tooOld = expect.stringContaining('older than Fairway-Max-Age allows');
    await aged(200, 'v16.4.6', VERSION);
    await aged(404, expect.any(String), '/v1/unknown/version');
    await aged(304, '', VERSION, { 'If-None-Match': '"v16.4.6"' });
    await aged(200, 'v16.4.6', VERSION, { 'Fairway-Max-Age': '3600' });
    await aged(503, tooOld, VERSION, { 'Fairway-Max-Age': '0' });
  });

  await onEach(async ({ publicUrl, operatorUrl, metric, api }) => {
    await vi.waitFor(async () => expect(await asked(publicUrl, VERSION)).toMatchObject({ body: 'none' }), 20_000);
    expect(await asked(publicUrl, '/v1/stable/cloud/critical')).toMatchObject({ body: 'no' });
    await vi.waitFor(async () => {
      const found = JSON.parse((await asked(publicUrl, '/webapi/find')).body);
      expect(found.auto_update).toMatchObject({ agent_version: '', agent_auto_update: false });
    });
    expect(await (await fetch(`${operatorUrl}/readyz`)).text()).toMatch(/^ready, but .*agents get no version/);
    expect(await metric('fairway_answers_withheld')).toBe(1);
    const { body: status } = await api('GET', '/status');
    expect(JSON.stringify(status)).toContain('Agents get no version and stay where they are');
  });

  redis.thaw();
  await onEach(isFresh);
});
