import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { SCHEMA, SCHEMA_KEY } from '../../src/domain/schema.ts';
import type { ControlState } from '../../src/domain/store.ts';
import { openStore } from '../../src/store/open.ts';
import { asAdmin, openRedis, PATIENT, silent } from '../store/redis-harness.ts';
import { FIRST_STAGES, FIRST_STATE, FIRST_STATE_AT, intoFiles, intoRedis, intoSaved } from '../support/first-state.ts';
import { runFairway } from '../support/process.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { operatorClient, QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';
import { startDroppingProxy } from './dropping-proxy.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(() => asAdmin(redis.url, (admin) => admin.flushall()));

const CHANNEL = '/channels/stable%2Fcloud';
const NEWER = { form: SCHEMA + 1 };
const DRAFT = { at: FIRST_STATE_AT.toISOString(), actor: 'system:upgrade', action: 'upgrade', subject: SCHEMA_KEY };
const UPGRADE = { ...DRAFT, reason: 'a newer release', before: null, after: NEWER };

type Stamp = { updatedAt: string; updatedBy: string };
/** Replaces times: the copies in the fixture were filled one after the other. */
const timeless = (value: unknown) => JSON.parse(JSON.stringify(value).replaceAll(/"20[0-9-]+T[0-9:.]+Z"/g, '"then"'));

/** Upgrades a store as a newer release would, as far as this release can see. */
async function upgradeToNewer(settings: { redisUrl: string | null; dataDir: string }): Promise<void> {
  const store = settings.redisUrl
    ? await openRedis(settings.redisUrl)
    : await openStore({ redis: null, dataDir: settings.dataDir, deadline: PATIENT, log: silent });
  const { documents } = await store.load();
  const revisionOf = (wanted: string) => documents.find(({ key }) => key === wanted)?.revision ?? 0;
  const writes = [{ key: SCHEMA_KEY, ifRevision: revisionOf(SCHEMA_KEY), value: NEWER }];
  expect(await store.commit({ writes, audit: UPGRADE })).toHaveProperty('entry');
  await store.close();
}

describe.each([
  ['Redis', true],
  ['the embedded store', false],
])('the state of the first release in %s', (_, inRedis) => {
  async function started() {
    const dataDir = temporaryDirectory();
    if (inRedis) await intoRedis(redis.url);
    else intoFiles(dataDir);
    const settings = {
      dataDir,
      redisUrl: inRedis ? redis.url : null,
      fleet: { staleAfter: '1h' },
      promotion: { stages: FIRST_STAGES },
    };
    const start = () => startServer(settings, { now: () => FIRST_STATE_AT });
    return { start, settings };
  }

  it('is upgraded at the start: everything is there, and the log records it', async () => {
    const { start } = await started();
    const server = await start();
    const api = operatorClient(server);
    const { revision, documents } = FIRST_STATE;

    const channels = documents
      .filter(({ key }) => key.startsWith('channel/'))
      .map(({ value }) => value as Stamp & { name: string });
    const exported = (await api('GET', '/export')).body;
    expect(exported.channels).toHaveLength(channels.length);
    for (const { name, updatedAt: _at, updatedBy: _by, ...channel } of channels) {
      const found = exported.channels.find((candidate: { name: string }) => candidate.name === name);
      expect(timeless(found), name).toEqual(timeless({ name, ...channel }));
    }
    const poll = await fetch(`${server.publicUrl}/v1/stable/cloud/version`);
    expect(await poll.text()).toBe('v16.5.0');
    expect(await (await fetch(`${server.publicUrl}/v1/stable/cloud/critical`)).text()).toBe('yes');

    await vi.waitFor(async () => {
      expect((await api('GET', '/agents?channel=stable/cloud')).body.agents).toHaveLength(2);
    });
    const release = (await api('GET', '/releases/19.0.0-cloud.20241112T101530.f00dfac')).body;
    expect(release.changes).toMatchObject([{ pr: 4711, signedOff: { by: 'github:zmb3' } }]);
    expect((await api('GET', `/releases/${release.version}/promotion`)).body.stages).toHaveLength(1);

    expect((await api('GET', '/audit/verify')).body).toMatchObject({ intact: true, entries: revision + 1 });
    expect((await api('GET', '/audit?limit=1')).body.entries).toMatchObject([
      { actor: 'system:upgrade', action: 'upgrade', before: { form: 0 }, after: { form: SCHEMA } },
    ]);
  });

  it('is upgraded once, and then accepts changes', async () => {
    const { start } = await started();
    await (await start()).close();
    const api = operatorClient(await start());
    expect((await api('GET', '/audit?limit=1')).body.entries[0].id).toBe(FIRST_STATE.revision + 1);
    expect(await api('POST', `${CHANNEL}/unpin`, { reason: 'test' })).toMatchObject({ status: 200 });
  });

  it('is refused at the start once a newer release has upgraded it, with the next step', async () => {
    const { settings } = await started();
    await upgradeToNewer(settings);
    await expectRefused(settings.dataDir, 'the state in the store', inRedis ? redis.url : '');
  });
});

async function expectRefused(dataDir: string, place: string, url: string): Promise<void> {
  const program = runFairway({ env: { FAIRWAY_DATA_DIR: dataDir, REDIS_URL: url } });
  expect(await program.exit).toEqual({ code: 1, signal: null });
  expect(program.stderr).toMatch(`fairway cannot start: ${place} has form ${NEWER.form}`);
  expect(program.stderr).toMatch(/run the newer one, or go back as docs\/upgrading\.md describes/);
  expect(program.stderr).not.toMatch(/\n\s+at /);
}

describe('the state that a server saved beside Redis', () => {
  it('is served while Redis is away, even if the first release saved it', async () => {
    const dataDir = temporaryDirectory();
    intoSaved(dataDir);
    const server = await startServer({ dataDir, redisUrl: 'redis://127.0.0.1:1' });
    expect(await (await fetch(`${server.publicUrl}/v1/stable/cloud/version`)).text()).toBe('v16.5.0');
  });

  it('is refused when a newer release saved it', async () => {
    const dataDir = temporaryDirectory();
    const documents = [{ key: SCHEMA_KEY, revision: 1, value: NEWER }];
    const state: ControlState = { revision: 1, hash: null, documents };
    writeFileSync(join(dataDir, 'state.json'), JSON.stringify(state));
    await expectRefused(dataDir, 'the state in the data directory', redis.url);
  });
});

describe('a server next to one that has upgraded the state', () => {
  const leader = { lease: '300ms' };
  const MOVE = { version: '16.4.7', reason: 'test' };

  it('serves what it knew, changes nothing, stops leading, and says why', async () => {
    const server = await startServer({ ...QUICKSTART, redisUrl: redis.url, leader });
    const api = operatorClient(server);
    await upgradeToNewer(server.settings);
    const metrics = async () => (await fetch(`${server.operatorUrl}/metrics`)).text();
    await vi.waitFor(async () => expect(await metrics()).toMatch(/^fairway_store_up 0$/m));
    expect(await api('POST', `${CHANNEL}/roll-forward`, MOVE)).toMatchObject({
      status: 503,
      body: { code: 'store_unavailable', detail: expect.stringMatching(/newer Fairway, .* run the newer one/) },
    });
    expect(await (await fetch(`${server.publicUrl}/v1/stable/cloud/version`)).text()).toBe('v16.4.6');
    expect((await fetch(`${server.operatorUrl}/readyz`)).status).toBe(200);
    const other = await openRedis(redis.url);
    onTestFinished(() => other.close());
    await vi.waitFor(async () => expect(await other.acquireLease('a newer server', 60_000)).not.toBeNull());
  });

  it('changes nothing even before it has heard of the upgrade', async () => {
    const proxy = await startDroppingProxy(redis.port);
    const server = await startServer({ ...QUICKSTART, redisUrl: proxy.url, store: { compareEvery: '1h' } });
    proxy.loseMessages();
    await upgradeToNewer({ ...server.settings, redisUrl: redis.url });
    const api = operatorClient(server);
    const refused = { status: 503, body: { detail: expect.stringContaining('newer Fairway') } };
    expect(await api('PUT', '/channels/new', {})).toMatchObject(refused);
    expect(await asAdmin(redis.url, (admin) => admin.hexists('{fairway}:documents', 'channel/new'))).toBe(0);
  });
});

it('lets two servers make the very first changes at the same time', async () => {
  const servers = await Promise.all([1, 2].map(() => startServer({ redisUrl: redis.url })));
  const replies = await Promise.all(
    servers.map((server, n) => operatorClient(server)('PUT', `/channels/first-${n}`, {})),
  );
  expect(replies.map(({ status }) => status)).toEqual([201, 201]);
});
