// Compares several processes with one: CPU per poll, and polls per second on all cores.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drive } from './load.mjs';
import { startFairway } from './peers.mjs';
import { cpuSeconds, untilAnswers } from './processes.mjs';
import { median } from './statistics.mjs';

const ROUNDS = 5;
const samples = new Map();
for (let round = 0; round < ROUNDS; round++) {
  for (const workers of [1, 2]) {
    for (const newConnections of [false, true]) {
      const server = await startFairway('0,1', { env: { FAIRWAY_CONFIG: configFor(workers) } });
      const url = `http://127.0.0.1:${server.port}/v1/stable/cloud/version`;
      await untilAnswers(url, 'v16.4.6');
      await drive('0,1', url, { seconds: 1, newConnections });
      const before = cpuSeconds(server.pid);
      const load = await drive('0,1', url, { seconds: 2, newConnections });
      const key = `${workers} ${workers === 1 ? 'process' : 'workers'}, ${newConnections ? 'new connections' : 'keep-alive'}`;
      const sample = { cpu: ((cpuSeconds(server.pid) - before) * 1e6) / load.requests, perSecond: load.perSecond };
      samples.set(key, [...(samples.get(key) ?? []), sample]);
      await server.stop();
    }
  }
}
for (const [key, all] of samples) {
  const cpu = median(all.map((sample) => sample.cpu));
  const perSecond = median(all.map((sample) => sample.perSecond));
  console.log(
    `${key}: ${cpu.toFixed(1)} µs a poll, ${Math.round(perSecond)} polls/s (load generator on the same two cores)`,
  );
}

function configFor(workers) {
  const file = join(mkdtempSync(join(tmpdir(), 'fairway-bench-')), 'fairway.yaml');
  writeFileSync(
    file,
    JSON.stringify({ workers, bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6' }] } }),
  );
  return file;
}
