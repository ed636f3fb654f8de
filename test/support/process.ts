import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { QUICKSTART, type Reply, temporaryDirectory } from './server.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The built programs; `npm test` builds them first. */
export const SERVER = join(ROOT, 'dist/main.js');
export const CLI = join(ROOT, 'dist/cli.js');
export const ADMIN_TOKEN = 'admin-token-of-the-processes';

/** Generous, for a busy machine. */
const START_MS = 15_000;
/** Without a pause, polling would keep a core busy for as long as a test waits. */
const POLL_PAUSE_MS = 4;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running program, and what it has printed so far. */
export interface Program {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  exit: Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** Sends SIGKILL and waits. */
  kill(): Promise<Exit>;
}

export interface FairwayProcess extends Program {
  publicUrl: string;
  operatorUrl: string;
  dir: string;
  /** The lines of its log. */
  logs(): Raw[];
  /** Asks the operator API as an admin. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** What agents of `channel` get. */
  poll(channel?: string): Promise<{ status: number; body: string; headers: Headers }>;
  metric(name: string): Promise<number | undefined>;
}

export interface FairwayOptions {
  /** The working directory, with the data in `data`; temporary unless given. */
  dir?: string;
  /** The content of the file that FAIRWAY_CONFIG names. */
  settings?: Raw;
  env?: Record<string, string>;
}

/** Runs a program with only PATH and HOME of this process's environment; it is killed with the test at the latest. */
export function run(
  command: string,
  args: string[],
  { cwd = ROOT, env = {}, group = false, input = '' } = {},
): Program {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, { cwd, env: { PATH, HOME, ...env }, detached: group });
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk) => (printed[name] += chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const signal = (name: NodeJS.Signals) => send(child, name, group);
  const killAtExit = () => signal('SIGKILL');
  process.once('exit', killAtExit);
  void exit.catch(() => {}).then(() => process.off('exit', killAtExit));
  const kill = () => {
    signal('SIGKILL');
    return exit;
  };
  onTestFinished(() => void kill());
  return {
    pid: child.pid ?? -1,
    get stdout() {
      return printed.stdout;
    },
    get stderr() {
      return printed.stderr;
    },
    exit,
    signal,
    kill,
  };
}

function send(child: ChildProcess, signal: NodeJS.Signals, group: boolean): void {
  if (child.pid === undefined || (!group && child.exitCode !== null)) return;
  try {
    process.kill(group ? -child.pid : child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Runs the built server with `settings` on free ports, without waiting until it is up. */
export function runFairway({ dir = temporaryDirectory(), settings = {}, env = {} }: FairwayOptions = {}): Program {
  const config = join(dir, 'fairway.yaml');
  // JSON is YAML.
  writeFileSync(config, JSON.stringify(settings));
  return run(process.execPath, [SERVER], {
    cwd: dir,
    env: { ...freePorts(dir), FAIRWAY_ADMIN_TOKEN: ADMIN_TOKEN, FAIRWAY_CONFIG: config, ...env },
  });
}

/** The environment with which a server takes free ports and keeps its data in `dir`. */
export const freePorts = (dir: string) => ({
  FAIRWAY_HOST: '127.0.0.1',
  FAIRWAY_PORT: '0',
  FAIRWAY_OPERATOR_PORT: '0',
  FAIRWAY_DATA_DIR: join(dir, 'data'),
});

/** Starts the built server with the quick start's settings, unless others are given, and waits until it is up. */
export async function startFairway(options: FairwayOptions = {}): Promise<FairwayProcess> {
  const dir = options.dir ?? temporaryDirectory();
  const program = runFairway({ settings: QUICKSTART, ...options, dir });
  return client(program, dir, await addresses(program), options.env?.FAIRWAY_ADMIN_TOKEN ?? ADMIN_TOKEN);
}

/** Waits until a starting server logs its addresses, and returns them. */
export async function addresses(program: Program, timeout = START_MS): Promise<{ public: string; operator: string }> {
  let ended = false;
  void program.exit.then(() => {
    ended = true;
  });
  const up = await vi.waitUntil(() => ended || readLogs(program.stdout).find(({ msg }) => msg === 'fairway is up'), {
    timeout,
    interval: 5,
  });
  if (up === true) throw new Error(`the server ended:\n${program.stdout}${program.stderr}`);
  return up as unknown as { public: string; operator: string };
}

function client(
  program: Program,
  dir: string,
  { public: publicUrl, operator: operatorUrl }: { public: string; operator: string },
  token: string,
): FairwayProcess {
  return Object.assign(program, {
    publicUrl,
    operatorUrl,
    dir,
    logs: () => readLogs(program.stdout),
    async api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const response = await fetch(`${operatorUrl}/api/v1${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await response.text();
      const json = /json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
    },
    async poll(channel = 'stable/cloud') {
      const response = await fetch(`${publicUrl}/v1/${channel}/version`);
      return { status: response.status, body: await response.text(), headers: response.headers };
    },
    async metric(name: string) {
      const text = await (await fetch(`${operatorUrl}/metrics`)).text();
      const value = new RegExp(`^${name}(?:{.*})? (.+)$`, 'm').exec(text)?.[1];
      return value === undefined ? undefined : Number(value);
    },
  });
}

/** Parses every complete line that is JSON; the other lines are greetings. */
export function readLogs(stdout: string): Raw[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

/** Polls until stopped, and records every answer that is not a 200 with a body for which `isRight` returns true. */
export function keepPolling(
  { publicUrl }: FairwayProcess,
  isRight: (body: string) => boolean,
  channel = 'stable/cloud',
) {
  const wrong: string[] = [];
  let answered = 0;
  let slowest = 0;
  let polling = true;
  const done = (async () => {
    while (polling) {
      const start = performance.now();
      const reply = await fetch(`${publicUrl}/v1/${channel}/version`, { signal: AbortSignal.timeout(5_000) })
        .then(async (response) => ({ status: response.status, body: await response.text() }))
        .catch((error: Error) => ({ status: 0, body: String(error.cause ?? error) }));
      if (reply.status !== 200 || !isRight(reply.body)) wrong.push(`${reply.status} ${reply.body}`);
      answered++;
      slowest = Math.max(slowest, performance.now() - start);
      await sleep(POLL_PAUSE_MS);
    }
  })();
  onTestFinished(() => {
    polling = false;
  });
  return {
    /** Waits until some more polls were answered. */
    async forAWhile() {
      const enough = answered + 30;
      await vi.waitUntil(() => answered > enough, { timeout: 10_000 });
    },
    async stop() {
      polling = false;
      await done;
      return { answered, wrong, slowest };
    },
  };
}
