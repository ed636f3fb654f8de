import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inventory } from '../fixtures/inventory.ts';
import { ADMIN_TOKEN, CLI, run, SERVER, startFairway } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { temporaryDirectory } from '../support/server.ts';

async function fairway(args: string[], env: Record<string, string> = {}) {
  const program = run(process.execPath, [CLI, ...args], { env: { HOME: temporaryDirectory(), TZ: 'UTC', ...env } });
  const { code } = await program.exit;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** The findings of `doctor`, by their check. */
async function doctor(url: string, publicUrl: string, token = ADMIN_TOKEN) {
  const { code, stdout } = await fairway(['doctor', '--public', publicUrl, '-o', 'json'], {
    FAIRWAY_URL: url,
    FAIRWAY_TOKEN: token,
  });
  const { findings } = JSON.parse(stdout) as {
    findings: { check: string; state: string; detail: string; remedy: string }[];
  };
  return { code, findings, of: (check: string) => findings.find((finding) => finding.check === check) };
}

describe('fairway doctor', { timeout: 60_000 }, () => {
  it('finds nothing wrong with a server that knows what its agents run', async () => {
    const server = await startFairway();
    await server.api('POST', '/inventory?channel=stable/cloud', inventory());
    const { code, findings } = await doctor(server.operatorUrl, server.publicUrl);
    expect(findings.map(({ check, state }) => `${check}: ${state}`)).toEqual([
      'operator listener: ok',
      'store: ok',
      'clock: ok',
      'sign-in: ok',
      'evidence: ok',
      'public address: ok',
    ]);
    expect(code).toBe(0);
    const printed = await fairway(['doctor', '--public', server.publicUrl], {
      FAIRWAY_URL: server.operatorUrl,
      FAIRWAY_TOKEN: ADMIN_TOKEN,
    });
    expect(printed.stdout).toContain('all is well');
  });

  it('says what is missing, and what to do about it', async () => {
    const server = await startFairway();
    const here = await doctor(server.operatorUrl, server.publicUrl, 'not-the-token-of-anyone');
    expect(here.of('sign-in')).toMatchObject({
      state: 'fault',
      remedy: `sign in: fairway login ${server.operatorUrl}`,
    });
    expect(here.code).toBe(1);

    // Without evidence it still works, so this is a warning; the operator's address is no address for agents.
    const wrong = await doctor(server.operatorUrl, server.operatorUrl);
    expect(wrong.of('evidence of stable/cloud')).toMatchObject({
      state: 'warning',
      remedy: 'import what runs: fairway inventory import FILE -c stable/cloud',
    });
    expect(wrong.of('public address')).toMatchObject({
      state: 'fault',
      detail: expect.stringContaining('operator API'),
    });
    expect(wrong.of('updaters of stable/cloud')).toMatchObject({ state: 'fault' });

    await server.kill();
    const gone = await doctor(server.operatorUrl, server.publicUrl);
    expect(gone.findings.map(({ check, state }) => `${check}: ${state}`)).toEqual([
      'operator listener: fault',
      'public address: fault',
    ]);
  });

  it('finds a store that is away', async () => {
    const redis = await startRedis();
    const server = await startFairway({
      env: { REDIS_URL: redis.url },
      settings: { store: { deadline: '300ms', compareEvery: '100ms' } },
    });
    await redis.stop();
    await expect.poll(() => server.metric('fairway_store_up'), { timeout: 15_000 }).toBe(0);
    const { of, code } = await doctor(server.operatorUrl, server.publicUrl);
    expect(of('store')).toMatchObject({ state: 'fault', remedy: 'follow docs/runbooks/redis-lost.md' });
    expect(code).toBe(1);
  });
});

describe('fairway config check', () => {
  const check = (text: string, env: Record<string, string> = {}) => {
    const file = join(temporaryDirectory(), 'fairway.yaml');
    writeFileSync(file, text);
    return fairway(['config', 'check', file], env);
  };

  it('accepts settings with which a server can start', async () => {
    expect(await check(readFileSync('config/quickstart.yaml', 'utf8'))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is valid: a server can start with it'),
    });
  });

  it('reports all faults at once, in settings and in the files that they name, with likely names', async () => {
    const { code, stdout } = await check(`
pubilc: { port: 1 }
fleet: { stale_after: 1h }
public: { tls: { certificate: /nowhere/chain.pem, key: /nowhere/key.pem } }
bootstrap: { releases: /nowhere/releases.json }
redisUrl: redis://127.0.0.1:6379
redis: { passwordFile: /nowhere/password }
workers: many
`);
    expect(code).toBe(2);
    expect(stdout).toContain('pubilc; did you mean public?');
    expect(stdout).toContain('stale_after; did you mean staleAfter?');
    expect(stdout).toContain('workers: expected a number');
    for (const file of ['key.pem', 'releases.json', 'password']) expect(stdout).toContain(`/nowhere/${file}`);
  });

  it('goes by the environment as well, as a start does', async () => {
    const { code, stdout } = await check('{}', { FAIRWAY_PORT: 'http' });
    expect([code, stdout]).toEqual([2, expect.stringContaining('public.port: expected a port number')]);
  });
});

describe('the server program', () => {
  const server = async (argument: string) => {
    const program = run(process.execPath, [SERVER, argument]);
    const { code } = await program.exit;
    return { code, stdout: program.stdout, stderr: program.stderr };
  };

  it('explains itself instead of starting', async () => {
    expect(await server('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('FAIRWAY_CONFIG') });
    expect((await server('--version')).stdout).toBe(`${JSON.parse(readFileSync('package.json', 'utf8')).version}\n`);
    expect(await server('--port=80')).toMatchObject({ code: 2, stderr: expect.stringContaining('see --help') });
  });
});
