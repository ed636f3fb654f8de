import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask, TOKEN } from '../operator.mjs';
import { cpuSeconds } from '../processes.mjs';
import { quantile } from '../statistics.mjs';
import { fillChannels, fillControlPlanes, milliseconds, watchPolls, withWorld } from './world.mjs';

export const title = 'A promotion that waits for control planes on Redis, by channels and control planes of its stage';

const SIZES = [
  [10, 10],
  [1_000, 5_000],
  [1_000, 10_000],
];
const WATCHED_MS = 20_000;
const TIMES = 10;
const RELEASE = '17.0.0-cloud.20241112T101530.f00dfac';
const QUICKSTART = fileURLToPath(new URL('../../config/quickstart.yaml', import.meta.url));
const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export async function run(print) {
  for (const [channels, controlPlanes] of SIZES) {
    const stage = {
      name: 'all',
      channels: Array.from({ length: channels }, (_, n) => `many/c${n}`),
      controlPlanes: Array.from({ length: controlPlanes }, (_, n) => `tenant-${n}`),
      ...{ soak: '1h', automatic: true, signOff: false, approval: false },
    };
    await withStages([stage], 1, async (world) => {
      const [server] = world.servers;
      await fillChannels(world, 0, channels);
      await fillControlPlanes(world, 0, controlPlanes);
      await register(server, RELEASE, '2024-11-12T10:15:30Z');
      await untilStage(server, RELEASE, 'awaiting-control-plane');
      const idle = await watch(world);
      const path = `/releases/${RELEASE}/promotion`;
      const times = [];
      const cpu = cpuSeconds(server.pid);
      let bytes = 0;
      for (let n = 0; n < TIMES; n++) {
        const begun = performance.now();
        bytes = JSON.stringify(await ask(server, 'GET', path)).length;
        times.push(performance.now() - begun);
      }
      print({
        channels,
        'control planes': controlPlanes,
        'CPU of a core': idle.cpu,
        'commands a second': idle.commands,
        'longest poll': idle.longest,
        'GET …/promotion': milliseconds(quantile(times, 0.5)),
        'CPU of it': milliseconds(((cpuSeconds(server.pid) - cpu) * 1_000) / TIMES),
        KB: (bytes / 1_000).toFixed(1),
        'fairway promote show': `${show(server).toFixed(2)} s`,
      });
    });
  }
}

/** What the servers take while no request comes. */
export async function watch({ servers: [server], commands }) {
  const before = { at: performance.now(), cpu: cpuSeconds(server.pid), commands: await commands() };
  const polls = watchPolls(server);
  await sleep(WATCHED_MS);
  const waits = await polls.stop();
  const seconds = (performance.now() - before.at) / 1_000;
  return {
    cpu: `${((100 * (cpuSeconds(server.pid) - before.cpu)) / seconds).toFixed(1)} %`,
    commands: Math.round(((await commands()) - before.commands) / seconds),
    longest: milliseconds(Math.max(...waits)),
  };
}

/** Seconds that the command takes, its start included. */
function show({ operatorPort }) {
  const env = { ...process.env, FAIRWAY_URL: `http://127.0.0.1:${operatorPort}`, FAIRWAY_TOKEN: TOKEN };
  const begun = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'promote', 'show', RELEASE], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`fairway promote show: ${stderr}`);
  return (performance.now() - begun) / 1_000;
}

/** As `withWorld`, with stages of promotions. */
export async function withStages(stages, replicas, work) {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-stages-'));
  try {
    const file = join(dir, 'fairway.yaml');
    writeFileSync(file, `${readFileSync(QUICKSTART, 'utf8')}\npromotion: ${JSON.stringify({ stages })}\n`);
    const begin = async (world) => {
      // Cloud releases are of the major after the newest stable one.
      await ask(world.servers[0], 'POST', '/releases/import', [{ version: '16.4.7', date: null, security: false }]);
      await work(world);
    };
    await withWorld(replicas, begin, { FAIRWAY_CONFIG: file });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export async function register(server, version, cutAt) {
  const artifacts = { controlPlane: 'published', packages: 'published' };
  await ask(server, 'POST', '/releases', {
    version,
    commit: 'f00dfacadef00dfacadef00dfacadef00dfacade',
    cutAt,
    artifacts,
  });
}

/** Waits until the first stage of the release has reached a state. */
export async function untilStage(server, version, state) {
  for (let tries = 0; tries < 100; tries++) {
    const { stages } = await ask(server, 'GET', `/releases/${version}/promotion`);
    if (stages[0].state === state) return;
    await sleep(300);
  }
  throw new Error(`the promotion of ${version} does not reach ${state}`);
}
