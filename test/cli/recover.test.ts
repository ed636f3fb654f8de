import { expect, it, onTestFinished, vi } from 'vitest';
import { asAdmin } from '../store/redis-harness.ts';
import { commandLine } from '../support/cli.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';

it('lets an admin restore what a store has lost', { timeout: 120_000 }, async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const server = await startServer({ ...QUICKSTART, redisUrl: redis.url, store: { compareEvery: '50ms' } });
  const fairway = commandLine(server);
  expect(await fairway(['recover', 'served', '--dry-run'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('the store has not lost any changes, so there is nothing to decide'),
  });

  const served = (await operatorClient(server)('GET', '/audit?limit=1')).body.entries[0].revision;
  await asAdmin(redis.url, (admin) => admin.flushall());
  await vi.waitFor(async () => {
    const { stderr } = await fairway(['pin', 'stable/cloud', '--yes', '--reason', 'x']);
    expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(/the store has lost changes: .* fairway recover/);
  });

  const preview = await fairway(['recover', 'served', '--dry-run']);
  expect(preview).toMatchObject({ code: 0, stderr: '' });
  expect(preview.stdout).toContain(`revision ${served} is served, and the store is at revision 0 of another history`);
  expect(preview.stdout).toMatch(/^create +channel\/stable\/cloud$/m);
  expect(await fairway(['recover', 'served', '--reason', 'flushed by mistake'])).toMatchObject({ code: 2 });

  const done = await fairway(['recover', 'served', '--yes', '--reason', 'flushed by mistake']);
  expect(done).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^the served state was kept \(revision \d+\)$/m),
  });
  expect(await fairway(['pin', 'stable/cloud', '--yes', '--reason', 'x'])).toMatchObject({ code: 0 });
});
