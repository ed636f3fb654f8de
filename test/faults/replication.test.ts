import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ADMIN_TOKEN, CLI, run, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { QUICKSTART } from '../support/server.ts';

// These tests start several servers, one after the other.
vi.setConfig({ testTimeout: 60_000 });

const WORDS = /^stored, not yet replicated: 0 of 1 replica confirmed revision \d+, so a failover may lose it$/;

describe('a change that is on no replica', () => {
  it('is reported as not yet replicated, in the same words everywhere, until a replica has it', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const server = await startFairway({
      env: { REDIS_URL: redis.url },
      settings: { ...QUICKSTART, store: { replication: { replicas: 1, timeout: '100ms' } } },
    });
    const roll = (verb: string, version: string, dryRun = false) =>
      server.api('POST', `/channels/stable%2Fcloud/${verb}`, { version, reason: 'test', dryRun });

    const moved = await roll('roll-forward', '16.4.7');
    expect(moved.status).toBe(202);
    expect(moved.headers.get('fairway-warning')).toMatch(WORDS);
    expect(moved.body.audit.revision).toBe(moved.body.channel.revision);
    expect((await server.poll()).body).toBe('v16.4.7');
    expect(await server.metric('fairway_store_replicated')).toBe(0);
    expect(await (await fetch(`${server.operatorUrl}/readyz`)).text()).toContain('stored, not yet replicated');
    expect(server.logs().map(({ msg }) => msg)).toContainEqual(expect.stringMatching(WORDS));

    const dry = await roll('roll-forward', '16.4.8', true);
    expect([dry.status, dry.headers.get('fairway-warning')]).toEqual([200, null]);
    const created = await server.api('PUT', '/channels/other', {});
    expect([created.status, created.body.name]).toEqual([202, 'other']);
    const removed = await server.api('DELETE', '/channels/other');
    expect([removed.status, removed.body]).toEqual([202, '']);

    const env = { FAIRWAY_URL: server.operatorUrl, FAIRWAY_TOKEN: ADMIN_TOKEN };
    const args = ['roll-forward', 'stable/cloud', '16.4.8', '--reason', 'test', '--yes'];
    const cli = run(process.execPath, [CLI, ...args], { env });
    expect((await cli.exit).code).toBe(5);
    expect(cli.stderr.replace(/\s+/g, ' ')).toContain('stored, not yet replicated: 0 of 1 replica');

    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(redis.port)] });
    onTestFinished(() => replica.stop());
    await vi.waitFor(async () => expect(await server.metric('fairway_store_replicated')).toBe(1), { timeout: 30_000 });
    expect(await (await fetch(`${server.operatorUrl}/readyz`)).text()).toBe('ready');
    expect((await roll('roll-forward', '16.4.9')).status).toBe(200);
  });
});
