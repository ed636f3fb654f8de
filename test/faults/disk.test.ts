import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type FairwayProcess, keepPolling, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { temporaryDirectory } from '../support/server.ts';
import { noSmallDisk, smallDisk } from './small-disk.ts';

// These tests start many servers, one after the other.
vi.setConfig({ testTimeout: 60_000 });

const CHANNEL = '/channels/stable%2Fcloud';
const RECOVERED = { timeout: 15_000, interval: 20 };

const rollForward = (server: FairwayProcess, version: string, reason = 'test') =>
  server.api('POST', `${CHANNEL}/roll-forward`, { version, reason });

describe('the embedded store', () => {
  it('keeps every answered change when the server is killed right after the answer', async () => {
    const dir = temporaryDirectory();
    for (let patch = 7; patch < 15; patch++) {
      const server = await startFairway({ dir });
      const { status, body } = await rollForward(server, `16.4.${patch}`);
      await server.kill();
      expect({ status, target: body.channel?.target }).toEqual({ status: 200, target: `16.4.${patch}` });
    }
    const server = await startFairway({ dir });
    expect((await server.poll()).body).toBe('v16.4.14');
    expect((await server.api('GET', '/audit/verify')).body).toMatchObject({ intact: true });
    const { entries } = (await server.api('GET', `${CHANNEL}/history?limit=100`)).body;
    expect(entries.filter(({ action }: { action: string }) => action === 'roll-forward')).toHaveLength(8);
  });

  it.skipIf(noSmallDisk)(
    `refuses changes while the disk is full, answers polls, and recovers${noSmallDisk ? ` (${noSmallDisk})` : ''}`,
    async () => {
      const disk = smallDisk(4096);
      const server = await startFairway({ env: { FAIRWAY_DATA_DIR: join(disk.dir, 'data') } });
      expect((await rollForward(server, '16.4.7')).status).toBe(200);
      const polling = keepPolling(server, (body) => body.startsWith('v16.4.'));
      disk.fill();
      // Pages that earlier changes freed may take a few more.
      let patch = 7;
      const refusal = await vi.waitFor(
        async () => {
          const reply = await rollForward(server, `16.4.${patch + 1}`, 'x'.repeat(500));
          if (reply.status === 200) patch++;
          expect(reply.status).toBe(503);
          return reply;
        },
        { timeout: 10_000, interval: 1 },
      );
      expect(refusal.body).toMatchObject({ code: 'store_unavailable', detail: expect.stringMatching(/disk has room/) });
      await fetch(`${server.publicUrl}/v1/stable/cloud/version?host=a&agent_version=16.4.6`);
      await polling.forAWhile();
      expect((await server.poll()).body).toBe(`v16.4.${patch}`);
      disk.empty();
      await vi.waitFor(
        async () => expect((await rollForward(server, `16.4.${patch + 1}`)).status).toBe(200),
        RECOVERED,
      );
      expect((await server.poll()).body).toBe(`v16.4.${patch + 1}`);
      await vi.waitFor(async () => expect((await server.api('GET', '/agents/a')).status).toBe(200), RECOVERED);
      expect(await polling.stop()).toMatchObject({ wrong: [] });
      expect((await server.api('GET', '/audit/verify')).body).toMatchObject({ intact: true });
      server.signal('SIGTERM');
      expect(await server.exit).toEqual({ code: 0, signal: null });
    },
  );
});

describe('the state saved beside Redis', () => {
  async function startOnRedis(dataDir: string, dir?: string) {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const env = { REDIS_URL: redis.url, FAIRWAY_DATA_DIR: dataDir };
    return { redis, server: await startFairway({ env, ...(dir ? { dir } : {}) }) };
  }

  const complaints = (server: FairwayProcess) =>
    server.logs().filter(({ level, msg }) => level === 'error' && String(msg).includes('could not be saved'));

  it.skipIf(noSmallDisk).each(['full', 'read-only'])(
    'may be on a disk that is %s: the server keeps running and says so',
    async (how) => {
      const disk = smallDisk(256);
      const { server } = await startOnRedis(join(disk.dir, 'data'));
      const file = join(disk.dir, 'data/state.json');
      const saved = () =>
        [file, `${file}.journal`].map((each) => existsSync(each) && readFileSync(each, 'utf8')).join();
      await vi.waitFor(() => expect(saved()).toContain('"target":"16.4.6"'), RECOVERED);
      // The file that was replaced last has left the disk.
      await vi.waitFor(() => expect(existsSync(`${file}.new`)).toBe(false), RECOVERED);
      if (how === 'full') disk.fill();
      // Not while a file is written.
      else await vi.waitFor(disk.makeReadOnly, RECOVERED);
      expect((await rollForward(server, '16.4.7')).status).toBe(200);
      expect((await server.poll()).body).toBe('v16.4.7');
      // A full disk has room for a few changes: the rest of the journal's last page.
      let changes = 0;
      await vi.waitFor(async () => {
        const description = `${++changes} ${'x'.repeat(400)}`;
        await server.api('PUT', '/channels/stable%2Fcloud', { description, reason: 'test' });
        expect(complaints(server)).not.toHaveLength(0);
      }, RECOVERED);
      if (how === 'full') disk.empty();
      else disk.makeWritable();
      expect((await rollForward(server, '16.4.8')).status).toBe(200);
      await vi.waitFor(() => expect(saved()).toContain('"target":"16.4.8"'), RECOVERED);
      expect(server.stderr).toBe('');
    },
  );

  it.each([
    ['cut off', '{"revision":2,"docum'],
    ['empty', ''],
    ['something else', '{}'],
    ['null', 'null'],
  ])('may be %s: the server starts and says so', async (_, content) => {
    const dir = temporaryDirectory();
    mkdirSync(join(dir, 'data'));
    writeFileSync(join(dir, 'data/state.json'), content);
    const { server } = await startOnRedis(join(dir, 'data'), dir);
    expect((await server.poll()).body).toBe('v16.4.6');
    expect(server.logs().filter(({ level }) => level === 'error')).toMatchObject([
      { msg: expect.stringMatching(/^the saved state cannot be read/), file: join(dir, 'data/state.json') },
    ]);
  });
});
