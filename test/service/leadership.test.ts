import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hashToken } from '../../src/config/settings.ts';
import { asAdmin, openRedis } from '../store/redis-harness.ts';
import { startFairway } from '../support/process.ts';
import { bundle, run } from '../support/programs.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { startServer, temporaryDirectory } from '../support/server.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Commits with its fence as fast as it can and never looks at the clock: only the store can stop it. */
const COMMITTER = `
import { openStore } from './store/open.ts';
const [url = '', lease = ''] = process.argv.slice(2);
const redis = { address: { kind: 'server', url }, login: {} };
const store = await openStore({ redis, dataDir: '/nowhere', deadline: 800, log: { info() {}, warn() {} } });
const fence = await store.acquireLease('paused', Number(lease));
const audit = { at: '', actor: 'paused', action: '', subject: '', reason: '', before: null, after: null };
while (true) {
  const result = await store.commit({ writes: [], audit, fence }).catch(() => ({ failed: true }));
  console.log(Object.keys(result)[0]);
  if ('fenced' in result) break;
}
await store.close();
`;

const flush = () => asAdmin(redis.url, (admin) => admin.flushall());

async function leads(operatorUrl: string): Promise<boolean> {
  const metrics = await (await fetch(`${operatorUrl}/metrics`)).text();
  return /^fairway_leader 1$/m.test(metrics);
}

describe('the leader', () => {
  it('commits nothing after a pause longer than its lease, even if it still believes it leads', async () => {
    await flush();
    const committer = run(await bundle(COMMITTER), [redis.url, '1000']);
    const store = await openRedis(redis.url);
    await vi.waitFor(() => expect(committer.lines).toContain('entry'), { timeout: 30_000 });
    committer.process.kill('SIGSTOP');
    // Null until the lease has ended.
    await vi.waitFor(async () => expect(await store.acquireLease('next', 60_000)).not.toBeNull(), { timeout: 30_000 });
    const revision = await store.revision();
    committer.process.kill('SIGCONT');
    await vi.waitFor(() => expect(committer.lines.at(-1)).toBe('fenced'), { timeout: 30_000 });
    expect(await store.revision()).toBe(revision);
    await store.close();
  }, 90_000);

  it('is one of all servers: the next takes over within 15 s of a crash, and at once after a stop', async () => {
    await flush();
    const launch = () => startFairway({ settings: {}, env: { REDIS_URL: redis.url } });
    const [first, second] = [await launch(), await launch()];
    expect(await leads(first.operatorUrl)).toBe(true);
    expect(await leads(second.operatorUrl)).toBe(false);

    first.signal('SIGKILL');
    const crashed = performance.now();
    await vi.waitFor(async () => expect(await leads(second.operatorUrl)).toBe(true), {
      timeout: 20_000,
      interval: 200,
    });
    expect(performance.now() - crashed).toBeLessThan(15_000);

    const third = await launch();
    expect(await leads(third.operatorUrl)).toBe(false);
    second.signal('SIGTERM');
    await vi.waitFor(async () => expect(await leads(third.operatorUrl)).toBe(true), { timeout: 8_000, interval: 200 });

    // Longer than its lease, which another server then holds.
    const fourth = await launch();
    third.signal('SIGSTOP');
    await vi.waitFor(async () => expect(await leads(fourth.operatorUrl)).toBe(true), {
      timeout: 20_000,
      interval: 200,
    });
    third.signal('SIGCONT');
    await vi.waitFor(async () => expect(await leads(third.operatorUrl)).toBe(false), { timeout: 8_000, interval: 200 });
    expect(await leads(fourth.operatorUrl)).toBe(true);
  }, 90_000);

  it('is the only process with the embedded store, also after a restart', async () => {
    const dataDir = temporaryDirectory();
    const server = await startServer({ dataDir, tokens: [{ name: 'a', role: 'admin', sha256: hashToken('t') }] });
    expect(await leads(server.operatorUrl)).toBe(true);
    await server.close();
    const again = await startServer({ dataDir });
    expect(await leads(again.operatorUrl)).toBe(true);
  });
});
