import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ask } from '../operator.mjs';
import { startFairway, startRedis } from '../peers.mjs';
import { cpuSeconds, untilAnswers } from '../processes.mjs';

const PATH = '/v1/stable/cloud/version';
/** Enough for one `apply`, whose body is bounded. */
const AT_ONCE = 500;
/** A busy machine may miss the deadline of the store. */
const TRIES = 5;
const IDLE_MS = 2_000;

/**
 * Runs `work` with `replicas` servers on one Redis, or with one server and an embedded store (`replicas` 0); `env` has
 * more of their environment.
 */
export async function withWorld(replicas, work, env = {}) {
  const redis = replicas > 0 ? await startRedis('0,1') : null;
  const admin = redis && new Redis(redis.url);
  admin?.on('error', () => {});
  const servers = [];
  try {
    for (let i = 0; i < Math.max(replicas, 1); i++) {
      const server = await startFairway('0,1', { redisUrl: redis?.url ?? null, env });
      servers.push(server);
      await untilAnswers(urlOf(server), 'v16.4.6');
      await untilAnswers(`http://127.0.0.1:${server.operatorPort}/healthz`, 'ok');
    }
    /** The bytes that Redis has sent so far, and the commands that it ran; 0 without Redis. */
    const stat = async (name) =>
      Number(new RegExp(`${name}:(\\d+)`).exec((await admin?.info('stats')) ?? '')?.[1] ?? 0);
    const sent = () => stat('total_net_output_bytes');
    const commands = () => stat('total_commands_processed');
    await work({ servers, sent, commands });
  } finally {
    admin?.disconnect();
    await Promise.all(servers.map((server) => server.stop('SIGKILL')));
    await redis?.stop('SIGKILL');
  }
}

export const urlOf = ({ port }) => `http://127.0.0.1:${port}${PATH}`;

/** Adds channels, so that there are `count` beside the one that changes, and waits until the last server has them. */
export async function fillChannels({ servers }, from, count) {
  const names = Array.from({ length: count - from }, (_, index) => `many/c${from + index}`);
  for (let done = 0; done < names.length; done += AT_ONCE) {
    const channels = names.slice(done, done + AT_ONCE).map((name) => ({ name, target: '16.4.6' }));
    await apply(servers[0], { channels });
  }
  const last = names.at(-1);
  if (!last) return;
  for (const { port } of servers) await untilAnswers(`http://127.0.0.1:${port}/v1/${last}/version`, 'v16.4.6');
}

/** Adds control planes, so that there are `count` named `tenant-N`. */
export async function fillControlPlanes({ servers: [server] }, from, count) {
  for (let done = from; done < count; done += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - done);
    const controlPlanes = Array.from({ length }, (_, index) => ({ name: `tenant-${done + index}`, version: '16.4.6' }));
    await apply(server, { controlPlanes });
  }
}

/** Creates what is not there yet. */
export async function apply(server, documents) {
  for (let tries = 1; ; tries++) {
    try {
      return await ask(server, 'POST', '/apply', { fairway: 1, ...documents });
    } catch (error) {
      if (tries === TRIES) throw error;
      await sleep(1_000);
    }
  }
}

/** Moves the channel to and fro `changes` times; `each` gets the version that agents must get now. */
export async function change({ servers: [server] }, changes, each = async () => {}) {
  for (let i = 0; i < changes; i++) {
    const forward = i % 2 === 0;
    const seen = each(forward ? 'v16.4.7' : 'v16.4.6');
    const verb = forward ? 'roll-forward' : 'roll-back';
    await ask(server, 'POST', `/channels/stable%2Fcloud/${verb}`, {
      reason: 'bench',
      ...(forward ? { version: '16.4.7' } : {}),
    });
    await seen;
  }
}

/** Runs `work`, and says what it took beyond what the idle servers take in the same time. */
export async function measure({ servers, sent }, work) {
  const read = async () => ({
    at: performance.now(),
    sent: await sent(),
    cpu: servers.map(({ pid }) => cpuSeconds(pid) * 1_000),
  });
  const begun = await read();
  await sleep(IDLE_MS);
  const idle = await read();
  const polls = servers.map(watchPolls);
  await work();
  const end = await read();
  const longest = Math.max(...(await Promise.all(polls.map(({ stop }) => stop()))).flat());
  const ms = end.at - idle.at;
  const share = ms / (idle.at - begun.at);
  const more = (of) => of(end) - of(idle) - (of(idle) - of(begun)) * share;
  return {
    ms,
    longest,
    bytes: more((each) => each.sent),
    cpu: servers.map((_, index) => more(({ cpu }) => cpu[index])),
  };
}

/** Polls a server every few milliseconds; `stop` answers how long each poll waited, in milliseconds. */
export function watchPolls(server) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const waits = [];
  let isStopped = false;
  const polling = (async () => {
    while (!isStopped) {
      const begun = performance.now();
      await poll(server, agent);
      waits.push(performance.now() - begun);
      await sleep(5);
    }
    agent.destroy();
    return waits;
  })();
  return {
    stop() {
      isStopped = true;
      return polling;
    },
  };
}

/** The body of a poll. */
export function poll({ port }, agent) {
  return new Promise((resolve, reject) => {
    get({ port, path: PATH, agent }, (response) => {
      let body = '';
      response.on('data', (data) => (body += data));
      response.on('end', () => resolve(body));
    }).on('error', reject);
  });
}

export const kilobytes = (bytes) => `${(Math.max(bytes, 0) / 1_000).toFixed(1)} KB`;
export const milliseconds = (ms) => `${Math.max(ms, 0).toFixed(1)} ms`;
