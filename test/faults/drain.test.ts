import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { ADMIN_TOKEN, type FairwayProcess, startFairway } from '../support/process.ts';
import { QUICKSTART } from '../support/server.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A server that is stopping, and drains until the test ends. */
async function startDraining(settings: Raw): Promise<FairwayProcess> {
  const server = await startFairway({ settings: { ...QUICKSTART, ...settings, shutdown: { drain: '1h' } } });
  server.signal('SIGTERM');
  await vi.waitFor(async () => expect((await askNew(`${server.operatorUrl}/readyz`)).status).toBe(503));
  return server;
}

/** Sends a request on its own connection, which may stay open. */
async function askNew(url: string, headers: Record<string, string> = {}) {
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const [response] = (await once(get(url, { agent, headers }), 'response')) as [IncomingMessage];
  return { status: response.statusCode, connection: response.headers.connection, body: await text(response) };
}

describe.each([{}, { workers: 2 }, { fastLane: false }])('a draining server, with the settings %o', (settings) => {
  it('is not ready, but serves new connections on both listeners, and closes each after its answer', async () => {
    const server = await startDraining(settings);
    const poll = `${server.publicUrl}/v1/stable/cloud/version`;
    await vi.waitFor(async () => expect((await askNew(poll)).connection).toBe('close'));
    for (let n = 0; n < 10; n++) {
      expect(await askNew(poll)).toEqual({ status: 200, connection: 'close', body: 'v16.4.6' });
    }
    expect(await askNew(`${server.operatorUrl}/healthz`)).toEqual({ status: 200, connection: 'close', body: 'ok' });
    const moved = await server.api('POST', '/channels/stable%2Fcloud/roll-forward', {
      version: '16.4.7',
      reason: 'while it drains',
    });
    expect(moved.status).toBe(200);
    await vi.waitFor(async () => expect(await askNew(poll)).toMatchObject({ body: 'v16.4.7' }));
    server.signal('SIGINT');
    expect(await server.exit, 'a second signal ends the drain').toEqual({ code: 1, signal: null });
  });
});

it('ends the drain by itself, and then cuts off unfinished requests within the deadline', async () => {
  const shutdown = { drain: '300ms', deadline: '300ms' };
  const server = await startFairway({ settings: { ...QUICKSTART, shutdown } });
  const events = await fetch(`${server.operatorUrl}/api/v1/events`, {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const { hostname, port } = new URL(server.publicUrl);
  const stalled = connect(Number(port), hostname);
  stalled.on('error', () => {});
  onTestFinished(() => void stalled.destroy());
  await once(stalled, 'connect');
  stalled.write('GET /v1/stable');
  server.signal('SIGTERM');
  expect(await server.exit).toEqual({ code: 0, signal: null });
  expect(await events.text(), 'the stream ends properly').toMatch(/^event: change/);
});

it('does not drain by default', async () => {
  const server = await startFairway();
  server.signal('SIGINT');
  await vi.waitFor(async () => await expect(fetch(`${server.publicUrl}/healthz`)).rejects.toThrow('fetch failed'));
  expect(await server.exit).toEqual({ code: 0, signal: null });
});
