import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Store } from '../../src/domain/store.ts';
import { openStore } from '../../src/store/open.ts';
import { placeOf } from '../../src/store/redis-keys.ts';
import { redisAt } from '../support/redis-access.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { asAdmin, openRedis, PATIENT, silent } from './redis-harness.ts';

const AT = Date.UTC(2026, 0, 2);
const at = (n: number) => (AT + n).toString(36);
const DAY = 24 * 3_600_000;

/** What an older release stored: agent id → packed sighting. */
const CHECK_INS: Record<string, string> = {
  both: `stable/cloud 17.4.1 ${at(5)} u = canary`,
  'only-here': `edge 16.0.0 ${at(1)} k 15.0.0`,
  stranger: `!edge 16.0.0 ${at(1)}`,
};
const INVENTORY: Record<string, string> = {
  both: `stable/cloud 17.4.2 ${at(2)} u`,
  'only-listed': `stable/cloud 17.4.2 ${at(2)} u  rest`,
};
CHECK_INS.odd = 'nothing that any release wrote';
for (let n = 0; n < 700; n++) CHECK_INS[`many-${n}`] = `many 17.0.0 ${at(n)}`;
const SURVEY = {
  channel: 'stable/cloud',
  source: 'inventory',
  at: AT,
  versions: { '17.4.2': 2 },
  skipped: 1,
  settled: true,
};

/** That is there, each agent once, and as it was. */
async function expectCarried(store: Store): Promise<void> {
  await vi.waitFor(() => store.counts(), { timeout: 30_000 });
  const counts = await store.counts();
  const shown = counts.known.map(({ channel, version, agents }) => `${channel} ${version} ${agents}`);
  expect(shown.sort()).toEqual(['edge 16.0.0 1', 'many 17.0.0 700', 'stable/cloud 17.4.1 1', 'stable/cloud 17.4.2 1']);
  expect(counts.unenrolled).toEqual([{ channel: 'edge', agents: 1 }]);
  expect(counts.latest).toContainEqual({ channel: 'stable/cloud', at: AT + 5 });
  // An inventory and then a lower check-in may have been a rolled back channel.
  expect(counts.marks).toEqual([]);
  expect(counts.surveys).toMatchObject([
    { channel: 'stable/cloud', versions: { '17.4.2': 2, '?': 1 }, revision: 0, readings: [{ from: AT, agents: 3 }] },
  ]);
  expect((await store.agent('only-listed'))?.sightings).toMatchObject([
    { source: 'inventory', group: 'rest', proven: true, listing: { at: AT + 2, scope: 'stable/cloud' } },
  ]);
}

const refusal = { code: 'store_unavailable', message: expect.stringContaining('being carried over') };

describe('the fleet of an older release in Redis', () => {
  let redis: RedisProcess;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(() =>
    asAdmin(redis.url, async (admin) => {
      await admin.flushall();
      await admin.set('{fairway}:head', '1 hash');
      await admin.hset('{fairway}:surveys', 'stable/cloud inventory', `${AT} ${JSON.stringify(SURVEY)}`);
      for (const [source, all] of Object.entries({ 'check-ins': CHECK_INS, inventory: INVENTORY })) {
        for (const [id, packed] of Object.entries(all)) await admin.hset(oldKey(source, id), id, packed);
      }
      await admin.hset('{fairway:3}:counts', '# agents all', '9');
    }),
  );

  const oldKey = (source: string, id: string) => {
    const place = placeOf(id);
    return `{fairway:${Math.floor(place / 1024)}}:${source}:${place % 1024}`;
  };
  const started = async () => {
    const store = await openRedis(redis.url);
    onTestFinished(() => store.close());
    return store;
  };

  it('is carried over once, also by two servers at once, and left to servers of that release for 30 days', async () => {
    const stores = await Promise.all([started(), started()]);
    for (const store of stores) await expectCarried(store);
    await asAdmin(redis.url, async (admin) => {
      expect(await admin.hget(oldKey('check-ins', 'both'), 'both')).toBe(CHECK_INS.both);
      for (const key of [oldKey('inventory', 'both'), '{fairway}:surveys', '{fairway:3}:counts']) {
        const left = await admin.pttl(key);
        expect(left).toBeGreaterThan(29 * DAY);
        expect(left).toBeLessThanOrEqual(30 * DAY);
      }
      // What servers of that release record after this stays their own.
      await admin.hset(oldKey('check-ins', 'late'), 'late', `edge 16.0.0 ${at(9)}`);
    });
    await expectCarried(await started());
  });

  it('goes on where another server stopped, and judges nothing before all is there', async () => {
    const place = Math.max(...Object.keys(CHECK_INS).map(placeOf));
    await asAdmin(redis.url, (admin) => admin.set('{fairway}:carried', String(place - (place % 64))));
    const store = await openStore({ redis: redisAt(redis.url), dataDir: '/nowhere', deadline: PATIENT, log: silent });
    onTestFinished(() => store.close());
    await vi.waitFor(() => store.counts());
    const { known } = await store.counts();
    expect(known.reduce((sum, { agents }) => sum + agents, 0)).toBeLessThan(20);
  });

  it('lets nothing be counted, pruned or forgotten before it is there', async () => {
    // It cannot go on here, so it stays on the way.
    await asAdmin(redis.url, (admin) => admin.set('{fairway:0}:check-ins:0', 'no hash'));
    const store = await started();
    await expect(store.counts()).rejects.toMatchObject(refusal);
    await expect(store.prune({})).rejects.toMatchObject(refusal);
    await expect(store.forget('both')).rejects.toMatchObject(refusal);
    await asAdmin(redis.url, (admin) => admin.del('{fairway:0}:check-ins:0'));
    await expectCarried(store);
    expect(await store.forget('both')).toBe(true);
  });

  it('never takes the place of what is newer', async () => {
    await asAdmin(redis.url, async (admin) => {
      const place = placeOf('both');
      await admin.hset(
        `{fairway:${Math.floor(place / 1024)}}:seen:${place % 1024}`,
        'both',
        `stable/cloud 17.4.3 ${at(9)} u = canary`,
      );
    });
    const store = await started();
    await vi.waitFor(() => store.counts(), { timeout: 30_000 });
    const { sightings = [] } = (await store.agent('both')) ?? {};
    expect(sightings.map(({ source, version }) => `${source} ${version}`)).toEqual([
      'check-ins 17.4.3',
      'inventory 17.4.2',
    ]);
  });
});

describe('the fleet of an older release in the embedded store', () => {
  it('is carried over once, and left to that release', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'fairway-store-'));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    const root = open({ path: join(dataDir, 'store'), noSubdir: false, maxDbs: 16 });
    const tables = { 'check-ins': CHECK_INS, inventory: INVENTORY, surveys: { 'stable/cloud inventory': SURVEY } };
    for (const [name, all] of Object.entries(tables)) {
      const table = root.openDB(name, { encoding: 'json' });
      for (const [key, value] of Object.entries(all)) await table.put(key, value);
    }
    await root.close();

    const start = () => openStore({ redis: null, dataDir, deadline: PATIENT, log: silent });
    const first = await start();
    await expect(first.counts()).rejects.toMatchObject(refusal);
    await expectCarried(first);
    await first.close();
    const second = await start();
    await expectCarried(second);
    expect(await second.forget('both')).toBe(true);
    await second.close();
    const third = await start();
    expect((await third.counts()).known).toHaveLength(3);
    expect(await third.agent('both')).toBeNull();
    await third.close();
  });
});
