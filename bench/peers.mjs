import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, TOKEN } from './operator.mjs';
import { freePort, has, run, untilAnswers } from './processes.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const node = process.execPath;

/** Starts Fairway as shipped: the bundle, the shipped settings, check-ins and metrics on. */
export async function startFairway(cores, { redisUrl = null, env = {}, dir = null } = {}) {
  const data = dir ?? mkdtempSync(join(tmpdir(), 'fairway-bench-'));
  const [port, operatorPort] = [await freePort(), await freePort()];
  const process = run(cores, node, [here('../dist/main.js')], {
    FAIRWAY_CONFIG: here('../config/quickstart.yaml'),
    FAIRWAY_DATA_DIR: data,
    FAIRWAY_HOST: '127.0.0.1',
    FAIRWAY_PORT: String(port),
    FAIRWAY_OPERATOR_PORT: String(operatorPort),
    FAIRWAY_ADMIN_TOKEN: TOKEN,
    FAIRWAY_LOG_LEVEL: 'warn',
    ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
    ...env,
  });
  const stop = async () => {
    await process.stop();
    if (!dir) rmSync(data, { recursive: true, force: true });
  };
  return { ...process, stop, port, operatorPort };
}

/** Starts a Redis without persistence, for servers that need one. */
export async function startRedis(cores) {
  const port = await freePort();
  const process = run(cores, 'redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no']);
  return { ...process, url: `redis://127.0.0.1:${port}` };
}

/** What peers that can speak TLS are told of their certificate. */
const tlsOf = (tls) => (tls ? { TLS_CERT: tls.certificate, TLS_KEY: tls.key } : {});

const script = (name) => ({
  name,
  async start(cores, tls) {
    const port = await freePort();
    return { ...run(cores, node, [here(`./peers/${name}.mjs`)], { PORT: String(port), ...tlsOf(tls) }), port };
  },
});

const naive = {
  name: 'naive-redis',
  async start(cores) {
    const redis = await startRedis(cores);
    const port = await freePort();
    const process = run(cores, node, [here('./peers/naive-redis.mjs')], { PORT: String(port), REDIS_URL: redis.url });
    const stop = async () => {
      await process.stop('SIGKILL');
      await redis.stop('SIGKILL');
    };
    return { ...process, stop, port, alsoCounts: [redis.pid] };
  },
};

export const go = {
  name: 'go-http',
  canTls: true,
  async start(cores, tls) {
    const binary = join(tmpdir(), 'fairway-bench-go-http');
    const built = spawnSync('go', ['build', '-o', binary, '.'], {
      cwd: here('./peers/go-http'),
      env: { ...process.env, GO111MODULE: 'off' },
    });
    if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
    const port = await freePort();
    return { ...run(cores, binary, [], { PORT: String(port), ...tlsOf(tls) }), port };
  },
};

export const nginx = {
  name: 'nginx',
  canTls: true,
  async start(cores, tls) {
    const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-nginx-'));
    mkdirSync(join(dir, 'body'));
    const port = await freePort();
    const template = readFileSync(here('./peers/nginx.conf'), 'utf8');
    const plain = template.replaceAll('PORT', String(port)).replaceAll('DIR', dir);
    const files = tls && `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key};`;
    writeFileSync(
      join(dir, 'nginx.conf'),
      tls ? plain.replace(`:${port};`, `:${port} ssl; ${files} ssl_protocols TLSv1.2 TLSv1.3;`) : plain,
    );
    const process = run(cores, 'nginx', ['-c', join(dir, 'nginx.conf'), '-p', dir]);
    const stop = async () => {
      await process.stop();
      rmSync(dir, { recursive: true, force: true });
    };
    return { ...process, stop, port };
  },
};

/** Fairway with more lines of settings, and with TLS if it is asked for. */
const fairwayWith = (name, lines) => ({
  name,
  canTls: true,
  async start(cores, tls) {
    const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-'));
    const config = join(dir, 'fairway.yaml');
    const files = tls ? `public: { tls: { certificate: ${tls.certificate}, key: ${tls.key} } }\n` : '';
    writeFileSync(config, `${readFileSync(here('../config/quickstart.yaml'), 'utf8')}\n${lines}\n${files}`);
    const server = await startFairway(cores, { dir, env: { FAIRWAY_CONFIG: config } });
    const stop = async () => {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    };
    return { ...server, stop };
  },
});

export const fairway = fairwayWith('fairway', '');
export const withoutLane = fairwayWith('fairway, without its lane', 'fastLane: false');
/** Fairway while half of the agents' numbers are below the wave of a rollout. */
export const inWave = {
  name: 'fairway, in a wave',
  async start(cores) {
    const server = await startFairway(cores);
    const channel = '/channels/stable%2Fcloud';
    await untilAnswers(`http://127.0.0.1:${server.port}/v1/stable/cloud/version`, 'v16.4.6');
    await untilAnswers(`http://127.0.0.1:${server.operatorPort}/healthz`, 'ok');
    const rollout = { groups: [{ name: 'all', waves: [50, 100] }] };
    await ask(server, 'PUT', channel, { rollout });
    await ask(server, 'POST', `${channel}/roll-forward`, { version: '16.4.7', reason: 'bench' });
    await ask(server, 'POST', `${channel}/rollout/start`, { reason: 'bench' }).catch(() => {});
    const { groups } = await ask(server, 'GET', `${channel}/rollout`);
    if (groups[0].state !== 'active' || groups[0].wave !== 50) throw new Error(JSON.stringify(groups));
    return server;
  },
};
export const bare = { ...script('bare'), canTls: true };

/** All peers that this machine can run. */
export function allPeers() {
  const optional = [
    ['redis-server', naive],
    ['go', go],
    ['nginx', nginx],
  ];
  return [fairway, bare, script('hono'), ...optional.filter(([program]) => has(program)).map(([, peer]) => peer)];
}
