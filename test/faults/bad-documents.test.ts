import { join } from 'node:path';
import { open } from 'lmdb';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { asAdmin } from '../store/redis-harness.ts';
import { type FairwayProcess, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { temporaryDirectory } from '../support/server.ts';

vi.setConfig({ testTimeout: 60_000 });

const settings = {
  promotion: { stages: [{ name: 'canary', channels: ['edge'], controlPlanes: [], soak: '1h' }] },
  bootstrap: {
    channels: [
      { name: 'stable/cloud', target: '16.4.5' },
      { name: 'edge', target: '16.4.5' },
    ],
  },
};
const KEY = 'channel/edge';
const changed = (good: string, fields: object) => JSON.stringify({ ...JSON.parse(good), ...fields });
const DAMAGE: [what: string, damage: (good: string) => string][] = [
  ['torn JSON', (good) => good.slice(0, good.length / 2)],
  ['JSON that is not a channel', () => '{"name":"edge"}'],
  ['a line break in the target', (good) => changed(good, { target: '16.4.5\r\nSet-Cookie: a=b' })],
  ['no JSON at all', () => ''],
];

/** All goes on beside the damaged channel `edge`, which agents get as it was, if `served`. */
async function expectNoHarm(server: FairwayProcess, from: string, to: string) {
  expect(await server.poll()).toMatchObject({ status: 200, body: `v${from}` });
  const forward = await server.api('POST', '/channels/stable%2Fcloud/roll-forward', { version: to, reason: 'test' });
  expect(forward.status, JSON.stringify(forward.body)).toBe(200);
  await vi.waitFor(async () => expect((await server.poll()).body).toBe(`v${to}`), 5_000);
  expect(await server.poll('edge')).toMatchObject({ status: 200, body: 'v16.4.5' });
  expect((await server.api('GET', '/export')).status).toBe(200);
  expect(server.stderr).toBe('');
}

async function expectNamed(server: FairwayProcess, key = KEY) {
  await vi.waitFor(async () => expect(await server.metric('fairway_bad_documents')).toBe(1), 5_000);
  const ready = await fetch(`${server.operatorUrl}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining(key)]);
  const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
  expect(metrics).toContain(`fairway_bad_documents{document="${key}"} 1`);
  expect(server.logs().filter(({ document }) => document === key)).toHaveLength(1);
}

const pull = (server: FairwayProcess, version: string) =>
  server.api('POST', `/releases/${version}/pull`, { reason: 'test' });
const listed = ['16.4.5', '16.4.6', '16.4.7'].map((version) => ({ version, date: null, security: false }));

describe('one damaged document in Redis', () => {
  it.each(DAMAGE)('with %s stops nothing else, is named, and is put right by the next change', async (_, damage) => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const env = { REDIS_URL: redis.url };
    const [first, second] = [await startFairway({ settings, env }), await startFairway({ settings, env })];
    expect((await first.api('POST', '/releases/import', listed)).status).toBe(200);
    const stored = (await asAdmin(redis.url, (client) => client.hget('{fairway}:documents', KEY))) ?? '';
    const [revision = '', good = ''] = [stored.slice(0, stored.indexOf(' ')), stored.slice(stored.indexOf(' ') + 1)];
    await asAdmin(redis.url, (client) => client.hset('{fairway}:documents', KEY, `${revision} ${damage(good)}`));
    await expectNoHarm(first, '16.4.5', '16.4.6');
    await vi.waitFor(async () => expect((await second.poll()).body).toBe('v16.4.6'), 5_000);
    await expectNamed(second);

    // Its data directory is new, so it finds the last good state in the log.
    const third = await startFairway({ settings, env });
    expect((await third.poll('edge')).body).toBe('v16.4.5');
    await expectNamed(third);
    await expectNoHarm(second, '16.4.6', '16.4.7');

    expect((await pull(second, '16.4.7')).status).toBe(200);
    const move = { version: '16.4.6', reason: 'repair' };
    expect((await second.api('POST', '/channels/edge/roll-forward', move)).status).toBe(200);
    await vi.waitFor(async () => expect((await third.poll('edge')).body).toBe('v16.4.6'), 5_000);
    await vi.waitFor(async () => expect(await third.metric('fairway_bad_documents')).toBeUndefined(), 5_000);
  });

  it('that was never good can be replaced', async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    await startFairway({ settings, env: { REDIS_URL: redis.url } });
    await asAdmin(redis.url, (client) => client.hset('{fairway}:documents', 'channel/side', '1 {"name":'));
    const server = await startFairway({ settings, env: { REDIS_URL: redis.url } });
    await expectNamed(server, 'channel/side');
    expect((await server.poll('side')).status).toBe(404);
    expect((await server.api('PUT', '/channels/side', { target: '16.4.5', reason: 'test' })).status).toBe(201);
    expect(await server.metric('fairway_bad_documents')).toBeUndefined();
  });
});

describe('a damaged release in Redis', () => {
  it('is not registered again, because it may have been pulled', async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const env = { REDIS_URL: redis.url };
    const first = await startFairway({ settings, env });
    await first.api('POST', '/releases/import', listed);
    await pull(first, '16.4.7');
    await asAdmin(redis.url, (client) => client.hset('{fairway}:documents', 'release/16.4.6', '2 {'));
    const server = await startFairway({ settings, env });
    await expectNamed(server, 'release/16.4.6');
    const again = (await server.api('POST', '/releases/import', listed)).body;
    expect(again.skipped).toMatchObject([{ version: '16.4.6', detail: expect.stringMatching(/damaged/) }]);
    expect(again.imported).toBe(0);
  });
});

describe('one damaged document in the embedded store', () => {
  it.each(DAMAGE)('with %s stops neither a start nor anything else', async (_, damage) => {
    const dir = temporaryDirectory();
    const first = await startFairway({ dir, settings });
    const saved = await first.api('PUT', '/channels/edge', { description: 'a change of its own', reason: 'test' });
    expect(saved.status).toBe(200);
    await first.kill();
    const root = open({ path: join(dir, 'data/store'), noSubdir: false, maxDbs: 32 });
    const documents = root.openDB<Buffer, string>('documents', { encoding: 'binary' });
    const { revision, value } = JSON.parse(String(documents.get(KEY)));
    const text = damage(JSON.stringify(value));
    await documents.put(KEY, Buffer.from(`{"revision":${revision},"value":${text}}`));
    await root.close();

    const server = await startFairway({ dir, settings });
    await expectNamed(server);
    await expectNoHarm(server, '16.4.5', '16.4.6');
    expect((await server.api('PUT', '/channels/edge', { description: 'right', reason: 'test' })).status).toBe(200);
    expect(await server.metric('fairway_bad_documents')).toBeUndefined();
  });
});
