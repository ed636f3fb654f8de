import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { asAdmin } from '../store/redis-harness.ts';
import { type FairwayProcess, runFairway, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { QUICKSTART, temporaryDirectory } from '../support/server.ts';
import { noSmallDisk, smallDisk } from './small-disk.ts';

vi.setConfig({ testTimeout: 60_000 });

const settings = { ...QUICKSTART, store: { compareEvery: '100ms' } };
const SOON = { timeout: 10_000, interval: 50 };
const rollForward = (server: FairwayProcess, version: string, reason = 'test') =>
  server.api('POST', '/channels/stable%2Fcloud/roll-forward', { version, reason });
const ready = async ({ operatorUrl }: FairwayProcess) => (await fetch(`${operatorUrl}/readyz`)).text();
const refusals = (server: FairwayProcess) =>
  server.logs().filter(({ msg }) => String(msg).startsWith('the store refuses changes'));

/** What a server says of a store that answers and takes no changes. */
async function expectRefusing(server: FairwayProcess, why: RegExp) {
  await vi.waitFor(async () => expect(await server.metric('fairway_store_writable')).toBe(0), SOON);
  expect(await ready(server)).toMatch(/^ready, but changes are refused: /);
  expect(await ready(server)).toMatch(why);
  await vi.waitFor(() => expect(refusals(server)).toHaveLength(1), SOON);
  const before = (await server.metric('fairway_store_refused_changes_total')) ?? 0;
  expect((await rollForward(server, '16.4.9')).status).toBe(503);
  expect(await server.metric('fairway_store_refused_changes_total')).toBe(before + 1);
  expect(await server.poll()).toMatchObject({ status: 200 });
}

async function expectTaking(server: FairwayProcess) {
  await vi.waitFor(async () => expect(await server.metric('fairway_store_writable')).toBe(1), SOON);
  expect(await ready(server)).toBe('ready');
  expect((await rollForward(server, '16.4.10')).status).toBe(200);
}

describe('a Redis that answers and refuses writes', () => {
  it.each<[string, RegExp, [string, string][], [string, string][]]>([
    ['is out of memory', /OOM/, [['maxmemory', '1']], [['maxmemory', '0']]],
    ['lacks replicas', /NOREPLICAS/, [['min-replicas-to-write', '1']], [['min-replicas-to-write', '0']]],
  ])('because it %s is named without a change, and again when it recovers', async (_, why, breaks, repairs) => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const set = (values: [string, string][]) =>
      asAdmin(redis.url, async (client) => {
        for (const [name, value] of values) await client.config('SET', name, value);
      });
    const server = await startFairway({ settings, env: { REDIS_URL: redis.url } });
    await expectTakingFirst(server);
    await set(breaks);
    await expectRefusing(server, why);
    await set(repairs);
    await expectTaking(server);
  });

  it('because it cannot save is named without a change, and again when it recovers', async () => {
    const redis = await startRedis({ args: ['--save', '3600 1000000', '--appendonly', 'no'] });
    onTestFinished(async () => {
      // A Redis that cannot save does not stop by itself.
      await redis.kill();
      await redis.stop();
    });
    const server = await startFairway({ settings, env: { REDIS_URL: redis.url } });
    await expectTakingFirst(server);
    rmSync(redis.dir, { recursive: true });
    await asAdmin(redis.url, (client) => client.bgsave());
    await expectRefusing(server, /MISCONF/);
    await asAdmin(redis.url, (client) => client.config('SET', 'save', ''));
    await expectTaking(server);
  });

  it('because it became a replica is named', async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const server = await startFairway({ settings, env: { REDIS_URL: redis.url } });
    await asAdmin(redis.url, (client) => client.replicaof('127.0.0.1', 1));
    // The connections look for a primary again and again, so reads fail at times too.
    await vi.waitFor(
      async () => expect(await ready(server)).toMatch(/^ready, but changes are refused: .*READONLY/),
      SOON,
    );
    await vi.waitFor(async () => expect(await server.metric('fairway_store_writable')).toBe(0), SOON);
    expect((await rollForward(server, '16.4.9')).status).toBe(503);
    expect(await server.poll()).toMatchObject({ status: 200 });
    await asAdmin(redis.url, (client) => client.replicaof('NO', 'ONE'));
    await expectTaking(server);
  });
});

async function expectTakingFirst(server: FairwayProcess) {
  await vi.waitFor(async () => expect(await server.metric('fairway_store_writable')).toBe(1), SOON);
  expect(await server.metric('fairway_store_refused_changes_total')).toBe(0);
}

describe('an embedded store', () => {
  it.each<[string, (data: string) => void]>([
    ['deleted', (data) => rmSync(data, { recursive: true })],
    ['moved away', (data) => renameSync(data, `${data}-old`)],
  ])('whose data directory is %s refuses changes', async (_, remove) => {
    const server = await startFairway({ settings });
    remove(join(server.dir, 'data'));
    await expectRefusing(server, /deleted or replaced/);
    expect((await server.api('GET', '/export')).status).toBe(200);
  });

  it('belongs to one server at a time, and to the next one after a crash', async () => {
    const dir = temporaryDirectory();
    const server = await startFairway({ dir, settings });
    const second = runFairway({ dir, settings });
    expect(await second.exit).toEqual({ code: 1, signal: null });
    expect(second.stderr).toMatch(/^fairway cannot start: another server uses the store in .*FAIRWAY_DATA_DIR\)$/m);
    expect((await rollForward(server, '16.4.7')).status).toBe(200);
    await server.kill();
    const third = await startFairway({ dir, settings });
    expect((await third.poll()).body).toBe('v16.4.7');
    expect(third.logs().filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it.skipIf(noSmallDisk)(`on a full disk says so and recovers${noSmallDisk ? ` (${noSmallDisk})` : ''}`, async () => {
    const disk = smallDisk(4096);
    const server = await startFairway({ settings, env: { FAIRWAY_DATA_DIR: join(disk.dir, 'data') } });
    disk.fill();
    // Pages that earlier changes freed may take a few more.
    let change = 0;
    await vi.waitFor(
      async () => {
        const body = { description: `change ${change++}`, reason: 'x'.repeat(500) };
        expect((await server.api('PUT', '/channels/stable%2Fcloud', body)).status).toBe(503);
      },
      { timeout: 10_000, interval: 1 },
    );
    await expectRefusing(server, /disk has room/);
    disk.empty();
    await expectTaking(server);
  });
});
