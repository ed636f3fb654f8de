import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commandLine, runCli } from '../support/cli.ts';
import { RELEASE } from '../support/promotion.ts';
import { startServer, temporaryDirectory } from '../support/server.ts';

const HISTORY = 'test/fixtures/teleport-releases.json';
const LONG = 120_000;

it('explains, mints and plans without a server', { timeout: LONG }, async () => {
  const offline = (...args: string[]) => runCli([...args, '--releases', HISTORY]);
  expect(await offline('version', 'mint', '--commit', 'f00dfacade', '--at', '2024-11-12T10:15:30Z')).toEqual({
    code: 0,
    stdout: `${RELEASE}\n`,
    stderr: '',
  });
  const parsed = await offline('version', 'parse', 'v16.4.8');
  for (const line of [/^branch +branch\/v16\.4$/m, /^support +supported$/m, /16: moves from 16\.4\.7 to 16\.4\.8/]) {
    expect(parsed.stdout).toMatch(line);
  }
  expect((await offline('releases', 'backport-plan', '--urgent')).stdout).toMatch(/14\.3\.22 after 14\.3\.21/);
  expect(await offline('releases', 'backport-plan', '--urgent', '--security')).toMatchObject({ code: 2 });
  expect((await offline('version', 'mint', '--commit', '0123456')).stderr).toMatch(/give more digits of the hash/);
  expect((await offline('version', 'parse', 'banana')).stderr).toMatch(/not a version/);
  const file = join(temporaryDirectory(), 'none.json');
  writeFileSync(file, '{}');
  expect((await runCli(['version', 'parse', '1.2.3', '--releases', file])).stderr).toMatch(/not a list of releases/);
});

it('takes a release from registration to a pull', { timeout: LONG }, async () => {
  const stage = { name: 'canary', channels: ['edge'], soak: '1h', signOff: true, approval: true };
  const server = await startServer({
    bootstrap: { channels: [{ name: 'edge', target: '16.4.7' }] },
    promotion: { stages: [stage], advanceEvery: '20ms' },
  });
  const ci = commandLine(server, 'release-manager');
  const manager = commandLine(server);
  const run = async (api: typeof ci, ...args: string[]) => {
    const { code, stdout, stderr } = await api(args);
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
    return stdout;
  };
  await run(ci, 'releases', 'import', HISTORY);
  const cut = ['--commit', 'f00dfacade', '--cut-at', '2024-11-12T10:15:30Z'];
  const changes = ['--significant', '4711:Rework it', '--change', '4712:Fix a typo'];
  expect(await run(ci, 'releases', 'register', RELEASE, ...cut, ...changes)).toMatch(/^#4711 +yes +open +Rework it$/m);
  for (const set of ['control-plane', 'packages']) await run(ci, 'releases', 'artifacts', RELEASE, set, 'published');
  expect(await ci(['promote', 'start', RELEASE, '--reason', 'eager'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('not signed off: 4711'),
  });
  expect(await run(ci, 'releases', 'sign-off', RELEASE, '4711')).toMatch(/^#4711 +yes +by token release-manager/m);
  await run(manager, 'promote', 'approve', RELEASE, 'canary', '--reason', 'tested');
  await run(manager, 'promote', 'start', RELEASE, '--reason', 'tested');
  await expect.poll(() => run(ci, 'promote', 'show', RELEASE), { timeout: 30_000 }).toMatch(/^canary +soaking/m);
  await run(ci, 'promote', 'halt', RELEASE, '--reason', 'errors');
  expect(await run(ci, 'promote', 'resume', RELEASE, '--reason', 'calm')).toMatch(/^canary +soaking/m);
  expect(await ci(['releases', 'pull', RELEASE, '--reason', 'bad'])).toMatchObject({ code: 2 });
  expect(await run(ci, 'releases', 'pull', RELEASE, '--reason', 'bad', '--dry-run')).toMatch(/would be pulled/);
  expect(await run(ci, 'releases', 'pull', RELEASE, '--reason', 'bad', '--yes')).toMatch(
    /was pulled\n.*edge: withdrawn/,
  );
  expect(await run(ci, 'releases', 'tags', '16.4.7')).toMatch(/16: moves from 16\.4\.6 to 16\.4\.7/);
  expect(await run(ci, 'releases', 'support')).toMatch(/^14 +14\.3\.21 +29$/m);
});
