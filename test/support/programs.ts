import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles a TypeScript program that imports from `src/`, to run in its own process. Returns its file. */
export async function bundle(contents: string): Promise<string> {
  // Inside the repository, where the program finds its packages.
  const cache = join(ROOT, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'fairway-program-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const program = join(directory, 'program.mjs');
  await build({
    stdin: { contents, resolveDir: resolve(ROOT, 'src'), loader: 'ts' },
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    define: { FAIRWAY_VERSION: '"0.0.0-test"' },
  });
  return program;
}

export interface RunningProgram {
  process: ChildProcess;
  /** The lines that it has printed. */
  lines: string[];
}

/** Starts a bundled program, which is killed with the test. */
export function run(program: string, args: string[], env: NodeJS.ProcessEnv = {}): RunningProgram {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  // SIGKILL also ends a program that was stopped.
  onTestFinished(() => void child.kill('SIGKILL'));
  return { process: child, lines };
}
