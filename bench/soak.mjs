// Does memory grow? A steady load for some minutes; the first third is warm-up.
import { spawn } from 'node:child_process';
import { startFairway } from './peers.mjs';
import { residentMiB, untilAnswers } from './processes.mjs';
import { median } from './statistics.mjs';

const MINUTES = Number(process.argv[2] ?? 3);
const server = await startFairway('0');
const url = `http://127.0.0.1:${server.port}/v1/stable/cloud/version`;
await untilAnswers(url, 'v16.4.6');
const load = spawn(
  'taskset',
  ['-c', '1', 'wrk', '-t1', '-c100', `-d${MINUTES * 60}s`, '-s', new URL('./paced.lua', import.meta.url).pathname, url],
  {
    env: { ...process.env, PACE: '30' },
  },
);
const samples = [];
const sampler = setInterval(() => samples.push(residentMiB(server.pid)), 2_000);
await new Promise((resolve) => load.once('exit', resolve));
clearInterval(sampler);
const third = Math.floor(samples.length / 3);
const [early, late] = [median(samples.slice(third, 2 * third)), median(samples.slice(2 * third))];
console.log(
  `${MINUTES} min: ${early.toFixed(1)} MiB in the second third, ${late.toFixed(1)} MiB in the last (${(((late - early) / early) * 100).toFixed(1)} %)`,
);
await server.stop();
