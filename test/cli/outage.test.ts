import { spawn } from 'node:child_process';
import { expect, it, onTestFinished, vi } from 'vitest';
import { buildCli, commandLine, signedIn } from '../support/cli.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';

vi.setConfig({ testTimeout: 120_000 });

it('shows what is served while the store is away, and that it may be old', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const server = await startServer({
    ...QUICKSTART,
    redisUrl: redis.url,
    store: { deadline: '300ms', compareEvery: '100ms' },
  });
  const fairway = commandLine(server);
  await redis.kill();
  await vi.waitUntil(async () => (await (await fetch(`${server.operatorUrl}/readyz`)).text()).includes('but'), {
    timeout: 20_000,
  });
  // Looks share what was read within the last second.
  await expect.poll(async () => (await operatorClient(server)('GET', '/census')).status, { timeout: 10_000 }).toBe(503);
  for (const command of [['channels'], ['show', 'stable/cloud'], ['census'], ['census', 'stable/cloud']]) {
    const { code, stdout, stderr } = await fairway(command);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/stable\/cloud.*16\.4\.6/s) });
    expect(stderr).toMatch(/the store is away, so this is what agents are served.*it may be old: the state/s);
  }
  const check = await fairway(['check', 'stable/cloud', '16.4.7']);
  expect(check).toMatchObject({ code: 1, stdout: expect.stringContaining('is not known now; it serves 16.4.6') });
  // What cannot be read from memory says so, and nothing of changes.
  const agents = await fairway(['agents']);
  expect(agents.stderr).toMatch(/Redis (is away|gave no answer)/);
  for (const { stderr } of [check, agents]) expect(stderr).not.toContain('nothing was changed');
});

it('shows a channel again when it changes, and only then', async () => {
  const server = await startServer(QUICKSTART);
  const child = spawn(process.execPath, [await buildCli(), 'show', 'stable/cloud', '--watch', '--history', '1'], {
    env: { PATH: process.env.PATH, ...signedIn(server) },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk) => (printed += chunk));
  await vi.waitUntil(() => printed.includes('16.4.6'), { timeout: 20_000 });
  await operatorClient(server)('POST', '/channels/stable%2Fcloud/pin', { reason: 'incident 12' });
  await vi.waitUntil(() => printed.includes('incident 12'), { timeout: 20_000 });
  expect(printed.match(/^pinned +no$/gm)?.length).toBeLessThanOrEqual(2);
});

it('waits until agents are at the target, within a time limit', async () => {
  const server = await startServer(QUICKSTART);
  const fairway = commandLine(server);
  const report = (version: string) =>
    operatorClient(server)('POST', '/inventory?channel=stable%2Fcloud', [
      { kind: 'instance', metadata: { name: 'auth' }, spec: { version: '16.4.7', services: ['Auth'] } },
      { kind: 'instance', metadata: { name: 'a1' }, spec: { version, ext_upgrader: 'unit' } },
    ]);
  await report('16.4.3');
  expect(await fairway(['wait', 'stable/cloud', '--timeout', '1s'])).toMatchObject({
    code: 124,
    stdout: expect.stringContaining('the time is up: 0 of 1 agents of stable/cloud are at 16.4.6'),
  });
  const waiting = fairway(['wait', 'stable/cloud', '--timeout', '60s']);
  await report('16.4.6');
  expect(await waiting).toMatchObject({ code: 0, stdout: '1 of 1 agents of stable/cloud are at 16.4.6\n' });
  expect(await fairway(['wait', 'stable/cloud', '--for', 'plan'])).toMatchObject({ code: 0 });
  expect((await fairway(['wait', 'nowhere'])).code).toBe(1);
  expect((await fairway(['wait', 'stable/cloud', '--timeout', 'soon'])).code).toBe(2);
});
