import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ADMIN_TOKEN, type FairwayProcess, keepPolling, startFairway } from '../support/process.ts';

/** The server and this process each need one descriptor per connection, and some others. */
const CONNECTIONS = Math.min(10_000, Number(execFileSync('sh', ['-c', 'ulimit -Hn'])) - 500 || 10_000);
/** The server cuts off after 10 s, checks every second, and is busy in this test. */
const CUT_OFF_MS = 20_000;
const AT_ONCE = 500;
const MAX_STREAMS = 100;

interface Open {
  socket: Socket;
  closed: Promise<number>;
}

async function open(url: string): Promise<Open> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const start = performance.now();
  const closed = new Promise<number>((resolve) => socket.once('close', () => resolve(performance.now() - start)));
  socket.on('error', () => {});
  socket.resume();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return { socket, closed };
}

async function openMany(url: string, count: number): Promise<Open[]> {
  const all: Open[] = [];
  while (all.length < count) {
    const few = Math.min(AT_ONCE, count - all.length);
    all.push(...(await Promise.all(Array.from({ length: few }, () => open(url)))));
  }
  return all;
}

async function expectAlive(server: FairwayProcess, after: string): Promise<void> {
  expect((await server.poll()).body, after).toBe('v16.4.6');
  expect((await server.api('GET', '/channels')).status, after).toBe(200);
  const complaints = server.logs().filter(({ level }) => level === 'error');
  expect({ complaints, stderr: server.stderr }, after).toEqual({ complaints: [], stderr: '' });
}

const GARBAGE: [what: string, bytes: string | Buffer][] = [
  ['nothing', ''],
  ['half a request line', 'GET /v1/sta'],
  ['half a header', 'GET /v1/stable/cloud/version HTTP/1.1\r\nHost: a\r\nAgent-'],
  ['half a body', 'POST /api/v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"a'],
  ['half a chunk', 'POST /api/v1/apply HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\nabc'],
  ['another protocol', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['an upgrade', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['bytes without sense', Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 131 + (n >> 3)) % 256))],
  ['endless headers', `GET / HTTP/1.1\r\n${'X-A: b\r\n'.repeat(20_000)}`],
  ['an endless line', `GET /${'a'.repeat(1 << 20)}`],
];

describe('a server on an open network', () => {
  it('survives half requests, garbage and resets', async () => {
    const server = await startFairway();
    for (const [what, bytes] of GARBAGE) {
      for (const url of [server.publicUrl, server.operatorUrl]) {
        for (const { socket } of await openMany(url, 20)) socket.write(bytes, () => socket.resetAndDestroy());
      }
      await expectAlive(server, what);
    }
  });

  it('has room for event streams again when others have ended or never started', async () => {
    const server = await startFairway();
    const url = `${server.operatorUrl}/api/v1/events`;
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    for (let n = 0; n < MAX_STREAMS; n++) {
      expect((await fetch(url, { method: 'HEAD', headers })).status).toBe(200);
    }
    const ended = new AbortController();
    const openStream = () => fetch(url, { headers, signal: ended.signal });
    const streams = await Promise.all(Array.from({ length: MAX_STREAMS }, openStream));
    expect(streams.every(({ status }) => status === 200)).toBe(true);
    expect((await openStream()).status).toBe(429);
    ended.abort();
    await vi.waitFor(async () => expect((await server.api('HEAD', '/events')).status).toBe(200), { timeout: 10_000 });
  });

  it(`serves despite ${CONNECTIONS} idle and slow connections, and cuts them off`, { timeout: 60_000 }, async () => {
    const server = await startFairway();
    const polling = keepPolling(server, (body) => body === 'v16.4.6');
    const idle = await openMany(server.publicUrl, CONNECTIONS - 300);
    const slow = [...(await openMany(server.publicUrl, 150)), ...(await openMany(server.operatorUrl, 150))];
    const trickle = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write('A');
    }, 500);
    onTestFinished(() => clearInterval(trickle));
    await polling.forAWhile();
    const open = Promise.all([...idle, ...slow].map(({ closed }) => closed));
    const last = Math.max(...(await open));
    console.info(`the last of ${CONNECTIONS} connections was cut off after ${Math.round(last)} ms`);
    expect(last).toBeLessThan(CUT_OFF_MS);
    const { wrong, slowest } = await polling.stop();
    console.info(`the slowest poll in that time took ${Math.round(slowest)} ms`);
    expect(wrong).toEqual([]);
    await expectAlive(server, 'idle connections');
  });
});
