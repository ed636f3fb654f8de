import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { asAdmin } from '../store/redis-harness.ts';
import { type FairwayProcess, keepPolling, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { QUICKSTART, temporaryDirectory } from '../support/server.ts';

// These tests start several servers, one after the other.
vi.setConfig({ testTimeout: 60_000 });

/** A busy disk is slow at each change. */
const PATIENT = { deadline: '5s' };
const CHANNEL = '/channels/stable%2Fcloud';

const rollForward = (server: FairwayProcess, version: string) =>
  server.api('POST', `${CHANNEL}/roll-forward`, { version, reason: 'test' });

const readyz = async ({ operatorUrl }: FairwayProcess) => {
  const response = await fetch(`${operatorUrl}/readyz`);
  return `${response.status} ${await response.text()}`;
};

const expectLost = (server: FairwayProcess, lost: 0 | 1) =>
  vi.waitFor(async () => expect(await server.metric('fairway_store_lost_changes')).toBe(lost));

const expectServed = (server: FairwayProcess, version: string) =>
  vi.waitFor(async () => expect((await server.poll()).body).toBe(`v${version}`));

/** Two servers that serve 16.4.7, on a Redis that knows only 16.4.6: a replica that was cut off and then took over. */
async function staleReplicaTookOver(
  change = async (server: FairwayProcess): Promise<void> => {
    expect((await rollForward(server, '16.4.7')).status).toBe(200);
  },
) {
  const primary = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  const dir = temporaryDirectory();
  const replica = await startRedis({ dir, args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  onTestFinished(async () => {
    await primary.stop();
    await replica.stop();
  });
  const options = { env: { REDIS_URL: primary.url }, settings: { ...QUICKSTART, store: PATIENT } };
  const servers = [await startFairway(options), await startFairway(options)] as const;
  const headOf = (url: string) => asAdmin(url, (admin) => admin.get('{fairway}:head'));
  await vi.waitFor(async () => expect(await headOf(replica.url)).toBe(await headOf(primary.url)));

  await asAdmin(replica.url, (admin) => admin.replicaof('NO', 'ONE'));
  await change(servers[0]);
  const served = (await servers[0].poll()).body.slice(1);
  const changed = (await servers[0].metric('fairway_snapshot_revision')) ?? 0;
  for (const server of servers) {
    await expectServed(server, served);
    await vi.waitFor(async () => expect(await server.metric('fairway_snapshot_revision')).toBe(changed));
  }
  await primary.kill();
  await replica.stop();
  const stale = await startRedis({ port: primary.port, dir });
  onTestFinished(() => stale.stop());
  return { servers, options, revision: (await servers[0].metric('fairway_snapshot_revision')) ?? 0 };
}

describe('a stale replica took over', () => {
  it('every server notices, even when the revision is the same again; an admin restores what was served', async () => {
    const { servers, options, revision } = await staleReplicaTookOver();
    const [a, b] = servers;
    const polling = servers.map((server) => keepPolling(server, (body) => body === 'v16.4.7'));
    for (const server of servers) {
      await expectLost(server, 1);
      expect(await readyz(server)).toContain(`200 ready, but the store has lost changes: it is at revision`);
      const refused = await rollForward(server, '16.4.8');
      expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 503, code: 'store_unavailable' });
      expect(refused.body.detail).toContain('fairway recover');
      expect(
        server.logs().filter(({ msg, level }) => level === 'error' && /has lost changes/.test(`${msg}`)),
      ).toHaveLength(1);
    }

    // A server that never saw the lost changes continues from there, up to the same revision that was lost.
    const c = await startFairway({ ...options, settings: { store: PATIENT } });
    expect((await c.poll()).body).toBe('v16.4.6');
    expect((await rollForward(c, '16.4.8')).body.audit.revision).toBe(revision);
    await vi.waitFor(async () => expect(await readyz(a)).toContain(`at revision ${revision} of another history`));
    expect((await rollForward(a, '16.4.9')).status).toBe(503);

    expect((await c.api('POST', '/recovery', { keep: 'stored', reason: 'test' })).body.code).toBe('invalid');
    const decision = { keep: 'served', reason: 'the failover lost it' };
    const dry = await a.api('POST', '/recovery', { ...decision, dryRun: true });
    expect(dry.body).toEqual({
      loss: { served: revision, stored: revision },
      keep: 'served',
      longer: 'served',
      channels: [{ channel: 'stable/cloud', served: '16.4.7', stored: '16.4.8', to: '16.4.7' }],
      pulled: [],
      changes: [{ key: 'channel/stable/cloud', change: 'update' }],
      audit: null,
    });
    const decided = await a.api('POST', '/recovery', decision);
    expect(decided.body.audit).toMatchObject({ action: 'recover', reason: decision.reason, revision: revision + 1 });
    for (const server of servers) await expectLost(server, 0);
    for (const server of [...servers, c]) await expectServed(server, '16.4.7');
    expect(await readyz(b)).toBe('200 ready');
    for (const poll of polling) expect(await poll.stop()).toMatchObject({ wrong: [] });

    expect((await rollForward(b, '16.4.9')).status).toBe(200);
    for (const server of [...servers, c]) await expectServed(server, '16.4.9');
    expect((await a.api('GET', '/audit/verify')).body).toMatchObject({ intact: true });
  });

  it('an admin accepts what the store holds, and no revision is used twice', async () => {
    const { servers, revision } = await staleReplicaTookOver();
    const [a, b] = servers;
    for (const server of servers) await expectLost(server, 1);
    const decided = await b.api('POST', '/recovery', { keep: 'stored', reason: 'it was a test' });
    expect(decided.status).toBe(200);
    for (const server of servers) await expectServed(server, '16.4.6');
    expect(await a.metric('fairway_snapshot_revision')).toBe(revision + 1);
    const { entries } = (await a.api('GET', '/audit?limit=2')).body;
    expect(entries.map(({ action, reason }: Record<string, string>) => [action, reason])).toEqual([
      ['recover', 'it was a test'],
      ['lost', `revision ${revision} was lost by the store`],
    ]);
    for (const server of servers) await expectLost(server, 0);
    expect((await rollForward(a, '16.4.8')).status).toBe(200);
    await expectServed(b, '16.4.8');
    expect((await a.api('GET', '/audit/verify')).body).toMatchObject({ intact: true });
  });

  it('a pull that the store has lost is never taken back, whichever history is kept', async () => {
    const { servers } = await staleReplicaTookOver(async (server) => {
      const listed = [{ version: '16.4.7', date: null, security: false }];
      expect((await server.api('POST', '/releases/import', listed)).status).toBe(200);
      expect((await server.api('POST', '/releases/16.4.7/pull', { reason: 'bad' })).status).toBe(200);
    });
    const [a, b] = servers;
    for (const server of servers) await expectLost(server, 1);
    const decision = { keep: 'stored', reason: 'the backup counts' };
    const result = { longer: 'served', channels: [], pulled: ['16.4.7'] };
    expect((await a.api('POST', '/recovery', { ...decision, dryRun: true })).body).toMatchObject(result);
    expect((await a.api('POST', '/recovery', decision)).status).toBe(200);
    for (const server of servers) await expectLost(server, 0);
    expect((await b.api('GET', '/releases/16.4.7')).body.pulled).toMatchObject({ reason: 'bad' });
    expect((await rollForward(b, '16.4.7')).body.code).toBe('refused');
    await expectServed(b, '16.4.6');
  });

  it('the gate judges where agents of the other history would go, and the longer history is kept by default', async () => {
    const { servers, options } = await staleReplicaTookOver(async (server) => {
      expect((await server.api('PUT', '/control-planes/main', { version: '17.0.1' })).status).toBe(200);
      expect((await rollForward(server, '17.0.1')).status).toBe(200);
    });
    const [a] = servers;
    await expectLost(a, 1);
    // The store forgot it, and the agents of a server that follows the store are behind.
    const c = await startFairway({ ...options, settings: { store: PATIENT } });
    const instance = (name: string, version: string) => ({
      kind: 'instance',
      metadata: { name },
      spec: { version, hostname: name, services: ['Node'], ext_upgrader: 'unit', last_seen: new Date().toISOString() },
    });
    const auth = { ...instance('auth', '16.4.7'), spec: { ...instance('auth', '16.4.7').spec, services: ['Auth'] } };
    const list = [instance('a1', '15.4.9'), auth];
    expect((await c.api('POST', '/inventory?channel=stable%2Fcloud', list)).status).toBe(200);

    const decision = { reason: 'what was served counts' };
    const refused = await a.api('POST', '/recovery', { ...decision, dryRun: true });
    expect(refused).toMatchObject({ status: 409, body: { code: 'refused' } });
    expect(refused.body.detail).toMatch(/17\.0\.1 is refused for stable\/cloud.*--accept-stranding 1\./);
    const accepted = { ...decision, acceptStranding: 1 };
    expect((await a.api('POST', '/recovery', { ...accepted, dryRun: true })).body).toMatchObject({
      keep: 'served',
      longer: 'served',
      channels: [{ channel: 'stable/cloud', served: '17.0.1', stored: '16.4.6', to: '17.0.1' }],
    });
    expect((await a.api('POST', '/recovery', accepted)).status).toBe(200);
    await expectServed(c, '17.0.1');
  });
});

describe('the newest entries of the log are gone', () => {
  it('an admin decides, the gap is filled with entries that say so, and changes go on', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const server = await startFairway({ env: { REDIS_URL: redis.url }, settings: { ...QUICKSTART, store: PATIENT } });
    expect((await rollForward(server, '16.4.7')).status).toBe(200);
    const revision = (await server.metric('fairway_snapshot_revision')) ?? 0;
    await asAdmin(redis.url, (admin) => admin.ltrim('{fairway}:audit', 0, -3));
    const refused = await server.api('POST', `${CHANNEL}/pin`, { reason: 'test' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });

    expect((await server.api('POST', '/recovery', { reason: 'the log was cut' })).body.audit).toMatchObject({
      revision: revision + 1,
      before: { missing: revision < 2 ? revision : 2 },
    });
    await expectLost(server, 0);
    expect((await server.api('POST', `${CHANNEL}/pin`, { reason: 'test' })).status).toBe(200);
    const { entries } = (await server.api('GET', '/audit?limit=4')).body;
    expect(entries.map(({ action }: { action: string }) => action)).toEqual(['pin', 'recover', 'damaged', 'damaged']);
    expect((await server.api('GET', '/audit/verify')).body).toMatchObject({ intact: false, brokenAt: revision - 1 });
  });
});
