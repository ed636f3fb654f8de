import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openFastLane } from '../../src/http/fast-lane.ts';
import { connectTo, type LaneOf, type Limits, openTwin, type Twin } from '../support/twins.ts';

const LIMITS: Limits = {
  keepAliveTimeout: 100,
  headersTimeout: 300,
  requestTimeout: 500,
  connectionsCheckingInterval: 50,
};
/** What node adds to `keepAliveTimeout`. */
const KEEP_ALIVE_BUFFER = 1_000;

const POLL = 'GET /v1/stable/cloud/version HTTP/1.1\r\nHost: x\r\n\r\n';
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
const lane: LaneOf = (parts) => (server, lookEvery) => openFastLane(server, { ...parts, lookEvery });

/** A client, when it was cut off after its last bytes, and what it got until then. */
function client(twin: Twin) {
  const began = performance.now();
  const connection = connectTo(twin);
  let lasted = 0;
  connection.socket.once('end', () => (lasted = performance.now() - began));
  connection.socket.once('close', () => (lasted ||= performance.now() - began));
  onTestFinished(() => void connection.socket.destroy());
  return { ...connection, lasted: () => lasted };
}

describe.each<[string, LaneOf | null]>([
  ['with the fast lane', lane],
  ['without', null],
])('%s', (_, laneOf) => {
  let twin: Twin;
  beforeAll(async () => {
    twin = await openTwin(laneOf, LIMITS);
  });
  afterAll(() => twin.close());

  const TIMED_OUT = /^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n\r\n$/;
  const ANSWERED = /^HTTP\/1\.1 200 OK\r\n(?:(?!HTTP).)*$/s;
  const ANSWERED_THEN_TIMED_OUT =
    /^HTTP\/1\.1 200 OK.*v16\.4\.6HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n\r\n$/s;
  const HUGE = `${POLL.slice(0, -2)}X-Huge: ${'x'.repeat(20_000)}`;

  it.each<[who: string, bytes: string[], after: number, got: RegExp]>([
    ['says nothing', [], LIMITS.headersTimeout, TIMED_OUT],
    ['sends empty lines alone', ['\r\n', '\r\n', '\r\n'], LIMITS.headersTimeout, TIMED_OUT],
    ['stops within a request line', ['GET /v1/sta'], LIMITS.headersTimeout, TIMED_OUT],
    ['stops within the headers', [POLL.slice(0, -2)], LIMITS.headersTimeout, TIMED_OUT],
    ['never ends a header', [POLL.slice(0, -2), ...`Agent-Id: ${'a'.repeat(60)}`], LIMITS.headersTimeout, TIMED_OUT],
    [
      'stops within a body',
      [`${POLL.slice(0, -2)}Content-Length: 9\r\n\r\nx`],
      LIMITS.requestTimeout,
      ANSWERED_THEN_TIMED_OUT,
    ],
    ['stays idle after an answer', [POLL], LIMITS.keepAliveTimeout + KEEP_ALIVE_BUFFER, ANSWERED],
    ['stays idle after an answer of the slow lane', [HEALTH], LIMITS.keepAliveTimeout + KEEP_ALIVE_BUFFER, ANSWERED],
    ['stops within its second request', [POLL, 'GET /v1/sta'], LIMITS.headersTimeout, ANSWERED_THEN_TIMED_OUT],
    [
      'sends headers without end',
      [HUGE],
      0,
      /^HTTP\/1\.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n$/,
    ],
  ])('cuts off a client that %s', async (_who, bytes, after, got) => {
    const { send, seen, lasted } = client(twin);
    for (const chunk of bytes) {
      send(chunk);
      await sleep(10);
    }
    await vi.waitFor(() => expect(seen().ended && lasted()).toBeGreaterThan(0));
    expect(seen().received).toMatch(got);
    // Never earlier; how much later depends on the load of the machine.
    expect(lasted()).toBeGreaterThan(after - 20);
  });

  it('counts the time that a connection may be idle from its last answer', async () => {
    const { send, seen, lasted } = client(twin);
    const began = performance.now();
    for (let i = 0; i < 4; i++) {
      send(POLL);
      await sleep(400);
    }
    const since = performance.now() - began;
    await vi.waitFor(() => expect(lasted()).toBeGreaterThan(0));
    expect(seen().received.match(/200 OK/g)).toHaveLength(4);
    expect(lasted()).toBeGreaterThan(since - 400 + LIMITS.keepAliveTimeout + KEEP_ALIVE_BUFFER - 20);
  });
});

describe.each<[string, LaneOf | null]>([
  ['with the fast lane', lane],
  ['without', null],
])('closing %s', (_, laneOf) => {
  async function opened() {
    const twin = await openTwin(laneOf);
    let closed: Promise<void> | undefined;
    onTestFinished(() => closed ?? twin.close());
    const clients = { silent: client(twin), idle: client(twin), idleInSlowLane: client(twin), half: client(twin) };
    clients.idle.send(POLL);
    clients.idleInSlowLane.send(HEALTH);
    clients.half.send(POLL.slice(0, 10));
    await vi.waitFor(() => {
      expect(clients.idle.seen().received).toMatch(/v16\.4\.6$/);
      expect(clients.idleInSlowLane.seen().received).toMatch(/ok$/);
    });
    const ended = () => Object.entries(clients).flatMap(([name, { seen }]) => (seen().ended ? [name] : []));
    const connections = () => new Promise<number>((resolve) => twin.server.getConnections((_, n) => resolve(n)));
    await vi.waitFor(async () => expect(await connections()).toBe(4));
    return { twin, clients, ended, markClosed: (closing: Promise<void>) => (closed = closing) };
  }

  const IDLE = expect.arrayContaining(['idle', 'idleInSlowLane']);

  it('ends idle connections, and none with a request under way', async () => {
    const { twin, clients, ended } = await opened();
    twin.server.closeIdleConnections();
    await vi.waitFor(() => expect(ended()).toEqual(IDLE));
    clients.half.send(POLL.slice(10));
    await vi.waitFor(() => expect(clients.half.seen().received).toMatch(/v16\.4\.6$/));
  });

  it('ends idle connections when the server closes, lets a request under way end, and then closes', async () => {
    const { twin, clients, ended, markClosed } = await opened();
    const closed = new Promise<void>((resolve) => twin.server.close(() => resolve()));
    markClosed(closed);
    await vi.waitFor(() => expect(ended()).toEqual(IDLE));
    clients.half.send(POLL.slice(10));
    await vi.waitFor(() => expect(clients.half.seen().received).toMatch(/v16\.4\.6$/));
    // Node 20 waits until the client sends something or is cut off.
    clients.silent.socket.end();
    const look = setInterval(() => twin.server.closeIdleConnections(), 20);
    await closed;
    clearInterval(look);
  });
});
