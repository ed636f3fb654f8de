// Does memory grow? `node bench/soak.mjs [minutes] [polls a second]`: a steady load with check-ins. Compares the memory
// after ten minutes, or half of a shorter time, with the memory at the end; fails if a poll or anything else leaks.
import { spawn } from 'node:child_process';
import { startFairway } from './peers.mjs';
import { anonymousMiB, untilAnswers } from './processes.mjs';
import { median } from './statistics.mjs';

const MINUTES = Number(process.argv[2] ?? 3);
const RATE = Number(process.argv[3] ?? 3_000);
const CONNECTIONS = 100;
const WARM_MINUTES = Math.min(10, MINUTES / 2);
const PARTS = 12;
/** A share of the memory after the warm-up. In a short run the garbage collector alone makes a larger difference. */
const MOST_GROWTH = MINUTES >= 60 ? 0.05 : 0.5;

const server = await startFairway('0');
const url = `http://127.0.0.1:${server.port}/v1/stable/cloud/version`;
await untilAnswers(url, 'v16.4.6');
const script = new URL('./paced.lua', import.meta.url).pathname;
const args = ['-c', '1', 'wrk', '-t1', `-c${CONNECTIONS}`, `-d${MINUTES * 60}s`, '-s', script, url];
const load = spawn('taskset', args, { env: { ...process.env, PACE: String((1_000 * CONNECTIONS) / RATE) } });
const samples = [];
const sampler = setInterval(() => samples.push(anonymousMiB(server.pid)), 500);
await new Promise((resolve) => load.once('exit', resolve));
clearInterval(sampler);
await server.stop();

const part = (n) => median(samples.slice((n * samples.length) / PARTS, ((n + 1) * samples.length) / PARTS));
const parts = Array.from({ length: PARTS }, (_, n) => part(n));
const [early, late] = [parts[Math.floor((PARTS * WARM_MINUTES) / MINUTES)], parts.at(-1)];
const growth = (late - early) / early;
console.log(`MiB, a median each twelfth of the time: ${parts.map((mib) => mib.toFixed(1)).join(', ')}`);
console.log(
  `${RATE} polls a second for ${MINUTES} min: ${early.toFixed(1)} MiB after ${WARM_MINUTES} min, ${late.toFixed(1)} MiB at the end (${(growth * 100).toFixed(1)} %)`,
);
if (growth > MOST_GROWTH) throw new Error(`memory grew by more than ${MOST_GROWTH * 100} %`);
