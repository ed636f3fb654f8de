import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import request from 'supertest';
import { describe, expect, it, vi } from 'vitest';
import {
  ADMIN_TOKEN,
  addresses,
  CLI,
  freePorts,
  type Program,
  ROOT,
  readLogs,
  run,
  runFairway,
  SERVER,
  startFairway,
} from '../support/process.ts';
import { temporaryDirectory } from '../support/server.ts';

// These tests start many programs, one after the other.
vi.setConfig({ testTimeout: 60_000 });

/** The options of the shell updater, except those for https, which a proxy adds. */
const UPDATER_CURL = ['--tlsv1.2', '-sSf'];

const QUICKSTART_FILE = { FAIRWAY_CONFIG: join(ROOT, 'config/quickstart.yaml') };

async function curl(...args: string[]) {
  const program = run('curl', args);
  const { code } = await program.exit;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

describe('the built program', () => {
  it('serves agents and operators over HTTP', async () => {
    const { publicUrl, operatorUrl } = await startFairway({ env: QUICKSTART_FILE });
    await request(publicUrl)
      .get('/v1/stable/cloud/version')
      .expect(200, 'v16.4.6')
      .expect('Content-Type', 'text/plain; charset=utf-8')
      .expect('Cache-Control', 'public, max-age=30, stale-if-error=86400')
      .expect('ETag', '"v16.4.6"')
      .expect('Fairway-Revision', /^\d+$/);
    await request(publicUrl).get('/v1/stable/cloud/version').set('If-None-Match', '"v16.4.6"').expect(304, '');
    await request(publicUrl).get('/v1/nowhere/version').expect(404);
    await request(publicUrl).post('/v1/stable/cloud/version').expect(405).expect('Allow', 'GET, HEAD');
    await request(publicUrl).get('/api/v1/channels').expect(404);
    await request(operatorUrl).get('/readyz').expect(200);
    await request(operatorUrl).get('/api/v1/channels').expect(401).expect('Content-Type', 'application/problem+json');
    const asAdmin = request.agent(operatorUrl).auth(ADMIN_TOKEN, { type: 'bearer' });
    const { body } = await asAdmin
      .post('/api/v1/channels/stable%2Fcloud/roll-forward')
      .send({ version: '16.4.7', reason: 'test', critical: true })
      .expect(200);
    expect(body).toMatchObject({ channel: { target: '16.4.7' }, audit: { action: 'roll-forward', reason: 'test' } });
    await request(publicUrl).get('/v1/stable/cloud/version').expect(200, 'v16.4.7');
    await request(publicUrl).get('/v1/stable/cloud/critical').expect(200, 'yes');
    const { body: refusal } = await asAdmin
      .post('/api/v1/channels/stable%2Fcloud/roll-forward')
      .send({ version: '18.0.0', reason: 'test' })
      .expect(409);
    expect(refusal).toMatchObject({ code: 'refused', report: { allowed: false } });
    const { text } = await request(operatorUrl).get('/metrics').expect(200);
    expect(text).toContain('fairway_channel_target_info{channel="stable/cloud",version="16.4.7"');
    const { body: document } = await request(operatorUrl).get('/openapi.json').expect(200);
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  it('answers the shell updater byte for byte', async () => {
    const { publicUrl, api } = await startFairway({ env: QUICKSTART_FILE });
    const base = `${publicUrl}/v1/stable/cloud`;
    expect(await curl(...UPDATER_CURL, `${base}/version`)).toEqual({ code: 0, stdout: 'v16.4.6', stderr: '' });
    expect(await curl(...UPDATER_CURL, `${base}/critical`)).toEqual({ code: 0, stdout: 'no', stderr: '' });
    await api('POST', '/channels/stable%2Fcloud/withdraw', { reason: 'test' });
    expect(await curl(...UPDATER_CURL, `${base}/version`)).toEqual({ code: 0, stdout: 'none', stderr: '' });
    // curl -f exits with 22 for any status of 400 or more, and prints nothing that looks like a version.
    expect(await curl(...UPDATER_CURL, `${publicUrl}/v1/gone/version`)).toMatchObject({ code: 22, stdout: '' });
  });
});

describe('fairway releases import', () => {
  const file = join(ROOT, 'config/samples/releases.json');
  const importReleases = async (env: Record<string, string>, path = file) => {
    const program = run(process.execPath, [CLI, 'releases', 'import', path], { env });
    const { code } = await program.exit;
    return { code, stdout: program.stdout, stderr: program.stderr };
  };

  it('imports a release history, once', async () => {
    const server = await startFairway();
    const env = { FAIRWAY_URL: server.operatorUrl, FAIRWAY_TOKEN: ADMIN_TOKEN };
    const first = await importReleases(env);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const [, count] = /^(\d+) imported, 0 unchanged/.exec(first.stdout) ?? [];
    expect(Number(count)).toBeGreaterThan(10);
    expect((await importReleases(env)).stdout).toContain(`0 imported, ${count} unchanged`);
  });

  it('says what is missing or wrong, and does not exit with 0', async () => {
    const server = await startFairway();
    const env = { FAIRWAY_URL: server.operatorUrl, FAIRWAY_TOKEN: ADMIN_TOKEN };
    const cases: [env: Record<string, string>, path: string, sentence: RegExp][] = [
      [{ FAIRWAY_URL: server.operatorUrl }, file, /set FAIRWAY_TOKEN/],
      [{ ...env, FAIRWAY_TOKEN: 'wrong' }, file, /this token is not known/],
      [{ ...env, FAIRWAY_URL: 'http://127.0.0.1:1' }, file, /cannot be reached .*FAIRWAY_URL/s],
      [{ ...env, FAIRWAY_URL: server.publicUrl }, file, /is not a Fairway operator listener/],
      [env, '/nowhere.json', /nowhere\.json/],
      [env, join(ROOT, 'README.md'), /valid JSON/],
    ];
    for (const [given, path, sentence] of cases) {
      const { code, stdout, stderr } = await importReleases(given, path);
      expect({ failed: code !== 0, stdout, stderr }).toEqual({
        failed: true,
        stdout: '',
        stderr: expect.stringMatching(sentence),
      });
      expect(stderr).toMatch(/^fairway: /);
      expect(stderr).not.toMatch(/\n\s+at /);
    }
  });
});

describe('the admin token of a server without tokens', () => {
  const NO_TOKEN = { FAIRWAY_ADMIN_TOKEN: '', ...QUICKSTART_FILE };
  const tokenFile = (dir: string) => join(dir, 'data/admin-token');
  /** The command with which the greeting says to sign in. */
  const command = (program: Program) =>
    vi.waitUntil(() => /at a terminal: fairway (login .*\S)\s*$/m.exec(program.stdout)?.[1], { interval: 5 });

  async function signIn(program: Program) {
    const shell = run('sh', ['-c', `'${CLI}' ${await command(program)}`], { env: { HOME: temporaryDirectory() } });
    await shell.exit;
    return shell.stdout + shell.stderr;
  }

  it('is created once, readable only by its owner, and not printed where output is collected', async () => {
    const dir = temporaryDirectory();
    const first = runFairway({ dir, env: NO_TOKEN });
    await addresses(first);
    expect(statSync(tokenFile(dir)).mode & 0o777).toBe(0o600);
    const token = readFileSync(tokenFile(dir), 'utf8').trim();
    expect(token.length).toBeGreaterThanOrEqual(32);
    expect(await signIn(first)).toContain('which has 1 channel');
    first.signal('SIGTERM');
    await first.exit;

    const second = runFairway({ dir, env: NO_TOKEN });
    await addresses(second);
    expect(readFileSync(tokenFile(dir), 'utf8').trim()).toBe(token);
    expect(await signIn(second)).toContain('which has 1 channel');
    expect(first.stdout + first.stderr + second.stdout + second.stderr).not.toContain(token);
  });

  it.skipIf(!existsSync('/usr/bin/script'))('is shown once to a person at a terminal', async () => {
    const dir = temporaryDirectory();
    const env = { ...freePorts(dir), ...NO_TOKEN };
    // `script` gives it a terminal, and copies what that shows.
    const startAtTerminal = async () => {
      const terminal = run('script', ['-qec', `exec '${process.execPath}' '${SERVER}'`, '/dev/null'], {
        cwd: dir,
        env,
        group: true,
      });
      await addresses(terminal);
      return terminal;
    };
    const first = await startAtTerminal();
    const token = readFileSync(tokenFile(dir), 'utf8').trim();
    expect(first.stdout).toContain(`the admin token ${token}, which is in `);
    expect(await signIn(first)).toContain('which has 1 channel');
    expect(JSON.stringify(readLogs(first.stdout))).not.toContain(token);
    await first.kill();
    const second = await startAtTerminal();
    expect(second.stdout).not.toContain(token);
    expect(await signIn(second)).toContain('which has 1 channel');
  });
});
