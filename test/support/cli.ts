import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { bundle } from '../../scripts/bundle.mjs';
import type { Role } from '../../src/domain/role.ts';
import type { RunningServer } from '../../src/server.ts';
import { TOKENS, temporaryDirectory } from './server.ts';

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Standard input; empty unless given. */
  input?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

let bundled: Promise<string> | undefined;

/** The program as it ships, bundled once for each test file. */
export function buildCli(): Promise<string> {
  bundled ??= (async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fairway-cli-'));
    process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
    await bundle('src/cli/main.ts', join(dir, 'cli.mjs'), { executable: true });
    return join(dir, 'cli.mjs');
  })();
  return bundled;
}

/** Runs the command line without a terminal, in an environment with only the variables of `env`. */
export async function runCli(args: string[], { input, env = {}, cwd }: RunOptions = {}): Promise<Finished> {
  const child = spawn(process.execPath, [await buildCli(), ...args], {
    cwd,
    env: { PATH: process.env.PATH, TZ: 'UTC', ...env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const closed = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  // The program may end before it has read everything.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}

/** The environment of a person with the given role on `server`, with their own home directory. */
export function signedIn(server: RunningServer, role: Role = 'admin'): NodeJS.ProcessEnv {
  return { FAIRWAY_URL: server.operatorUrl, FAIRWAY_TOKEN: TOKENS[role], HOME: temporaryDirectory() };
}

/** The command line of a person who is signed in to `server`. */
export function commandLine(server: RunningServer, role: Role = 'admin') {
  const env = signedIn(server, role);
  return (args: string[], options: RunOptions = {}) => runCli(args, { ...options, env: { ...env, ...options.env } });
}

const HASH = '84c90c20025fb0b4a176873197c53ad51b8067272253dad2d36a5ef637516be9';

/** Output as it is kept: the server at its usual address, and one hash for all, because new fields change hashes. */
export const asKept = (output: string, server: RunningServer): string =>
  output.replaceAll(server.operatorUrl, USUAL_URL).replaceAll(/\b[0-9a-f]{64}\b/g, HASH);

export const USUAL_URL = 'http://127.0.0.1:8081';
