import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { type FairwayProcess, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { QUICKSTART, temporaryDirectory } from '../support/server.ts';

// Servers are started one after the other.
vi.setConfig({ testTimeout: 60_000 });

const store = { compareEvery: '100ms', deadline: '5s', maxStaleness: '1h' };
const CLOUD: Raw = { bootstrap: { channels: [{ name: 'stable/cloud', target: '17.0.1' }] } };

const readyz = async ({ operatorUrl }: FairwayProcess) => {
  const response = await fetch(`${operatorUrl}/readyz`);
  return `${response.status} ${await response.text()}`;
};

async function redis() {
  const started = await startRedis();
  onTestFinished(started.stop);
  return started;
}

const start = (dir: string, { url }: { url: string }, settings = QUICKSTART, patience = {}) =>
  startFairway({ dir, settings: { ...settings, store: { ...store, ...patience } }, env: { REDIS_URL: url } });

it('serves neither the state of another store nor that store, and says so, until an admin decides', async () => {
  const [ours, theirs] = [await redis(), await redis()];
  const dir = temporaryDirectory();
  const first = await start(dir, ours);
  await vi.waitFor(() =>
    expect(JSON.parse(readFileSync(join(dir, 'data/confirmed.json'), 'utf8')).store).toMatch(/^[0-9a-f]{64}$/),
  );
  await first.kill();
  const other = await start(temporaryDirectory(), theirs, CLOUD);
  expect((await other.poll()).body).toBe('v17.0.1');

  const server = await start(dir, theirs);
  expect((await server.poll()).body).toBe('none');
  expect(await readyz(server)).toMatch(
    /^503 not ready: this is another store than the one .* check redisUrl and dataDir/,
  );
  expect(server.logs().filter(({ msg }) => /this is another store/.test(`${msg}`))).toHaveLength(1);
  const moved = await server.api('POST', '/channels/stable%2Fcloud/pin', { reason: 'test' });
  expect(moved).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });

  expect((await server.api('POST', '/recovery', { keep: 'stored', reason: 'moved to that Redis' })).status).toBe(200);
  await vi.waitFor(async () => expect((await server.poll()).body).toBe('v17.0.1'), 5_000);
  await vi.waitFor(async () => expect(await readyz(server)).toBe('200 ready'));
});

it('counts the age of a saved state from when the store confirmed it, over restarts', async () => {
  const ours = await redis();
  const dir = temporaryDirectory();
  const first = await start(dir, ours);
  first.signal('SIGTERM');
  await first.exit;
  await ours.kill();
  const second = await start(dir, ours);
  expect(await second.poll()).toMatchObject({ status: 200, body: 'v16.4.6' });
  await vi.waitFor(async () => expect(Number((await second.poll()).headers.get('age'))).toBeGreaterThan(1), 10_000);
  await second.kill();
  const third = await start(dir, ours, QUICKSTART, { maxStaleness: '2s' });
  expect((await third.poll()).body).toBe('none');
  expect((await third.poll()).headers.get('fairway-state-age')).toMatch(/^[1-9]\d?$/);
});

it('names a saved state that is an older copy, and does not serve it', async () => {
  const ours = await redis();
  const dir = temporaryDirectory();
  const [file, copy] = [join(dir, 'data/state.json'), join(dir, 'copy.json')];
  const first = await start(dir, ours);
  await vi.waitFor(() => copyFileSync(file, copy));
  const moved = { version: '16.4.7', reason: 'test' };
  expect((await first.api('POST', '/channels/stable%2Fcloud/roll-forward', moved)).status).toBe(200);
  first.signal('SIGTERM');
  await first.exit;
  expect(JSON.parse(readFileSync(join(dir, 'data/confirmed.json'), 'utf8'))).toMatchObject({
    revision: JSON.parse(readFileSync(file, 'utf8')).revision,
    store: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  rmSync(file);
  copyFileSync(copy, file);
  await ours.kill();
  const second = await start(dir, ours);
  expect((await second.poll()).status).toBe(503);
  expect(second.logs().filter(({ msg }) => /an older copy/.test(`${msg}`))).toHaveLength(1);
  await ours.restart();
  await vi.waitFor(async () => expect((await second.poll()).body).toBe('v16.4.7'), 10_000);
});
