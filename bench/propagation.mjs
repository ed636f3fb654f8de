// Measures how long it takes until the last of four replicas serves a change, while all of them answer polls.
import { spawn } from 'node:child_process';
import { Agent, get } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './operator.mjs';
import { startFairway, startRedis } from './peers.mjs';
import { untilAnswers } from './processes.mjs';
import { quantile } from './statistics.mjs';

const REPLICAS = 4;
const CHANGES = Number(process.argv[2] ?? 200);
/** Two changes on each replica, because it compiles code when that first runs. */
const WARM_UP = 2 * REPLICAS;
const PATH = '/v1/stable/cloud/version';

const redis = await startRedis('0,1');
const replicas = [];
for (let i = 0; i < REPLICAS; i++) {
  replicas.push(await startFairway('0,1', { redisUrl: redis.url }));
  await untilAnswers(`http://127.0.0.1:${replicas[i].port}${PATH}`, 'v16.4.6');
}
// The replicas, Redis and this program share two cores: this is about half of what they can handle together.
const loads = replicas.map(({ port }) =>
  spawn(
    'wrk',
    [
      '-t1',
      '-c16',
      '-d600s',
      '-s',
      new URL('./paced.lua', import.meta.url).pathname,
      `http://127.0.0.1:${port}${PATH}`,
    ],
    { env: { ...process.env, PACE: '1' }, stdio: ['ignore', 'pipe', 'ignore'] },
  ),
);
const connections = replicas.map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
const revisions = replicas.map(() => 0);
let wrong = 0;

const times = [];
for (let change = 0; change < WARM_UP + CHANGES; change++) {
  const forward = change % 2 === 0;
  const expected = forward ? 'v16.4.7' : 'v16.4.6';
  const begin = performance.now();
  const seen = replicas.map((_, index) => until(index, expected));
  await ask(replicas[change % REPLICAS], 'POST', `/channels/stable%2Fcloud/${forward ? 'roll-forward' : 'roll-back'}`, {
    reason: 'bench',
    ...(forward ? { version: '16.4.7' } : {}),
  }).catch((error) => {
    // The replica has not seen the previous change yet, which If-Match detects; ask again.
    if (!/revision_mismatch|not_newer|no_previous/.test(error.message)) throw error;
  });
  await Promise.all(seen);
  times.push(performance.now() - begin);
}
const [first] = times.splice(0, WARM_UP);
const rates = await Promise.all(loads.map(endLoad));
const rate = Math.round(rates.reduce((sum, each) => sum + each, 0));
console.log(
  `${CHANGES} changes, ${REPLICAS} replicas that answer ${rate} polls a second: from the operator's request to the last replica's answer p50 ${quantile(times, 0.5).toFixed(0)} ms, p99 ${quantile(times, 0.99).toFixed(0)} ms (the very first ${first.toFixed(0)} ms); ${wrong} wrong or older answers`,
);
for (const replica of replicas) await replica.stop();
await redis.stop();

/** Ends a load, and returns how many polls a second it made. */
async function endLoad(load) {
  load.kill('SIGINT');
  const output = await text(load.stdout);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
}

async function until(index, expected) {
  for (;;) {
    const { status, body, revision } = await poll(index);
    if (status !== 200 || revision < revisions[index]) wrong++;
    revisions[index] = revision;
    if (body === expected) return;
    // Without a pause this program would use a whole core.
    await sleep(2);
  }
}

function poll(index) {
  return new Promise((resolve, reject) => {
    get({ port: replicas[index].port, path: PATH, agent: connections[index] }, (response) => {
      let body = '';
      response.on('data', (data) => (body += data));
      response.on('end', () =>
        resolve({ status: response.statusCode, body, revision: Number(response.headers['fairway-revision']) }),
      );
    }).on('error', reject);
  });
}
