import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBuilder, type ImageConfig, inContainer, whyNoImage } from '../support/image.ts';
import { addresses, run } from '../support/process.ts';

const why = whyNoImage();
if (why) process.stderr.write(`the tests of the image are skipped: ${why}\n`);

const QUICKSTART = { FAIRWAY_CONFIG: '/app/config/quickstart.yaml', FAIRWAY_PORT: '0', FAIRWAY_OPERATOR_PORT: '0' };

describe.skipIf(why)('the image', () => {
  let dir: string;
  let data: string;
  let builder: ReturnType<typeof createBuilder>;
  let config: ImageConfig;
  let root: string;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'fairway-image-'));
    data = join(dir, 'data');
    mkdirSync(data);
    builder = createBuilder(dir);
    config = builder.build('fairway');
    root = builder.mount('fairway');
  }, 400_000);

  afterAll(() => {
    builder.close();
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  const environment = (env: Record<string, string> = {}) => ({
    ...Object.fromEntries(config.Env.map((each) => each.split(/=(.*)/s, 2))),
    ...env,
  });

  it('states what it is, and how to run and stop it', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(config).toMatchObject({
      User: '65532:65532',
      Entrypoint: [],
      Volumes: { '/data': {} },
      ExposedPorts: { '8080/tcp': {}, '8081/tcp': {} },
      StopSignal: 'SIGTERM',
      Labels: { 'org.opencontainers.image.title': 'Fairway', 'org.opencontainers.image.version': version },
    });
    expect(config.Healthcheck.Test[0]).toBe('CMD');
  });

  it('contains the bundle and the one native package, and nothing of the build', () => {
    const packages = execFileSync('ls', [join(root, 'app/node_modules')], { encoding: 'utf8' }).split('\n');
    expect(packages).toContain('lmdb');
    expect(packages).not.toContain('esbuild');
    expect(packages).not.toContain('hono');
    for (const gone of ['app/src', 'app/.npmrc']) expect(existsSync(join(root, gone)), gone).toBe(false);
    expect(readlinkSync(join(root, 'usr/local/bin/fairway'))).toBe('/app/dist/cli.js');
  });

  it('contains a compile cache of the bundle, which V8 accepts', async () => {
    const debug: Record<string, string> = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
    const [program = '', ...args] = inContainer(root, config, data, config.Cmd);
    const server = run(program, args, { env: environment({ ...QUICKSTART, ...debug }) });
    await addresses(server);
    server.signal('SIGTERM');
    await server.exit;
    for (const file of ['main', 'operator', 'embedded']) {
      expect(server.stderr).toMatch(new RegExp(`cache for ESM file:///app/dist/${file}[\\w-]*\\.js was accepted`));
    }
  });

  it('serves, is healthy and stops on a signal: read-only, unprivileged, with no other program than Node', async () => {
    for (const programs of ['usr/bin', 'usr/sbin']) rmSync(join(root, programs), { recursive: true });
    const start = (command: string[], env: Record<string, string>) => {
      const [program = '', ...args] = inContainer(root, config, data, command);
      return run(program, args, { env: environment(env) });
    };
    const server = start(config.Cmd, QUICKSTART);
    const { public: publicUrl, operator: operatorUrl } = await addresses(server);
    expect(await (await fetch(`${publicUrl}/v1/stable/cloud/version`)).text()).toBe('v16.4.6');
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\s+65532\s+65532\s/m);
    expect(readFileSync(`/proc/${server.pid}/mounts`, 'utf8')).toMatch(/ \/ \S+ ro,/);

    const check = (port: string) => start(config.Healthcheck.Test.slice(1), { FAIRWAY_OPERATOR_PORT: port }).exit;
    expect(await check(new URL(operatorUrl).port)).toEqual({ code: 0, signal: null });
    expect(await check('1')).toEqual({ code: 1, signal: null });
    const cli = start(['node', 'dist/cli.js', '--version'], {});
    expect(await cli.exit).toEqual({ code: 0, signal: null });

    server.signal('SIGTERM');
    expect(await server.exit).toEqual({ code: 0, signal: null });
    expect(server.stdout).toContain('fairway is down');
  });
});
