import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commandLine } from '../support/cli.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';

it('archives old entries, which stay verifiable in their files and by their anchor', async () => {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  const fairway = commandLine(server);
  const dir = temporaryDirectory();
  const change = async (times: number) => {
    for (let i = 0; i < times; i++) await api('PUT', '/channels/stable%2Fcloud', { description: `change ${i}` });
  };
  const archive = async (name: string) => {
    const before = new Date(Date.now() + 60_000).toISOString();
    const done = await fairway(['audit', 'archive', '--before', before, '--reason', 'a year', '--yes']);
    expect(done).toMatchObject({ code: 0 });
    const file = join(dir, name);
    writeFileSync(file, done.stdout);
    return { file, said: done.stderr };
  };
  await change(110);
  const preview = await fairway(['audit', 'archive', '--before', '2100-01-01T00:00:00Z', '--dry-run']);
  expect(preview).toMatchObject({ code: 0, stdout: '' });
  expect(preview.stderr).toMatch(/would archive 11 entries up to 11:[0-9a-f]{64}/);
  const dated = await fairway(['audit', 'archive', '--before', '2100-01-01', '--dry-run']);
  expect(dated.stderr).toBe(preview.stderr);
  expect(await fairway(['audit', 'archive', '--before', '2027-02-30', '--dry-run'])).toMatchObject({
    ...{ code: 2, stderr: expect.stringContaining('--before: there is no day 2027-02-30') },
  });
  const first = await archive('first.jsonl');
  expect(first.said).toMatch(/archived 11 entries up to 11:/);
  await change(20);
  const second = await archive('second.jsonl');
  expect(second.said).toMatch(/archived 21 entries up to 32:/);

  const { body } = await api('GET', '/audit/verify');
  expect(body).toMatchObject({ intact: true, entries: 101, anchor: { id: 32 }, edited: [] });
  const { body: log } = await api('GET', '/audit?limit=1');
  expect(log.entries[0]).toMatchObject({
    ...{ action: 'archive', actor: 'token:admin', subject: 'audit', reason: 'a year' },
    ...{ before: { id: 11 }, after: body.anchor },
  });
  const verified = await fairway(['audit', 'verify', '--file', first.file, second.file]);
  expect(verified).toMatchObject({ code: 0 });
  expect(verified.stdout).toContain(`32:${body.anchor.hash}`);

  const swapped = await fairway(['audit', 'verify', '--file', second.file, first.file]);
  expect(swapped.code).toBe(1);
  expect(swapped.stdout).toMatch(/first\.jsonl does not go on where .*second\.jsonl ends/);
  writeFileSync(first.file, readFileSync(first.file, 'utf8').replace('change 3', 'change x'));
  const edited = await fairway(['audit', 'verify', '--file', first.file]);
  expect(edited.code).toBe(1);
  expect(edited.stdout).toMatch(/entry 5 of .*first\.jsonl is missing or damaged/);

  expect((await operatorClient(server, 'release-manager')('GET', '/audit/archive?before=2100-01-01')).status).toBe(403);
});

it('refuses what is not an archive of this log, and works in Redis', async () => {
  const redis = await startRedis();
  const server = await startServer({ ...QUICKSTART, redisUrl: redis.url });
  const api = operatorClient(server);
  for (let i = 0; i < 105; i++) await api('PUT', '/channels/stable%2Fcloud', { description: `change ${i}` });
  const { body: log } = await api('GET', '/audit?limit=500');
  const entry = (id: number) => log.entries.find((each: { id: number }) => each.id === id);
  const archive = (id: number, hash: string) =>
    api('POST', '/audit/archive', { head: `${id}:${hash}`, reason: 'test' });
  expect((await archive(3, 'f'.repeat(64))).body.detail).toMatch(/entry 3 of this archive is not in the log/);
  expect((await archive(20, entry(20).hash)).body.detail).toMatch(/newest 100 entries stay/);
  expect((await archive(5, entry(5).hash)).status).toBe(200);
  expect((await archive(4, entry(4).hash)).body.detail).toMatch(/up to 5 are archived already/);
  const { body } = await api('GET', '/audit/verify');
  expect(body).toMatchObject({ intact: true, anchor: { id: 5, hash: entry(5).hash } });
  expect((await api('GET', '/channels/stable%2Fcloud/history?limit=500')).body.entries.at(-1).id).toBe(6);
  expect((await api('GET', `/audit/verify?head=3:${entry(3).hash}`)).body.detail).toMatch(/entry 3 is archived/);
  await server.close();
  await redis.stop();
});
