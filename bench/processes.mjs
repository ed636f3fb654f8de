import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** Whether `name` is a program on this machine. */
export const has = (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a program on the given cores; `stop` ends it and waits. */
export function run(cores, command, args, env = {}) {
  const child = spawn('taskset', ['-c', cores, command, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const ended = once(child, 'exit');
  return {
    pid: child.pid,
    output: () => output,
    ended,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null) child.kill(signal);
      await ended;
    },
  };
}

const TICKS_A_SECOND = 100;

/** The CPU seconds, user and system, that a process and its children have used. */
export function cpuSeconds(pid) {
  let ticks = 0;
  for (const each of [pid, ...childrenOf(pid)]) {
    const stat = readFileSync(`/proc/${each}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_A_SECOND;
}

/** Resident memory of a process in MiB. */
export const residentMiB = (pid) => statusMiB(pid, 'VmRSS');

/** The same without the pages of files, such as an embedded store's, which the kernel can reclaim. */
export const anonymousMiB = (pid) => statusMiB(pid, 'RssAnon');

function statusMiB(pid, field) {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line[1]) / 1024;
}

/** The number of files, and so connections, that a process may have open. */
export function maxOpenFiles() {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))[1]);
}

function childrenOf(pid) {
  const children = [];
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const list = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
    for (const child of list ? list.split(' ') : []) children.push(Number(child), ...childrenOf(Number(child)));
  }
  return children;
}

/** Requests `url` until it answers with exactly `body`; throws the last difference after ten seconds. */
export async function untilAnswers(url, body) {
  const end = Date.now() + 10_000;
  for (;;) {
    const got = await fetch(url).then(
      (response) => response.text(),
      (error) => error.cause?.code ?? error.message,
    );
    if (got === body) return;
    if (Date.now() > end) throw new Error(`${url} answers ${JSON.stringify(got)}, not ${JSON.stringify(body)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
