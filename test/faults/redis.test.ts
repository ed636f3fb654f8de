import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { instance } from '../fixtures/inventory.ts';
import { asAdmin } from '../store/redis-harness.ts';
import { type FairwayProcess, keepPolling, startFairway } from '../support/process.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import type { Reply } from '../support/server.ts';
import { startDroppingProxy } from './dropping-proxy.ts';

// These tests start many servers, one after the other.
vi.setConfig({ testTimeout: 60_000 });

/** The limit is one second; the rest is for a busy machine. */
const REFUSED_WITHIN_MS = 2_000;
const RECOVERED = { timeout: 15_000, interval: 20 };
const CHANNEL = '/channels/stable%2Fcloud';

async function redisForTest(): Promise<RedisProcess> {
  const redis = await startRedis();
  onTestFinished(async () => {
    redis.thaw();
    await redis.stop();
  });
  return redis;
}

const startOn = (url: string, options: Parameters<typeof startFairway>[0] = {}) =>
  startFairway({ ...options, env: { REDIS_URL: url } });

const rollForward = (server: FairwayProcess, version: string, headers?: Record<string, string>) =>
  server.api('POST', `${CHANNEL}/roll-forward`, { version, reason: 'test' }, headers);

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  return [await work, performance.now() - start];
}

/** Returns the milliseconds until `server` serves `body`. */
async function servedAfter(server: FairwayProcess, body: string, timeout: number): Promise<number> {
  const start = performance.now();
  await vi.waitFor(async () => expect((await server.poll()).body).toBe(body), { timeout, interval: 5 });
  return performance.now() - start;
}

function expectUnavailable([{ status, body }, ms]: [Reply, number]): number {
  expect({ status, code: body.code }).toEqual({ status: 503, code: 'store_unavailable' });
  expect(body.detail).toMatch(/\w{3,}/);
  expect(ms).toBeLessThan(REFUSED_WITHIN_MS);
  return ms;
}

async function expectRecovered(server: FairwayProcess, version: string): Promise<void> {
  const moved = await vi.waitFor(async () => {
    const reply = await rollForward(server, version);
    // A change without an answer may still have been made.
    expect([200, 409], JSON.stringify(reply.body)).toContain(reply.status);
    return reply;
  }, RECOVERED);
  expect(moved.status === 200 || moved.body.code === 'not_newer').toBe(true);
  expect((await server.poll()).body).toBe(`v${version}`);
  await vi.waitFor(async () => expect(await server.metric('fairway_store_up')).toBe(1), RECOVERED);
}

const report = (what: string, ms: number) => console.info(`${what}: ${Math.round(ms)} ms`);

describe('two servers on one Redis', () => {
  it('give the same answers, and a change reaches the other server at once', async () => {
    const redis = await redisForTest();
    const a = await startOn(redis.url);
    const b = await startOn(redis.url);
    for (const [server, version] of [
      [a, '16.4.7'],
      [b, '16.4.8'],
    ] as const) {
      expect((await rollForward(server, version)).status).toBe(200);
      report('a change reached the other server in', await servedAfter(server === a ? b : a, `v${version}`, 1_000));
      const answers = await Promise.all([a.poll(), b.poll()]);
      const [one, other] = answers.map(({ status, body, headers }) => {
        return { status, body, headers: Object.fromEntries([...headers].filter(([name]) => name !== 'date')) };
      });
      expect(one).toEqual(other);
      expect(one?.headers).toMatchObject({ etag: `"v${version}"`, 'fairway-revision': expect.stringMatching(/^\d+$/) });
    }
    expect(await a.metric('fairway_snapshot_revision')).toBe(await b.metric('fairway_snapshot_revision'));
  });

  it('agree soon even if the message about a change is lost', async () => {
    const redis = await redisForTest();
    const proxy = await startDroppingProxy(redis.port);
    const a = await startOn(redis.url);
    const b = await startOn(proxy.url);
    proxy.loseMessages();
    expect((await rollForward(a, '16.4.7')).status).toBe(200);
    report('a change whose message was lost arrived in', await servedAfter(b, 'v16.4.7', 4_000));
    expect(proxy.lost()).toBeGreaterThan(0);
  });

  it('agree soon even if the subscriptions were cut, and later at once again', async () => {
    const redis = await redisForTest();
    const a = await startOn(redis.url);
    const b = await startOn(redis.url);
    await asAdmin(redis.url, (admin) => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
    expect((await rollForward(a, '16.4.7')).status).toBe(200);
    report('a change after cut subscriptions arrived in', await servedAfter(b, 'v16.4.7', 4_000));
    await vi.waitFor(async () => {
      const subscribed = await asAdmin(redis.url, (admin) => admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
      expect(String(subscribed).trim().split('\n')).toHaveLength(2);
    }, RECOVERED);
    expect((await rollForward(a, '16.4.8')).status).toBe(200);
    await servedAfter(b, 'v16.4.8', 1_000);
  });

  it('let one of several concurrent operators win, and lose no entry of the log', async () => {
    const redis = await redisForTest();
    const servers = [await startOn(redis.url), await startOn(redis.url)];
    const everyone = [...servers, ...servers];
    const won: string[] = [];
    for (let round = 1; round <= 20; round++) {
      const seen = await servers[0]?.api('GET', CHANNEL);
      // Alternately with and without a condition.
      const headers = round % 2 ? undefined : { 'If-Match': String(seen?.headers.get('etag')) };
      const replies = await Promise.all(everyone.map((server) => rollForward(server, `16.5.${round}`, headers)));
      const winners = replies.filter(({ status }) => status === 200);
      expect(winners, JSON.stringify(replies.map(({ body }) => body))).toHaveLength(1);
      for (const { status, body } of replies) {
        if (status === 412) expect(body.code).toBe('revision_mismatch');
        else if (status !== 200) expect({ status, code: body.code }).toEqual({ status: 409, code: 'not_newer' });
      }
      won.push(winners[0]?.body.audit.hash);
    }
    for (const server of servers) {
      const { body } = await server.api('GET', `${CHANNEL}/history?limit=100`);
      const moves = body.entries.filter(({ action }: { action: string }) => action === 'roll-forward');
      expect(moves.map(({ hash }: { hash: string }) => hash)).toEqual(won.toReversed());
      expect((await server.api('GET', '/audit/verify')).body).toMatchObject({ intact: true });
    }
  });
});

describe('a start while Redis is away', () => {
  it('serves the saved state, refuses changes, and recovers by itself', async () => {
    const redis = await redisForTest();
    const before = await startOn(redis.url);
    await rollForward(before, '16.4.7');
    before.signal('SIGTERM');
    await before.exit;
    await redis.kill();

    const server = await startOn(redis.url, { dir: before.dir });
    expect((await fetch(`${server.operatorUrl}/readyz`)).status).toBe(200);
    const polling = keepPolling(server, (body) => body === 'v16.4.7' || body === 'v16.4.8');
    report('refused while Redis is away in', expectUnavailable(await timed(rollForward(server, '16.4.8'))));
    expect(await server.metric('fairway_store_up')).toBe(0);
    await polling.forAWhile();
    await redis.restart();
    await expectRecovered(server, '16.4.8');
    expect(await polling.stop()).toMatchObject({ wrong: [] });
  });

  it.each(['killed', 'frozen'])(
    'without a saved state says when to retry (%s), then creates its channels',
    async (how) => {
      const redis = await redisForTest();
      if (how === 'killed') await redis.kill();
      else redis.freeze();
      const server = await startOn(redis.url);
      const early = await server.poll();
      expect({ status: early.status, retryAfter: early.headers.get('retry-after') }).toEqual({
        status: 503,
        retryAfter: expect.stringMatching(/^\d+$/),
      });
      expect((await fetch(`${server.operatorUrl}/readyz`)).status).toBe(503);
      expectUnavailable(await timed(rollForward(server, '16.4.7')));
      expectUnavailable(await timed(server.api('GET', '/channels')));
      expectUnavailable(await timed(server.api('GET', '/events')));
      if (how === 'killed') await redis.restart();
      else redis.thaw();
      await vi.waitFor(async () => expect((await server.poll()).body).toBe('v16.4.6'), RECOVERED);
      expect((await fetch(`${server.operatorUrl}/readyz`)).status).toBe(200);
      await expectRecovered(server, '16.4.7');
    },
  );
});

describe('an outage', () => {
  it('with Redis killed: no poll fails, and acknowledged changes are there afterwards', async () => {
    const redis = await redisForTest();
    const server = await startOn(redis.url);
    const polling = keepPolling(server, (body) => /^v16\.4\.[678]$/.test(body));
    expect((await rollForward(server, '16.4.7')).status).toBe(200);
    await redis.kill();
    report('refused after a kill in', expectUnavailable(await timed(rollForward(server, '16.4.8'))));
    await polling.forAWhile();
    expect((await server.poll()).body).toBe('v16.4.7');
    await redis.restart();
    await expectRecovered(server, '16.4.8');
    expect(await polling.stop()).toMatchObject({ wrong: [] });
    const { body } = await server.api('GET', `${CHANNEL}/history`);
    // The bootstrap's entry has everything that it created, by key.
    const targets = body.entries.map(
      ({ after }: { after: Raw }) => ((after['channel/stable/cloud'] ?? after) as Raw).target,
    );
    expect(targets).toEqual(['16.4.8', '16.4.7', '16.4.6']);
    expect((await server.api('GET', '/audit/verify')).body).toMatchObject({ intact: true });
  });

  it('with Redis frozen: no poll fails, and no request of an operator hangs', async () => {
    const redis = await redisForTest();
    const server = await startOn(redis.url);
    const polling = keepPolling(server, (body) => /^v16\.4\.[678]$/.test(body));
    expect((await rollForward(server, '16.4.7')).status).toBe(200);
    redis.freeze();
    // Looks share what was read within the last second.
    await expect.poll(async () => (await server.api('GET', '/census')).status, { timeout: 10_000 }).toBe(503);
    const calls: [method: string, path: string, status: number, body?: unknown][] = [
      ['GET', '/channels', 200],
      ['GET', CHANNEL, 200],
      ['GET', '/export', 200],
      ['GET', `${CHANNEL}/history`, 503],
      ['GET', '/census', 503],
      ['GET', '/agents', 503],
      ['GET', '/agents/a', 503],
      ['GET', '/agents/a/explain', 503],
      ['DELETE', '/agents/a?reason=gone', 503],
      ['GET', '/audit', 503],
      ['GET', '/audit/verify', 503],
      ['POST', `${CHANNEL}/check`, 503, { version: '16.4.8' }],
      ['POST', `${CHANNEL}/roll-forward`, 503, { version: '16.4.8', reason: 'test' }],
      ['POST', `${CHANNEL}/critical`, 503, { critical: true, reason: 'test' }],
      ['PUT', CHANNEL, 503, { description: 'test' }],
      ['PUT', '/channels/new', 503, {}],
      ['DELETE', CHANNEL, 503],
      ['PUT', '/control-planes/main', 503, { version: '16.4.8' }],
      ['POST', '/control-planes/main/check', 503, { version: '16.4.8' }],
      ['POST', '/inventory?channel=stable/cloud', 503, [instance(1, '16.4.7', 'cluster'), instance(2, '16.4.6')]],
      ['POST', '/releases/import', 503, [{ version: '16.4.8', date: '2024-11-12', security: false }]],
    ];
    const results = await Promise.all(
      calls.map(async ([method, path, , body]) => {
        const [{ status }, ms] = await timed(server.api(method, path, body));
        return { call: `${method} ${path}`, status, ms };
      }),
    );
    expect(results.map(({ call, status }) => [call, status])).toEqual(
      calls.map(([method, path, status]) => [`${method} ${path}`, status]),
    );
    const [, scrape] = await timed(server.metric('fairway_store_up'));
    const slowest = Math.max(scrape, ...results.map(({ ms }) => ms));
    report('the slowest call to a frozen Redis took', slowest);
    expect(slowest).toBeLessThan(REFUSED_WITHIN_MS);
    await vi.waitFor(async () => expect(await server.metric('fairway_store_up')).toBe(0), RECOVERED);
    await polling.forAWhile();
    redis.thaw();
    await expectRecovered(server, '16.4.8');
    const { wrong, slowest: slowestPoll } = await polling.stop();
    report('the slowest poll in that time took', slowestPoll);
    expect(wrong).toEqual([]);
    expect((await server.api('GET', '/audit/verify')).body).toMatchObject({ intact: true });
  });
});

describe('a Redis that lost its data', () => {
  async function started() {
    const redis = await redisForTest();
    const server = await startOn(redis.url);
    await rollForward(server, '16.4.7');
    return { redis, server, flush: () => asAdmin(redis.url, (admin) => admin.flushall()) };
  }

  it.each<[string, (server: FairwayProcess) => Promise<Reply>, number]>([
    ['a new document', (server) => server.api('PUT', '/channels/new', {}), 503],
    ['a known document', (server) => rollForward(server, '16.4.8'), 503],
  ])(
    'does not change the served state; changes are refused with the next step, first for %s',
    async (_, attempt, status) => {
      const { redis, server, flush } = await started();
      const polling = keepPolling(server, (body) => body === 'v16.4.7');
      await flush();
      // Unless the server has already looked.
      expect([status, 503]).toContain((await attempt(server)).status);
      await vi.waitFor(async () => expect(await server.metric('fairway_store_up')).toBe(0), RECOVERED);
      const [refusal, ms] = await timed(rollForward(server, '16.4.8'));
      expectUnavailable([refusal, ms]);
      expect(refusal.body.detail).toMatch(/lost changes: it is at revision 0 .* fairway recover/);
      expect(await asAdmin(redis.url, (admin) => admin.exists('{fairway}:head')), 'what refused changes left').toBe(0);
      expect((await server.api('GET', '/channels')).body.channels).toHaveLength(1);
      expect(await polling.stop()).toMatchObject({ wrong: [] });
    },
  );

  it('keeps the served state after a restart, until the saved state is deleted; then an export is applied', async () => {
    const { redis, server, flush } = await started();
    await flush();
    await vi.waitFor(async () => expect(await server.metric('fairway_store_up')).toBe(0), RECOVERED);
    const exported = (await server.api('GET', '/export')).body;
    server.signal('SIGTERM');
    await server.exit;
    const again = await startOn(redis.url, { dir: server.dir });
    expect((await again.poll()).body).toBe('v16.4.7');
    expect((await rollForward(again, '16.4.8')).body.detail).toMatch(/lost changes/);
    again.signal('SIGTERM');
    await again.exit;
    rmSync(join(server.dir, 'data/state.json'));
    const fresh = await startOn(redis.url, { dir: server.dir, settings: {} });
    expect((await fresh.api('POST', '/apply', exported)).body).toMatchObject({});
    expect((await fresh.poll()).body).toBe('v16.4.7');
  });
});
