import { join } from 'node:path';
import { open } from 'lmdb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chain } from '../../src/domain/audit.ts';
import { asAdmin } from '../store/redis-harness.ts';
import { type FairwayProcess, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { QUICKSTART, temporaryDirectory } from '../support/server.ts';

const AUDIT = '{fairway}:audit';

/** Makes revisions 2 to 5. */
async function change(server: FairwayProcess) {
  for (let i = 2; i <= 5; i++) {
    const body = { description: `change ${i}`, reason: 'test' };
    expect((await server.api('PUT', '/channels/stable%2Fcloud', body)).status).toBe(200);
  }
}
const verify = async (server: FairwayProcess) => {
  const { status, body } = await server.api('GET', '/audit/verify');
  return { status, intact: body.intact, entries: body.entries, brokenAt: body.brokenAt };
};

/** Replaces the last entry by another one that the chain of hashes allows. */
const replaceEnd = (url: string) =>
  asAdmin(url, async (redis) => {
    const [before, last] = (await redis.lrange(AUDIT, 3, 4)).map((json) => JSON.parse(json));
    await redis.lset(AUDIT, 4, JSON.stringify(chain(before, { ...last, actor: 'token:innocent' })));
  });

describe('a log in Redis', () => {
  it.each<[string, (url: string) => Promise<unknown>, number, number]>([
    ['lost its end', (url) => asAdmin(url, (redis) => redis.rpop(AUDIT)), 4, 5],
    ['was emptied', (url) => asAdmin(url, (redis) => redis.del(AUDIT)), 0, 1],
    ['has a torn entry', (url) => asAdmin(url, (redis) => redis.lset(AUDIT, 2, '{"id":3')), 5, 3],
    ['has null as an entry', (url) => asAdmin(url, (redis) => redis.lset(AUDIT, 2, 'null')), 5, 3],
    ['has a torn end', (url) => asAdmin(url, (redis) => redis.lset(AUDIT, 4, '')), 5, 5],
    ['has another end, which follows', replaceEnd, 5, 5],
  ])('that %s is not intact, and says where', async (_, damage, entries, brokenAt) => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const server = await startFairway({ settings: QUICKSTART, env: { REDIS_URL: redis.url } });
    await change(server);
    expect(await verify(server)).toEqual({ status: 200, intact: true, entries: 5, brokenAt: null });
    const { body } = await server.api('GET', '/audit?limit=1');
    const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    expect(metrics).toContain(`fairway_audit_head_info{revision="5",hash="${body.entries[0].hash}"} 1`);
    await damage(redis.url);
    expect(await verify(server)).toEqual({ status: 200, intact: false, entries, brokenAt });
    expect((await server.api('GET', '/audit')).status).toBe(200);
    expect((await server.api('GET', '/channels/stable%2Fcloud/history')).status).toBe(200);
  });
});

const DOCUMENTS = '{fairway}:documents';
const CHANNEL = 'channel/stable/cloud';
const PLANE = 'control-plane/main';

describe('a document in Redis', () => {
  it('that is not as the log recorded it is named', async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    const server = await startFairway({ settings: QUICKSTART, env: { REDIS_URL: redis.url } });
    await change(server);
    const verified = async () => (await server.api('GET', '/audit/verify')).body;
    expect(await verified()).toMatchObject({ intact: true, edited: [], unchecked: 0 });

    const text = await asAdmin(redis.url, async (client) => (await client.hget(DOCUMENTS, CHANNEL)) ?? '');
    const plane = await asAdmin(redis.url, async (client) => (await client.hget(DOCUMENTS, PLANE)) ?? '');
    const damages: [key: string, stored: string | null, fault: RegExp][] = [
      [CHANNEL, text.replace('16.4.6', '16.4.7'), /not what entry 5 wrote/],
      [CHANNEL, text.replace(/^5 /, '2 '), /older than entry 5/],
      [PLANE, plane.replace(/^1 /, '3 '), /entry 3, which it names, did not write it/],
      [CHANNEL, null, /missing, and entry 5 wrote it/],
      [CHANNEL, '5 {"na', /damaged/],
    ];
    for (const [key, stored, fault] of damages) {
      await asAdmin(redis.url, (client) =>
        stored === null ? client.hdel(DOCUMENTS, key) : client.hset(DOCUMENTS, key, stored),
      );
      const { intact, brokenAt, edited } = await verified();
      expect({ intact, brokenAt, edited }).toEqual({
        ...{ intact: false, brokenAt: null },
        edited: [{ key, fault: expect.stringMatching(fault) }],
      });
      await asAdmin(redis.url, (client) => client.hset(DOCUMENTS, CHANNEL, text, PLANE, plane));
    }
    expect(await verified()).toMatchObject({ intact: true, edited: [] });
  });
});

describe('a log in the embedded store', () => {
  it.each<[string, number, Buffer | null, number]>([
    ['has a torn entry', 3, Buffer.from('{"id":3'), 3],
    ['has a torn end', 5, Buffer.from('{"id":5'), 5],
    ['lacks an entry', 3, null, 4],
  ])('that %s is not intact, and says where', async (_, id, damage, brokenAt) => {
    const dir = temporaryDirectory();
    const first = await startFairway({ dir });
    await change(first);
    await first.kill();
    const root = open({ path: join(dir, 'data/store'), noSubdir: false, maxDbs: 32 });
    const audit = root.openDB<Buffer, number>('audit', { encoding: 'binary' });
    if (damage) await audit.put(id, damage);
    else await audit.remove(id);
    await root.close();
    const server = await startFairway({ dir });
    expect(await verify(server)).toMatchObject({ status: 200, intact: false, brokenAt });
    expect((await server.api('GET', '/audit')).status).toBe(200);
    const body = { description: 'goes on', reason: 'test' };
    expect((await server.api('PUT', '/channels/stable%2Fcloud', body)).status).toBe(200);
    expect(await verify(server)).toMatchObject({ intact: false, brokenAt });
  });
});
