import { spawn, spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { onTestFinished } from 'vitest';
import { buildCli } from './cli.ts';

/** Only `script` can provide a terminal. Debian always has it (bsdutils). */
export const hasTerminal =
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;

/** The text to wait for on the screen, and what is then typed. */
export type Talk = [seen: string | RegExp, typed: string | (() => Promise<string>)][];

export const CTRL_C = '\x03';
export const CTRL_D = '\x04';

export interface TerminalOptions {
  env: NodeJS.ProcessEnv;
  columns?: number;
}

/** Runs the command line on a pseudo-terminal. `screen` is what it shows, without control sequences; `raw` has them. */
export async function onTerminal(args: string[], { env, columns = 100 }: TerminalOptions, talk: Talk = []) {
  const command = [process.execPath, await buildCli(), ...args].map(quote).join(' ');
  const child = spawn('script', ['-qefc', `stty cols ${columns} rows 40; exec ${command}`, '/dev/null'], {
    env: { PATH: process.env.PATH, TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let raw = '';
  let from = 0;
  const todo = [...talk];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    raw += chunk;
    const [next] = todo;
    const unread = stripVTControlCharacters(raw.slice(from));
    if (!next || !(typeof next[0] === 'string' ? unread.includes(next[0]) : next[0].test(unread))) return;
    from = raw.length;
    todo.shift();
    const [, typed] = next;
    if (typeof typed === 'string') child.stdin.write(typed);
    else void typed().then((text) => child.stdin.write(text));
  });
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  const screen = stripVTControlCharacters(raw).replaceAll('\r', '');
  return { code, screen, raw, unsaid: todo };
}

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
