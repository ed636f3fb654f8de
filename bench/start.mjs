// Measures the time from the start of the process to the first right answer, and the memory of an idle server.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFairway, startRedis } from './peers.mjs';
import { residentMiB } from './processes.mjs';
import { median } from './statistics.mjs';

const ROUNDS = 11;
const redis = await startRedis('1');
for (const [name, redisUrl] of [
  ['embedded', null],
  ['redis', redis.url],
]) {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-'));
  const times = [];
  const memories = [];
  for (let round = 0; round < ROUNDS; round++) {
    const server = await startFairway('0', { redisUrl, dir });
    const begin = performance.now();
    await firstAnswer(server.port);
    // The first round fills the store, so it does not count.
    if (round > 0) times.push(performance.now() - begin);
    await sleep(1_000);
    memories.push(residentMiB(server.pid));
    await server.stop();
  }
  rmSync(dir, { recursive: true });
  console.log(
    `${name}: first answer after ${median(times).toFixed(0)} ms, ${median(memories).toFixed(0)} MiB when idle (medians of ${ROUNDS - 1})`,
  );
}
await redis.stop();

async function firstAnswer(port) {
  while (!(await answers(port))) await sleep(2);
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /v1/stable/cloud/version HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n'),
    );
    let text = '';
    socket.on('data', (data) => (text += data));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(text.endsWith('v16.4.6')));
  });
}
