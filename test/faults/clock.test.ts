import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { asAdmin } from '../store/redis-harness.ts';
import { type FairwayProcess, startFairway } from '../support/process.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { QUICKSTART } from '../support/server.ts';

vi.setConfig({ testTimeout: 60_000 });

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const HOUR = 3_600_000;
/** Milliseconds. On a busy machine, half of the way to Redis and back. */
const EXACT = 200;
const CHANNEL = '/channels/stable%2Fcloud';

/** A server, with its workers if it has any, on a machine whose clock is an hour ahead of the one of Redis. */
async function startAhead(settings = {}): Promise<FairwayProcess> {
  await asAdmin(redis.url, (admin) => admin.flushall());
  const shift = `
const Real = Date;
globalThis.Date = class extends Real {
  constructor(...given) { super(...(given.length > 0 ? given : [Real.now() + ${HOUR}])); }
  static now() { return Real.now() + ${HOUR}; }
};`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(shift)}`;
  return startFairway({ settings: { ...QUICKSTART, ...settings }, env: { REDIS_URL: redis.url, NODE_OPTIONS } });
}

const critical = async ({ publicUrl }: FairwayProcess) => {
  // A connection each, so that every worker answers some.
  const answers = Array.from({ length: 20 }, async () => {
    const response = await fetch(`${publicUrl}/v1/critical`, { headers: { Connection: 'close' } });
    return response.text();
  });
  return [...new Set(await Promise.all(answers))];
};

const until = (ms: number) => new Date(Date.now() + ms).toISOString();

it('a server whose clock is an hour off is not ready and does not lead, and goes by the time of Redis', async () => {
  const server = await startAhead();
  expect(await server.metric('fairway_clock_offset_seconds')).toBeCloseTo(HOUR / 1_000, -1);
  const ready = await fetch(`${server.operatorUrl}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toMatch(/^not ready: the clock of this machine is 3\d{3} s ahead of the store's; set it/);
  expect(await server.metric('fairway_leader')).toBe(0);
  expect(server.logs().filter(({ msg }) => /^the clock of this machine is/.test(`${msg}`))).toMatchObject([
    { level: 'error' },
  ]);
  expect((await server.poll()).body).toBe('v16.4.6');
  const [entry] = (await server.api('GET', '/audit?limit=1')).body.entries;
  expect(Math.abs(Date.parse(entry.at) - Date.now())).toBeLessThan(60_000);
});

it.each([1, 2])('a critical mark ends by the time of Redis, in polls and in the API: %i worker(s)', async (workers) => {
  const server = await startAhead({ workers });
  const mark = (end: string) =>
    server.api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'CVE', until: end });
  // By the clock of the machine, it would have ended already.
  expect((await mark(until(HOUR / 2))).status).toBe(200);
  await vi.waitFor(async () => expect(await critical(server)).toEqual(['yes']));
  const end = until(2_000);
  expect((await mark(end)).status).toBe(200);
  await vi.waitFor(async () => expect((await server.api('GET', CHANNEL)).body.critical).toBeNull(), {
    timeout: 20_000,
  });
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(end) - EXACT);
  await vi.waitFor(async () => expect(await critical(server)).toEqual(['no']), { timeout: 20_000 });
});

it.each(['embedded', 'redis'])('a clock that jumps forgets no agent and completes no soak: %s', async (kind) => {
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(`
const Real = Date;
let shift = 0;
process.on('SIGUSR2', () => (shift = ${24 * HOUR}));
globalThis.Date = class extends Real {
  constructor(...given) { super(...(given.length > 0 ? given : [Real.now() + shift])); }
  static now() { return Real.now() + shift; }
};`)}`;
  await asAdmin(redis.url, (admin) => admin.flushall());
  const [from, to] = ['17.0.0-cloud.20241112T101530.1a2b3c4', '17.0.0-cloud.20241113T101530.1a2b3c4'];
  const stage = { name: 'canary', channels: ['c'], controlPlanes: [], soak: '12h', automatic: true, signOff: false };
  const server = await startFairway({
    env: { NODE_OPTIONS, ...(kind === 'redis' ? { REDIS_URL: redis.url } : {}) },
    settings: {
      bootstrap: { channels: [{ name: 'c', target: from, accepts: ['cloud'] }] },
      promotion: { advanceEvery: '200ms', stages: [{ ...stage, approval: false }] },
      fleet: { staleAfter: '1h', flushEvery: '50ms', enrolment: { mode: 'open' } },
    },
  });
  await server.api('POST', '/releases/import', [{ version: '16.4.7', date: null, security: false }]);
  const registered = await server.api('POST', '/releases', {
    version: to,
    commit: '1a2b3c4d5e',
    cutAt: '2024-11-13T10:15:30Z',
    artifacts: { controlPlane: 'published', packages: 'published', helm: 'published' },
    changes: [],
  });
  expect(registered.status, JSON.stringify(registered.body)).toBeLessThan(300);
  const stageState = async () => (await server.api('GET', `/releases/${to}/promotion`)).body.stages?.[0]?.state;
  await vi.waitFor(async () => expect(await stageState()).toBe('soaking'), 15_000);
  const headers = { 'Agent-Id': 'a1', 'Agent-Version': from };
  await fetch(`${server.publicUrl}/v1/c/version`, { headers });
  const agents = async () => (await server.api('GET', '/census?channel=c')).body.agents;
  await vi.waitFor(async () => expect(await agents()).toBe(1));

  server.signal('SIGUSR2');
  await vi.waitFor(async () => expect(await server.metric('fairway_clock_offset_seconds')).toBeGreaterThan(80_000));
  // A change and some rounds of the leader happen by the time before.
  const { body } = await server.api('POST', '/channels/c/pin', { reason: 'test' });
  expect(Math.abs(Date.parse(body.audit.at) - Date.now())).toBeLessThan(60_000);
  expect(await agents()).toBe(1);
  expect((await server.api('GET', '/agents/a1')).status).toBe(200);
  expect(await stageState()).toBe('soaking');
});
