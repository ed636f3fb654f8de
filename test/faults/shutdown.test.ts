import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { expect, it, onTestFinished, vi } from 'vitest';
import { asAdmin } from '../store/redis-harness.ts';
import { ADMIN_TOKEN, type FairwayOptions, type FairwayProcess, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { QUICKSTART } from '../support/server.ts';

// These tests start many servers, one after the other.
vi.setConfig({ testTimeout: 60_000 });

/** Far less than the deadline of 10 s in `config/default.yaml`. */
const NO_HOLD_UP_MS = 4_000;
/** Two equal signals this far apart are two signals. */
const ECHO_MS = 500;

const isStopping = (server: FairwayProcess) =>
  vi.waitUntil(() => server.logs().some(({ msg }) => String(msg).startsWith('stopping')), { interval: 5 });

/** Opens a connection that sends `bytes` and collects the answer. */
async function halfRequest(url: string, bytes: string): Promise<{ socket: Socket; received: () => string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(bytes);
  // When the server answers this request, it has read everything that was sent before.
  await fetch(`${url}/healthz`);
  return { socket, received: () => received };
}

it('becomes unready, finishes requests that are under way, accepts no new ones and exits with 0', async () => {
  const server = await startFairway();
  const poll = await halfRequest(server.publicUrl, 'GET /v1/stable/cloud/version HTTP/1.1\r\n');
  const probe = await halfRequest(server.operatorUrl, 'GET /readyz HTTP/1.1\r\n');
  const body = JSON.stringify({ version: '16.4.7', reason: 'sent before, read after' });
  const headers = `Authorization: Bearer ${ADMIN_TOKEN}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  const change = await halfRequest(
    server.operatorUrl,
    `POST /api/v1/channels/stable%2Fcloud/roll-forward HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body.slice(0, 5)}`,
  );
  expect((await fetch(`${server.operatorUrl}/readyz`)).status).toBe(200);
  server.signal('SIGTERM');
  await isStopping(server);
  for (const { socket } of [poll, probe]) socket.write('Host: a\r\n\r\n');
  await vi.waitFor(() => expect(probe.received()).toMatch(/^HTTP\/1.1 503 /));
  await vi.waitFor(() => expect(poll.received()).toMatch(/^HTTP\/1.1 200 (.|\s)*\r\n\r\nv16\.4\.6$/));
  await expect(fetch(`${server.publicUrl}/healthz`)).rejects.toThrow('fetch failed');
  change.socket.write(body.slice(5));
  expect(await server.exit).toEqual({ code: 0, signal: null });
  expect(change.received()).toMatch(/^HTTP\/1.1 200 /);
  const again = await startFairway({ dir: server.dir });
  expect((await again.poll()).body).toBe('v16.4.7');
});

it.each([
  ['embedded', 1],
  ['redis', 1],
  ['embedded', 2],
])('writes the waiting check-ins, with the %s store and %d workers', async (store, workers) => {
  const redis = store === 'redis' ? await startRedis() : null;
  if (redis) onTestFinished(() => redis.stop());
  const settings = { ...QUICKSTART, fleet: { flushEvery: '1h' }, workers };
  const options: FairwayOptions = { settings, env: redis ? { REDIS_URL: redis.url } : {} };
  const server = await startFairway(options);
  const headers = { 'Agent-Id': 'agent-1', 'Agent-Version': '16.4.6' };
  await fetch(`${server.publicUrl}/v1/stable/cloud/version`, { headers });
  expect((await server.api('GET', '/agents/agent-1')).status).toBe(404);
  server.signal('SIGTERM');
  expect(await server.exit).toEqual({ code: 0, signal: null });
  const again = await startFairway({ ...options, dir: server.dir });
  expect(await again.api('GET', '/agents/agent-1')).toMatchObject({ status: 200, body: { version: '16.4.6' } });
});

it('is not delayed by idle connections and event streams', async () => {
  const server = await startFairway();
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  for (const url of [server.publicUrl, server.operatorUrl]) {
    const [response] = (await once(get(`${url}/healthz`, { agent }), 'response')) as [IncomingMessage];
    await response.resume().toArray();
  }
  const events = await fetch(`${server.operatorUrl}/api/v1/events`, {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const reader = events.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toMatch(/^event: change/);
  const start = performance.now();
  server.signal('SIGTERM');
  expect(await server.exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - start).toBeLessThan(NO_HOLD_UP_MS);
  expect((await reader?.read())?.done, 'the stream ends properly').toBe(true);
});

it('cuts off requests that are not finished within the deadline', async () => {
  const server = await startFairway({ settings: { ...QUICKSTART, shutdown: { deadline: '300ms' } } });
  await halfRequest(server.publicUrl, 'GET /v1/stable');
  server.signal('SIGTERM');
  expect(await server.exit).toEqual({ code: 0, signal: null });
});

it.each<[second: NodeJS.Signals, after: number]>([
  ['SIGINT', 0],
  ['SIGTERM', ECHO_MS],
])('exits at once at a second signal: %s, %d ms after SIGTERM', async (second, after) => {
  const server = await startFairway({ settings: { ...QUICKSTART, shutdown: { deadline: '1h' } } });
  await halfRequest(server.publicUrl, 'GET /v1/stable');
  server.signal('SIGTERM');
  await isStopping(server);
  await sleep(after);
  server.signal(second);
  expect(await server.exit).toEqual({ code: 1, signal: null });
});

it.each(['SIGTERM', 'SIGINT'] as const)(
  'treats %s twice within half a second as one: systemd and a terminal signal the whole group, and npm passes it on',
  async (signal) => {
    const server = await startFairway({ settings: { ...QUICKSTART, shutdown: { drain: '1s' } } });
    server.signal(signal);
    await isStopping(server);
    server.signal(signal);
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(server.logs().at(-1)).toMatchObject({ msg: 'fairway is down' });
  },
);

it('stops even while Redis is frozen', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const server = await startFairway({ env: { REDIS_URL: redis.url } });
  redis.freeze();
  const start = performance.now();
  server.signal('SIGTERM');
  expect(await server.exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - start).toBeLessThan(NO_HOLD_UP_MS);
});

it('logs lines of JSON without secrets, even at level trace and about an outage', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  await asAdmin(redis.url, (admin) => admin.config('SET', 'requirepass', 'hunter2-of-redis'));
  const server = await startFairway({
    env: { FAIRWAY_LOG_LEVEL: 'trace', REDIS_URL: redis.url.replace('//', '//:hunter2-of-redis@') },
  });
  await server.api('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
  await server.api('POST', '/channels/stable%2Fcloud/roll-forward', undefined);
  await server.api('GET', '/channels', undefined, { Authorization: 'Bearer wrong-but-somebodys-token' });
  await fetch(`${server.publicUrl}/v1/stable/cloud/version?host=a&agent_version=1.0.0`, {
    headers: { Authorization: 'Bearer a-token-sent-to-the-wrong-listener' },
  });
  await redis.kill();
  // Looks share what was read within the last second.
  await expect.poll(async () => (await server.api('GET', '/census')).status).toBe(503);
  await vi.waitUntil(() => server.logs().some(({ msg }) => String(msg).includes('away')));
  server.signal('SIGTERM');
  await server.exit;
  const lines = server.stdout.trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines)
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), time: expect.any(String) });
  const printed = server.stdout + server.stderr;
  for (const secret of [ADMIN_TOKEN, 'hunter2', 'somebodys', 'wrong-listener', 'Bearer', 'uthorization']) {
    expect(printed.includes(secret), `${secret} in ${inspect(printed)}`).toBe(false);
  }
});
