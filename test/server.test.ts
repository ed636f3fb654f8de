import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { operatorClient, QUICKSTART, startServer, temporaryDirectory } from './support/server.ts';

/** A port of this machine that is taken until the test ends, or until `free`. */
async function takePort(): Promise<{ port: number; free(): Promise<unknown> }> {
  const taker = createServer().listen(0, '127.0.0.1');
  await once(taker, 'listening');
  const free = () => new Promise((resolve) => taker.close(resolve));
  onTestFinished(() => void free());
  return { port: (taker.address() as AddressInfo).port, free };
}

it('serves what an operator rolled forward to', async () => {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  const moved = await api('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
  expect(moved).toMatchObject({ status: 200, body: { channel: { target: '16.4.7' } } });
  const response = await fetch(`${server.publicUrl}/v1/stable/cloud/version`);
  expect(await response.text()).toBe('v16.4.7');
});

it.each(['public', 'operator'])(
  'closes what it opened if the %s port is taken, and can start again',
  async (listener) => {
    const dataDir = temporaryDirectory();
    const other = await takePort();
    await other.free();
    const taken = await takePort();
    const ports = { public: { port: other.port }, operator: { port: other.port }, [listener]: { port: taken.port } };
    const settings = {
      ...QUICKSTART,
      dataDir,
      public: { host: '127.0.0.1', ...ports.public },
      operator: { host: '127.0.0.1', ...ports.operator },
      shutdown: { drain: '1h' },
    };
    await expect(startServer(settings)).rejects.toThrow(`127.0.0.1:${taken.port} is taken by another program`);
    await expect(fetch(`http://127.0.0.1:${other.port}/healthz`)).rejects.toThrow('fetch failed');

    await taken.free();
    const server = await startServer({ ...settings, shutdown: { drain: '0s' } });
    const response = await fetch(`${server.publicUrl}/v1/stable/cloud/version`);
    expect(await response.text()).toBe('v16.4.6');
  },
);
