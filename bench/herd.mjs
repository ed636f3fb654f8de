// 10,000 polls a second, half of them on new connections, then 20,000 connections at once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startFairway } from './peers.mjs';
import { anonymousMiB, cpuSeconds, maxOpenFiles, untilAnswers } from './processes.mjs';
import { median } from './statistics.mjs';

const SECONDS = Number(process.argv[2] ?? 30);
const PATH = '/v1/stable/cloud/version';

const server = await startFairway('0');
const url = `http://127.0.0.1:${server.port}${PATH}`;
await untilAnswers(url, 'v16.4.6');

const memory = [];
const sampler = setInterval(() => memory.push(anonymousMiB(server.pid)), 1_000);
const before = cpuSeconds(server.pid);
const outputs = await Promise.all([paced(0, []), paced(500_000, ['-H', 'Connection: close'])]);
const busy = (cpuSeconds(server.pid) - before) / SECONDS;
clearInterval(sampler);
for (const [index, name] of ['keep-alive', 'new connections'].entries()) {
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(outputs[index]) ?? [];
  const [, p99] = /99%\s+(\S+)/.exec(outputs[index]) ?? [];
  const errors = /(Socket errors.*|Non-2xx.*)/.exec(outputs[index])?.[1] ?? 'no error';
  console.log(`${name}: ${Math.round(rate)} polls/s, p99 ${p99}, ${errors}`);
}
const tenth = (n) => memory.slice((n * memory.length) / 10, ((n + 1) * memory.length) / 10);
const course = Array.from({ length: 10 }, (_, n) => median(tenth(n)).toFixed(0)).join(' → ');
console.log(
  `${SECONDS} s, the server ${Math.round(busy * 100)} % of a core, memory, a median each tenth of the time: ${course} MiB`,
);

// Both sides also need some other files.
await rush(Math.min(20_000, maxOpenFiles() - 200), 10);
await server.stop();

/** 500 connections that poll every 100 ms. */
async function paced(firstAgent, extra) {
  const script = new URL('./paced.lua', import.meta.url).pathname;
  const child = spawn(
    'taskset',
    ['-c', '1', 'wrk', '-t1', '-c500', `-d${SECONDS}s`, '--latency', '-s', script, ...extra, url],
    {
      env: { ...process.env, PACE: '99', FIRST_AGENT: String(firstAgent), AGENTS: '500000' },
    },
  );
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  await once(child, 'exit');
  return output;
}

/** Opens `count` connections at once, each of which polls until the time is up. */
async function rush(count, seconds) {
  const args = ['-c', '1', 'wrk', '-t1', `-c${count}`, `-d${seconds}s`, '--timeout', '20s', '--latency', url];
  const child = spawn('taskset', args);
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  await once(child, 'exit');
  const [, requests] = /(\d+) requests in/.exec(output) ?? [];
  const [, p99] = /99%\s+(\S+)/.exec(output) ?? [];
  const errors = /(Socket errors.*|Non-2xx.*)/.exec(output)?.[1] ?? 'no error';
  console.log(`${count} connections at once for ${seconds} s: ${requests} polls, p99 ${p99}, ${errors}`);
}
