import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from './packages.ts';

export interface RedisOptions {
  port?: number;
  /** The data directory; if it is given, stop() keeps it. */
  dir?: string;
  args?: string[];
  /** Lines of a configuration; if they are given, the server is a sentinel. */
  sentinel?: string[];
}

export interface RedisProcess {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  readonly pid: number;
  /** Sends SIGKILL: data that was not yet on disk is lost. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  /** Stops the process: the port stays open, but nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Starts again with the same port and data; ends the running server first. */
  restart(): Promise<void>;
}

function redisServer(): string {
  const installed = findProgram('redis-server');
  if (installed) return installed;
  throw new Error(
    'The tests need redis-server on PATH: `apt-get install redis-server`, `brew install redis`, or https://redis.io/docs',
  );
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** True for +PONG, and for -NOAUTH if a user is required; a server that is still loading answers -LOADING. */
async function answersPing(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.setTimeout(1000, () => socket.destroy(new Error('no answer')));
    socket.write('PING\r\n');
    const [reply] = await once(socket, 'data');
    return /^(\+PONG|-NOAUTH)/.test(String(reply));
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function launch(binary: string, port: number, dir: string, config: string[], args: string[]) {
  const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'];
  const child = spawn(binary, [...config, ...base, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-4000);
    });
  }
  const exited = new Promise<void>((resolve) => {
    child.once('error', (err) => {
      output += err.message;
      resolve();
    });
    child.once('exit', () => resolve());
  });
  let running = true;
  void exited.then(() => {
    running = false;
  });

  const end = async (signal: NodeJS.Signals) => {
    const send = () => {
      child.kill(signal);
      // A frozen server handles its SIGTERM only when it runs again.
      child.kill('SIGCONT');
    };
    send();
    // A replica refuses to end while it writes its first append-only file.
    const again = setInterval(send, 100);
    await exited;
    clearInterval(again);
  };

  const deadline = Date.now() + 10_000;
  while (!(await answersPing(port))) {
    if (running && Date.now() < deadline) {
      await sleep(10);
      continue;
    }
    if (running) await end('SIGKILL');
    throw new Error(`redis-server did not start on port ${port}:\n${output}`);
  }
  // Another process may answer on a port that this server could not get.
  if (!running) throw new Error(`redis-server ended on port ${port}:\n${output}`);
  return { child, end };
}

/** Sentinels write what they learn into their configuration. */
async function sentinelConfig(dir: string, lines: string[]): Promise<string> {
  const file = join(dir, 'sentinel.conf');
  await writeFile(file, lines.join('\n'));
  return file;
}

/** Starts a server, on a free port unless one is given. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisProcess> {
  for (let left = 3; ; left--) {
    try {
      return await startOn(options.port ?? (await freePort()), options);
    } catch (error) {
      // A connection of another test may have taken the port since.
      const taken = /address already in use/i.test((error as Error).message);
      if (!taken || options.port !== undefined || left === 1) throw error;
    }
  }
}

async function startOn(port: number, options: RedisOptions): Promise<RedisProcess> {
  const binary = redisServer();
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'fairway-redis-')));
  const clean = async () => {
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const start = async () =>
    options.sentinel
      ? launch(binary, port, dir, [await sentinelConfig(dir, options.sentinel)], ['--sentinel'])
      : launch(binary, port, dir, [], [...durable, ...(options.args ?? [])]);
  let server = await start().catch(async (err) => {
    await clean();
    throw err;
  });

  // An interrupted test run must not leave servers behind.
  const killAtExit = () => server.child.kill('SIGKILL');
  process.once('exit', killAtExit);

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return server.child.pid ?? -1;
    },
    kill: () => server.end('SIGKILL'),
    async stop() {
      await server.end('SIGTERM');
      process.off('exit', killAtExit);
      await clean();
    },
    freeze: () => void server.child.kill('SIGSTOP'),
    thaw: () => void server.child.kill('SIGCONT'),
    async restart() {
      await server.end('SIGTERM');
      server = await start();
    },
  };
}
