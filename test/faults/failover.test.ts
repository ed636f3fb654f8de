import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { CONTROL_SLOT } from '../../src/store/redis-keys.ts';
import { asAdmin, silent } from '../store/redis-harness.ts';
import { type FairwayProcess, keepPolling, startFairway } from '../support/process.ts';
import { redisAt } from '../support/redis-access.ts';
import type { RedisSet } from '../support/redis-sets.ts';
import { startSentinels, startSixNodes } from '../support/redis-sets.ts';
import { QUICKSTART } from '../support/server.ts';

// Failures are noticed after timeouts of seconds.
vi.setConfig({ testTimeout: 90_000 });

const CHANNEL = '/channels/stable%2Fcloud';
/** The disks of a busy machine are slow. */
const REPLICATED = { store: { replication: { replicas: 1, timeout: '2s' } } };
const RESUMES_WITHIN_MS = 15_000;

const rollForward = (server: FairwayProcess, version: string) =>
  server.api('POST', `${CHANNEL}/roll-forward`, { version, reason: 'test' });

const report = (what: string, ms: number) => console.info(`${what}: ${Math.round(ms)} ms`);

describe.each([
  ['sentinels', startSentinels],
  ['a cluster of six', startSixNodes],
])('%s: the primary is killed', (name, startSet) => {
  let redis: RedisSet;
  beforeAll(async () => {
    redis = await startSet();
  });
  afterAll(() => redis?.stop());

  it('the first request after a start is answered', async () => {
    // The client connects to all nodes at once, and any of them may be the last to answer.
    for (let start = 0; start < 30; start++) {
      const store = await openStore({ redis: redisAt(redis.url), dataDir: '/nowhere', deadline: 5_000, log: silent });
      await expect(store.revision()).resolves.toBe(0);
      await store.close();
    }
  });

  it('no poll fails, acknowledged changes survive, and new changes work again within 15 s', async () => {
    const options = { env: { REDIS_URL: redis.url }, settings: { ...QUICKSTART, ...REPLICATED } };
    const servers = [await startFairway(options), await startFairway(options)] as const;
    const [a, b] = servers;
    const acknowledged = await rollForward(a, '16.4.7');
    expect([acknowledged.status, acknowledged.headers.get('fairway-warning')]).toEqual([200, null]);
    await vi.waitFor(async () => expect((await b.poll()).body).toBe('v16.4.7'), { timeout: 2_000, interval: 5 });
    const polling = servers.map((server) => keepPolling(server, (body) => /^v16\.4\.[789]$/.test(body)));

    const primary = await redis.primary();
    await primary.kill();
    const killed = performance.now();
    const refused = await rollForward(a, '16.4.8');
    expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 503, code: 'store_unavailable' });
    await vi.waitFor(
      async () => {
        const { status, body } = await rollForward(a, '16.4.8');
        expect([200, 202, 409], body.detail).toContain(status);
      },
      { timeout: 45_000, interval: 50 },
    );
    const resumed = performance.now() - killed;
    report(`${name}: changes went on after`, resumed);
    expect(resumed).toBeLessThan(RESUMES_WITHIN_MS);
    expect(await redis.primary()).not.toBe(primary);

    // By its subscription at the new place, and not only by comparing every few seconds.
    await vi.waitFor(async () => expect((await b.poll()).body).toBe('v16.4.8'));
    await vi.waitFor(async () => {
      const listening = await Promise.all(
        redis.servers
          .filter((server) => server !== primary)
          .map(({ url }) => asAdmin(url, (admin) => admin.pubsub('NUMSUB', '{fairway}:changes'))),
      );
      expect(listening.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(2);
    });
    // No replica is left to the cluster's new primary.
    expect([200, 202]).toContain((await rollForward(b, '16.4.9')).status);
    await vi.waitFor(async () => expect((await a.poll()).body).toBe('v16.4.9'), { timeout: 1_500, interval: 5 });

    for (const poll of polling) expect(await poll.stop()).toMatchObject({ wrong: [] });
    // Each sentinel that announces the failover late makes a server connect once more.
    await vi.waitFor(async () => {
      const { body } = await b.api('GET', `${CHANNEL}/history`);
      // What the settings create is one entry, by key.
      const targets = body.entries.map(
        ({ after }: { after: Record<string, { target: string }> }) => (after['channel/stable/cloud'] ?? after).target,
      );
      expect(targets).toEqual(['16.4.9', '16.4.8', '16.4.7', '16.4.6']);
      expect((await b.api('GET', '/audit/verify')).body).toMatchObject({ intact: true });
    });
  });
});

it('the slot of control data is the one that Redis computes', async () => {
  const { startCluster } = await import('../store/redis-harness.ts');
  const redis = await startCluster();
  const slot = await asAdmin(redis.url, (admin) => admin.cluster('KEYSLOT', '{fairway}:head'));
  await redis.stop();
  expect(slot).toBe(CONTROL_SLOT);
});
