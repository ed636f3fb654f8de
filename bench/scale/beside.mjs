import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ask, TOKEN } from '../operator.mjs';
import { quantile } from '../statistics.mjs';
import { fillChannels, fillControlPlanes, milliseconds, watchPolls, withWorld } from './world.mjs';

export const title =
  'Polls beside 500 operator requests at once: 10,000 channels, 5,000 control planes, 20,000 releases';

const CHANNELS = 10_000;
const CONTROL_PLANES = 5_000;
const RELEASES = 20_000;
const MOST_IMPORTED = 10_000;
const AT_ONCE = 500;
const CONNECTIONS = 450;

const API = '/api/v1';
/** What is asked for: a method, a path, and a body. */
const REQUESTS = [
  ['GET', '/openapi.json'],
  ['GET', '/docs'],
  ['GET', '/metrics'],
  ['GET', `${API}/channels`],
  ['GET', `${API}/channels/stable%2Fcloud`],
  ['GET', `${API}/channels/stable%2Fcloud/history`],
  ['GET', `${API}/control-planes`],
  ['GET', `${API}/releases`],
  ['GET', `${API}/releases/support`],
  ['GET', `${API}/census`],
  ['GET', `${API}/census?channel=stable%2Fcloud`],
  ['GET', `${API}/agents`],
  ['GET', `${API}/evidence/stable%2Fcloud`],
  ['GET', `${API}/audit`],
  ['GET', `${API}/audit/verify`],
  ['GET', `${API}/export`],
  ['POST', `${API}/channels/stable%2Fcloud/check`, { version: '16.4.7' }],
];

export const run = (print) =>
  withWorld(0, async (world) => {
    const [server] = world.servers;
    await fillChannels(world, 0, CHANNELS);
    await fillControlPlanes(world, 0, CONTROL_PLANES);
    const releases = Array.from({ length: RELEASES }, (_, n) => ({
      version: `1${n % 7}.${Math.floor(n / 700)}.${Math.floor(n / 7) % 100}`,
      date: null,
      security: false,
    }));
    for (let done = 0; done < RELEASES; done += MOST_IMPORTED) {
      await ask(server, 'POST', '/releases/import', releases.slice(done, done + MOST_IMPORTED));
    }
    for (const [method, path, body] of [null, ...REQUESTS].map((each) => each ?? ['–', 'nothing'])) {
      const polls = watchPolls(server);
      const answers = method === '–' ? await sleep(2_000, {}) : await flood(server, method, path, body);
      const waits = await polls.stop();
      print({
        request: `${method} ${path.replace(API, '')}`,
        answers: Object.entries(answers)
          .map(([status, count]) => `${count} × ${status}`)
          .join(', '),
        polls: waits.length,
        p99: milliseconds(quantile(waits, 0.99)),
        longest: milliseconds(Math.max(...waits)),
      });
    }
  });

/** Sends the requests from a thread of their own, and counts the answers by status. */
function flood({ operatorPort }, method, path, body) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { operatorPort, method, path, body } });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function ask500({ operatorPort, method, path, body }) {
  // A few less than `operator.maxConnections`, which would refuse the rest.
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
  const answers = {};
  const once = () =>
    new Promise((resolve) => {
      const sent = request({ port: operatorPort, method, path, headers, agent }, (response) => {
        answers[response.statusCode] = (answers[response.statusCode] ?? 0) + 1;
        response.on('end', resolve).resume();
      });
      sent.on('error', () => {
        answers.reset = (answers.reset ?? 0) + 1;
        resolve();
      });
      sent.end(body && JSON.stringify(body));
    });
  await Promise.all(Array.from({ length: AT_ONCE }, once));
  agent.destroy();
  return answers;
}

/**
 * At real-time priority, the flood must not keep the polls from being sent: then this thread comes after all others.
 */
function standBack() {
  const [, id] = /task\/(\d+)/.exec(readlinkSync('/proc/thread-self')) ?? [];
  if (id && /SCHED_RR/.test(spawnSync('chrt', ['-p', id]).stdout ?? '')) spawnSync('chrt', ['-r', '-p', '1', id]);
}

if (!isMainThread) standBack();
if (!isMainThread) parentPort.postMessage(await ask500(workerData));
