import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { asAdmin } from '../store/redis-harness.ts';
import { type FairwayProcess, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { QUICKSTART, temporaryDirectory } from '../support/server.ts';

// Several servers are started here, one after the other.
vi.setConfig({ testTimeout: 60_000 });

/** A busy disk takes its time over each change. */
const PATIENT = { deadline: '5s' };
const HOLD = /another server serves revision \d+, so nothing that the settings name was created/;

const readyz = async ({ operatorUrl }: FairwayProcess) => {
  const response = await fetch(`${operatorUrl}/readyz`);
  return `${response.status} ${await response.text()}`;
};

const expectServed = (server: FairwayProcess, version: string) =>
  vi.waitFor(async () => expect((await server.poll()).body).toBe(`v${version}`), { timeout: 30_000 });

const errorsOf = (server: FairwayProcess, text: RegExp) =>
  server.logs().filter(({ msg, level }) => level === 'error' && text.test(`${msg}`));

/** A server that serves 16.4.7 by a Redis that has lost everything, and what starts another one there. */
async function redisLostEverything() {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const dir = temporaryDirectory();
  const options = { env: { REDIS_URL: redis.url }, settings: { ...QUICKSTART, store: PATIENT } };
  const old = await startFairway({ ...options, dir });
  const moved = { version: '16.4.7', reason: 'test' };
  expect((await old.api('POST', '/channels/stable%2Fcloud/roll-forward', moved)).status).toBe(200);
  const revision = await asAdmin(redis.url, async (admin) => {
    const head = await admin.get('{fairway}:head');
    await admin.flushall();
    return Number(head?.split(' ')[0]);
  });
  return { redis, dir, options, old, revision, keys: () => asAdmin(redis.url, (admin) => admin.keys('*')) };
}

describe('a store that is empty, while another server knows a state', () => {
  it('gets nothing from a server that starts, which says what to do, until an admin puts the state back', async () => {
    const { options, old, revision, keys } = await redisLostEverything();
    const fresh = await startFairway(options);
    expect(errorsOf(fresh, HOLD)).toHaveLength(1);
    expect((await fresh.poll()).status).toBe(404);
    const ready = await readyz(fresh);
    expect(ready).toMatch(/^503 not ready: the store is empty, and another server serves revision/);
    expect(ready).toContain(`revision ${revision},`);
    expect(ready).toContain('fairway recover served');
    expect(await keys()).not.toContain('{fairway}:documents');
    expect((await old.poll()).body).toBe('v16.4.7');

    expect((await old.api('POST', '/recovery', { keep: 'served', reason: 'test' })).status).toBe(200);
    await expectServed(fresh, '16.4.7');
    await vi.waitFor(async () => expect(await readyz(fresh)).toBe('200 ready'), { timeout: 10_000 });
    const { entries } = (await fresh.api('GET', '/audit')).body;
    expect(entries.map(({ action }: { action: string }) => action)).not.toContain('create');
  });

  it('gets what the settings name when an admin decides that the empty store counts', async () => {
    const { options, old } = await redisLostEverything();
    const fresh = await startFairway(options);
    expect(errorsOf(fresh, HOLD)).toHaveLength(1);
    expect((await old.api('POST', '/recovery', { keep: 'stored', reason: 'test' })).status).toBe(200);
    await expectServed(fresh, '16.4.6');
    await expectServed(old, '16.4.6');
    expect(await readyz(fresh)).toBe('200 ready');
  });

  it('gets what the settings name when the other server is gone', async () => {
    const { options, old } = await redisLostEverything();
    await old.kill();
    const fresh = await startFairway(options);
    // What the other server announced last may have to end first.
    await expectServed(fresh, '16.4.6');
  });

  it('gets nothing from a server whose own copy knows the state, which says what to do', async () => {
    const { options, dir, old, keys } = await redisLostEverything();
    old.signal('SIGTERM');
    await old.exit;
    const again = await startFairway({ ...options, dir });
    expect((await again.poll()).body).toBe('v16.4.7');
    expect(await readyz(again)).toMatch(/^200 ready, but the store has lost changes: .*fairway recover/);
    expect(errorsOf(again, /has lost changes.*fairway recover/)).toHaveLength(1);
    expect(await keys()).not.toContain('{fairway}:documents');
    expect(await again.metric('fairway_bootstrap_refused')).toBe(0);
  });
});

it('servers that start at once on an empty store share one creation', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const options = { env: { REDIS_URL: redis.url }, settings: { ...QUICKSTART, store: PATIENT } };
  const servers = await Promise.all([startFairway(options), startFairway(options), startFairway(options)]);
  for (const server of servers) {
    await expectServed(server, '16.4.6');
    expect(await readyz(server)).toBe('200 ready');
    expect(await server.metric('fairway_bootstrap_refused')).toBe(0);
  }
  expect((await servers[0].api('GET', '/audit')).body.entries).toHaveLength(1);
});
