import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { commandLine } from '../support/cli.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer, temporaryDirectory } from '../support/server.ts';

const LINES = { 'Content-Type': 'application/x-ndjson', Accept: 'application/x-ndjson' };
const MIB = 1024 * 1024;
/** A busy machine is not a fault. */
const PATIENT = { deadline: '10s' };

/** Channels with full histories, 5 KB each: more than one body, and more than one commit, takes. */
function largeState(channels: number) {
  const lineage = Array.from({ length: 50 }, (_, n) => `16.${n}.1000000000`);
  const served = lineage.map((version) => ({ version, until: '2026-01-01T00:00:00.000Z' }));
  const names = Array.from({ length: channels }, (_, n) => `tenants/${String(n).padStart(4, '0')}`);
  return { fairway: 1, channels: names.map((name) => ({ name, target: lineage.at(-1), lineage, served })) };
}

/** A line for each channel. */
const linesOf = ({ fairway, channels }: ReturnType<typeof largeState>) =>
  channels.map((channel) => JSON.stringify({ fairway, channels: [channel] })).join('\n');

it('applies a backup beyond 4 MiB as it was exported, in commits that each store takes', async () => {
  const redis = await startRedis({ args: ['--appendonly', 'no'] });
  onTestFinished(redis.stop);
  const [first, second] = await Promise.all([startServer(), startServer({ redisUrl: redis.url, store: PATIENT })]);
  const [api, other] = [operatorClient(first), operatorClient(second)];
  const state = largeState(1_000);
  const refused = await api('POST', '/apply', state);
  expect(refused).toMatchObject({ status: 413, body: { detail: expect.stringContaining('application/x-ndjson') } });

  expect(await api('POST', '/apply', linesOf(state), LINES)).toMatchObject({ status: 200, body: { total: 1_000 } });
  const { body: backup } = await api('GET', '/export', undefined, LINES);
  expect(backup.length).toBeGreaterThan(4 * MIB);
  expect(Math.max(...backup.split('\n').map((line: string) => line.length))).toBeLessThan(4 * MIB);

  const { status, body } = await other('POST', '/apply', backup, LINES);
  expect([status, body.detail]).toEqual([200, undefined]);
  expect(body.total).toBe(1_000);
  expect(body.changes).toHaveLength(500);
  const { entries } = (await other('GET', '/audit?limit=10')).body;
  const parts = entries.filter(({ action }: { action: string }) => action === 'apply').reverse();
  expect(parts.length).toBeGreaterThan(1);
  expect(parts[0].reason).toBe(`applied from a document, part 1 of ${parts.length}`);
  expect((await other('GET', '/export', undefined, LINES)).body).toBe(backup);
  expect((await other('POST', '/apply', backup, LINES)).body).toEqual({ total: 0, changes: [], audit: null });
});

it('applies nothing of a large document of which a line is wrong, or that lists a channel twice', async () => {
  const server = await startServer();
  const api = operatorClient(server);
  const line = JSON.stringify(largeState(1));
  for (const [document, why] of [
    [`${line}\n{"fairway":1,"channels":[{"name":"!"}]}`, /name/],
    [`${line}\n${line}`, /tenants\/0000 is listed twice/],
    [`${line}\n{`, /line 2 is not JSON/],
    ['', /empty/],
  ] as const) {
    const { status, body } = await api('POST', '/apply', document, LINES);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body.detail).toMatch(why);
  }
  expect((await api('GET', '/channels')).body.channels).toEqual([]);
});

it('is applied by the command line in one go', async () => {
  const [first, second] = await Promise.all([startServer(), startServer()]);
  await operatorClient(first)('POST', '/apply', linesOf(largeState(1_000)), LINES);
  const backup = join(temporaryDirectory(), 'backup.json');
  writeFileSync(backup, (await commandLine(first)(['export', '-o', 'json'])).stdout);
  const { code, stdout, stderr } = await commandLine(second)(['apply', backup, '--yes']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/and 500 more changes[\s\S]*1,000 changes applied/);
});
