// Measures what a fleet of a million agents costs: `npm run bench:fleet`, or only its polls:
// `npm run bench:fleet -- --polls`, or its imports and searches: `npm run bench:fleet -- --imports`. Needs
// redis-server, taskset and two cores.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { cpuSeconds, freePort, has, residentMiB, run, untilAnswers } from '../processes.mjs';
import { batches } from './agents.mjs';
import { median, ms, time } from './figures.mjs';
import { measureImports } from './imports.mjs';
import { embedded, loadStore, measureStore, recording } from './store.mjs';

const SIZES = [10_000, 100_000, 1_000_000];
const AGENTS = 1_000_000;
/** A million agents that poll every five minutes. */
const RATE = 3_334;
const SECONDS = 5;
/** The rounds are interleaved; the best one counts, because other work of the machine only makes it worse. */
const ROUNDS = 8;
const LOAD = fileURLToPath(new URL('./load.mjs', import.meta.url));
const TOKEN = 'a-token-of-the-fleet-bench';

if (!has('redis-server')) throw new Error('this needs redis-server: apt-get install redis-server');
console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${new Date().toISOString().slice(0, 10)}`,
);

const openStore = await loadStore();
const redis = await startRedis();
try {
  if (process.argv.includes('--imports')) {
    await measureImports('embedded', SIZES, embedded(openStore).open);
    await measureImports('Redis', SIZES, openRedis);
  } else {
    if (!process.argv.includes('--polls')) await measureStores();
    await measureServer();
  }
} finally {
  await redis.stop();
}

async function measureStores() {
  await measureStore('Redis', SIZES, openRedis, async () =>
    Number(/used_memory:(\d+)/.exec(await redis.admin.info('memory'))[1]),
  );
  const { open, used } = embedded(openStore);
  await measureStore('embedded', [10_000, 100_000], open, used);
}

async function startRedis() {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-redis-'));
  const options = ['--port', port, '--dir', dir, '--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];
  const server = run('0,1', 'redis-server', options.map(String));
  await sleep(500);
  const admin = new Redis(port, '127.0.0.1');
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: server.pid,
    admin,
    async stop() {
      admin.disconnect();
      await server.stop('SIGKILL');
      rmSync(dir, { recursive: true });
    },
  };
}

async function openRedis(log) {
  await redis.admin.flushall();
  const access = { address: { kind: 'server', url: redis.url }, login: {} };
  const store = await openStore({ redis: access, dataDir: '/nowhere', deadline: 10_000, log });
  return { store, close: () => store.close() };
}

/** Measures polls of a server with a million enrolled agents, without and with their check-ins. */
async function measureServer() {
  const { store, close } = await openRedis({ info() {}, warn() {} });
  for (const batch of batches(0, AGENTS, Date.now() - 60_000)) {
    await store.recordSightings('check-ins', batch, recording(Date.now()));
  }
  await close();
  const server = await startServer();
  const results = { plain: [], known: [], fresh: [] };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const mode of ['plain', 'known']) results[mode].push(await drive(server, mode));
    }
    console.log(
      `\n| ${RATE} polls a second | p50, ms | p99, ms | server CPU | Redis CPU | server memory, MiB |\n|---|--:|--:|--:|--:|--:|`,
    );
    report('without check-ins', results.plain);
    report('with check-ins', results.known);
    const ratios = results.known.map(({ p99 }, round) => p99 / results.plain[round].p99);
    const ofBest = best(results.known, 'p99') / best(results.plain, 'p99');
    results.fresh.push(await drive(server, 'fresh'));
    report('with ids that never repeat', results.fresh);
    const range = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)).join('–');
    console.log(
      `\np99 with check-ins, × the one without: ${median(ratios).toFixed(2)} (median of the rounds, ${range}), ${ofBest.toFixed(2)} between the best of each`,
    );
    const get = (path) => fetch(`${server.operator}/api/v1${path}`, { headers: { Authorization: `Bearer ${TOKEN}` } });
    for (const path of [
      '/census?channel=stable/cloud',
      `/agents/${(await (await get('/agents?limit=1')).json()).agents[0].id}/explain`,
    ]) {
      const all = [];
      for (let n = 0; n < 50; n++) all.push(await time(async () => (await get(path)).text()));
      console.log(`GET ${path.replace(/agents\/.*\//, 'agents/ID/')}: ${ms(median(all))} ms (median of 50, over HTTP)`);
    }
  } finally {
    await server.stop();
  }
}

async function startServer() {
  const [port, operatorPort] = [await freePort(), await freePort()];
  const dataDir = mkdtempSync(join(tmpdir(), 'fairway-bench-'));
  const env = {
    REDIS_URL: redis.url,
    FAIRWAY_ADMIN_TOKEN: TOKEN,
    FAIRWAY_DATA_DIR: dataDir,
    FAIRWAY_LOG_LEVEL: 'warn',
  };
  Object.assign(env, {
    FAIRWAY_PORT: String(port),
    FAIRWAY_OPERATOR_PORT: String(operatorPort),
    FAIRWAY_CONFIG: 'config/quickstart.yaml',
  });
  const server = run('0', process.execPath, ['dist/main.js'], env);
  await untilAnswers(`http://127.0.0.1:${port}/v1/stable/cloud/version`, 'v16.4.6');
  return {
    port,
    operator: `http://127.0.0.1:${operatorPort}`,
    pid: server.pid,
    async stop() {
      await server.stop();
      rmSync(dataDir, { recursive: true });
    },
  };
}

async function drive(server, mode) {
  const used = () => [cpuSeconds(server.pid), cpuSeconds(redis.pid)];
  const [serverBefore, redisBefore] = used();
  const load = run('1', process.execPath, [LOAD, server.port, RATE, SECONDS, mode, AGENTS].map(String));
  const [code] = await load.ended;
  if (code !== 0) throw new Error(load.output());
  const figures = JSON.parse(load.output());
  if (figures.errors > 0) throw new Error(`${figures.errors} polls failed`);
  const [serverAfter, redisAfter] = used();
  const share = (from, to) => ((to - from) / (SECONDS + 2)) * 100;
  const cpu = { serverCpu: share(serverBefore, serverAfter), redisCpu: share(redisBefore, redisAfter) };
  return { ...figures, ...cpu, memory: residentMiB(server.pid) };
}

function report(name, results) {
  const of = (field) => median(results.map((result) => result[field]));
  const [p50, p99] = [best(results, 'p50'), best(results, 'p99')];
  const cpu = `${of('serverCpu').toFixed(0)} % | ${of('redisCpu').toFixed(0)} %`;
  console.log(`| ${name} | ${ms(p50)} | ${ms(p99)} | ${cpu} | ${of('memory').toFixed(0)} |`);
}

function best(results, field) {
  return Math.min(...results.map((result) => result[field]));
}
