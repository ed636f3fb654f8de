import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { asAdmin } from '../store/redis-harness.ts';
import { commandLine } from '../support/cli.ts';
import { FIRST_STAGES, FIRST_STATE_AT, intoFiles, intoRedis } from '../support/first-state.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer, type TestServer, temporaryDirectory } from '../support/server.ts';

const RELEASE = '/releases/19.0.0-cloud.20241112T101530.f00dfac';

/** Redis with the state of the fixture: channels with a pin and a plan, releases, a promotion, three agents. */
let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
  await intoRedis(redis.url);
});
afterAll(() => redis.stop());

async function startOn(redisUrl: string | null, dataDir = temporaryDirectory()): Promise<TestServer> {
  const server = await startServer(
    { redisUrl, dataDir, promotion: { stages: FIRST_STAGES } },
    { now: () => FIRST_STATE_AT },
  );
  // The state is of an older release, whose agents are carried over first.
  await vi.waitFor(async () => expect(await operatorClient(server)('GET', '/census')).toMatchObject({ status: 200 }), {
    timeout: 10_000,
  });
  return server;
}

async function redisIn(dir: string, args: string[] = []): Promise<RedisProcess> {
  const started = await startRedis({ dir, args });
  onTestFinished(() => started.stop());
  return started;
}

/** Everything that a server knows, as listed in docs/redis.md. */
async function everything(server: TestServer) {
  const api = operatorClient(server);
  const get = async (path: string) => (await api('GET', path)).body;
  const { entries } = await get('/audit?limit=100');
  return {
    state: await get('/export'),
    chain: await get('/audit/verify'),
    entries: entries.map(({ hash }: { hash: string }) => hash),
    agents: (await get('/agents')).agents,
    census: await get('/census?channel=stable/cloud'),
    signOffs: (await get(RELEASE)).changes,
    promotion: (await get(`${RELEASE}/promotion`)).stages,
    revisions: (await get('/channels')).channels,
  };
}

describe('a backup by export', () => {
  it('restores channels, control planes, releases and promotions, but neither log nor fleet', async () => {
    const before = await startOn(redis.url);
    const { stdout: document } = await commandLine(before)(['export']);
    const after = await startOn(null);
    const file = join(temporaryDirectory(), 'fairway.yaml');
    writeFileSync(file, document);
    expect(await commandLine(after)(['apply', file, '--yes'])).toMatchObject({ code: 0 });

    const [was, is] = [await everything(before), await everything(after)];
    expect(is.state).toEqual(was.state);
    expect(is.signOffs).toEqual(was.signOffs);
    expect(is.promotion).toEqual(was.promotion);
    expect(was.agents).toHaveLength(3);
    expect(is.agents).toEqual([]);
    expect(is.chain).toMatchObject({ intact: true, entries: 1 });
    const poll = async ({ publicUrl }: TestServer) => (await fetch(`${publicUrl}/v1/stable/cloud/version`)).text();
    expect(await poll(after)).toBe(await poll(before));
  });
});

describe('a backup of the files of Redis', () => {
  it('restores everything from the append-only files', async () => {
    const was = await everything(await startOn(redis.url));
    expect(was.chain).toMatchObject({ intact: true });
    const dir = temporaryDirectory();
    cpSync(join(redis.dir, 'appendonlydir'), join(dir, 'appendonlydir'), { recursive: true });
    const restored = await redisIn(dir);
    expect(await everything(await startOn(restored.url))).toEqual(was);
  });

  it('restores everything from a dump, which Redis does not read if appendonly is set', async () => {
    const was = await everything(await startOn(redis.url));
    await asAdmin(redis.url, (admin) => admin.save());
    const copy = () => {
      const dir = temporaryDirectory();
      cpSync(join(redis.dir, 'dump.rdb'), join(dir, 'dump.rdb'));
      return dir;
    };
    const forgetful = await redisIn(copy());
    expect(await asAdmin(forgetful.url, (admin) => admin.dbsize())).toBe(0);

    const restored = await redisIn(copy(), ['--appendonly', 'no']);
    await asAdmin(restored.url, async (admin) => {
      await admin.config('SET', 'appendonly', 'yes');
      // Redis must not stop before the file is written.
      await vi.waitFor(async () => expect(await admin.info('persistence')).toMatch(/aof_rewrite_in_progress:0/));
    });
    await restored.stop();
    const again = await redisIn(restored.dir);
    expect(await everything(await startOn(again.url))).toEqual(was);
  });
});

it('a copy of the directory of a stopped server restores everything', async () => {
  const dataDir = temporaryDirectory();
  intoFiles(dataDir);
  const before = await startOn(null, dataDir);
  const was = await everything(before);
  await before.close();
  const copy = join(temporaryDirectory(), 'copy');
  mkdirSync(copy);
  cpSync(dataDir, copy, { recursive: true });
  expect(await everything(await startOn(null, copy))).toEqual(was);
});
