import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cpuSeconds } from './processes.mjs';

const CHECK_IN = fileURLToPath(new URL('./check-in.lua', import.meta.url));
const CONNECTIONS = 32;

/**
 * Drives `url` with wrk on the given cores. Returns { requests, errors, seconds, p50, p99, perSecond, loadCpu }: times
 * in milliseconds; `loadCpu` is the share of its core that the load generator itself used.
 */
export async function drive(cores, url, { seconds, newConnections = false }) {
  const close = newConnections ? ['-H', 'Connection: close'] : [];
  const args = [
    '-c',
    cores,
    'wrk',
    '-t1',
    `-c${CONNECTIONS}`,
    `-d${seconds}s`,
    '--latency',
    '-s',
    CHECK_IN,
    ...close,
    url,
  ];
  const child = spawn('taskset', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  let loadCpu = 0;
  const watch = setInterval(() => {
    try {
      loadCpu = cpuSeconds(child.pid);
    } catch {
      // The load generator has just ended.
    }
  }, 100);
  const [code] = await once(child, 'exit');
  clearInterval(watch);
  const total = /(\d+) requests in ([\d.]+)(s|m)/.exec(output);
  if (code !== 0 || !total) throw new Error(`wrk failed: ${output}`);
  const elapsed = Number(total[2]) * (total[3] === 'm' ? 60 : 1);
  const requests = Number(total[1]);
  return {
    requests,
    errors: Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0),
    seconds: elapsed,
    perSecond: requests / elapsed,
    p50: milliseconds(/50%\s+([\d.]+)(us|ms|s)/.exec(output)),
    p99: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(output)),
    loadCpu: loadCpu / elapsed,
  };
}

const UNITS = { us: 0.001, ms: 1, s: 1000 };
const milliseconds = (match) => (match ? Number(match[1]) * UNITS[match[2]] : Number.NaN);
