import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { buildCli, runCli, signedIn } from '../support/cli.ts';
import { findProgram } from '../support/packages.ts';
import { startServer, temporaryDirectory } from '../support/server.ts';

/** An environment in which `fairway` is a command, as after an installation. */
async function installed(env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const bin = temporaryDirectory();
  const program = await buildCli();
  chmodSync(program, 0o755);
  symlinkSync(program, join(bin, 'fairway'));
  return { ...env, PATH: [bin, process.env.PATH].join(delimiter) };
}

// What the shells do when a person presses Tab: set the words and the index at the cursor, then call the function.
const BASH = `
source <(fairway completion bash) || exit 1
press() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  _fairway
  printf '%s\\n' "\${COMPREPLY[@]}" --
}`;

const ZSH = `
autoload -Uz compinit && compinit -u -D
source <(fairway completion zsh) || exit 1
compadd() { shift; print -l -- \${(P)1}; }
_files() { print }
press() {
  words=("$@") CURRENT=$#
  _fairway
  print -- --
}`;

/** Returns what the shell offers for each line, whose last word is being typed. */
async function press(shell: string[], script: string, lines: string[][], env: NodeJS.ProcessEnv): Promise<string[][]> {
  const presses = lines.map((line) => `press ${line.map((word) => `'${word}'`).join(' ')}`);
  const [file = '', ...args] = shell;
  const child = spawn(file, [...args, [script, ...presses].join('\n')], { env });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(stderr).toBe('');
  return stdout
    .split('--\n')
    .slice(0, -1)
    .map((offered) => offered.trim().split('\n'));
}

const LONG = 60_000;

const CASES: [string, string[], string[]][] = [
  ['commands', ['fairway', 'roll'], ['roll-forward', 'roll-back', 'rollout']],
  ['commands of a group', ['fairway', 'audit', ''], ['list', 'verify', 'archive', 'help']],
  ['channels, asked from the server', ['fairway', 'show', ''], ['beta', 'stable/cloud']],
  ['the rest of a channel', ['fairway', 'roll-back', 'stable/'], ['stable/cloud']],
  ['channels as the value of an option', ['fairway', 'agents', '--channel', 'be'], ['beta']],
  ['channels after options', ['fairway', '-o', 'json', 'pin', '--reason', 'x', 'be'], ['beta']],
  ['control planes', ['fairway', 'control-planes', 'check', ''], ['main']],
  ['formats', ['fairway', 'channels', '-o', ''], ['table', 'json', 'yaml']],
  [
    'options',
    ['fairway', 'apply', '--'],
    ['--yes', '--dry-run', '--override-freeze', '--version', '--url', '--output', '--help'],
  ],
  ['shells', ['fairway', 'completion', 'z'], ['zsh']],
];

const withBeta = () =>
  startServer({
    bootstrap: { controlPlanes: { main: '16.4.7' }, channels: [{ name: 'stable/cloud' }, { name: 'beta' }] },
  });

const LINES = CASES.map(([, line]) => line);
const EXPECTED = CASES.map(([, , offered]) => offered);

it(
  'completes in bash',
  async () => {
    const env = await installed(signedIn(await withBeta()));
    expect(await press(['bash', '-c'], BASH, LINES, env)).toEqual(EXPECTED);
  },
  LONG,
);

it.skipIf(!findProgram('zsh'))(
  'completes in zsh (needs zsh)',
  async () => {
    const env = await installed(signedIn(await withBeta()));
    expect(await press(['zsh', '-fc'], ZSH, LINES, env)).toEqual(EXPECTED);
  },
  LONG,
);

it.skipIf(!findProgram('fish'))(
  'completes in fish (needs fish)',
  async () => {
    const env = await installed(signedIn(await withBeta()));
    const lines = LINES.map((line) => `complete -C '${line.join(' ')}'; echo ==`);
    const child = spawn('fish', ['-Nc', ['fairway completion fish | source', ...lines].join('\n')], { env });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(stderr).toBe('');
    const offered = stdout.split('==\n').slice(0, -1);
    expect(offered.map((each) => each.trim().split('\n').sort())).toEqual(EXPECTED.map((each) => each.toSorted()));
  },
  LONG,
);

it.each([
  ['the server does not answer', { FAIRWAY_URL: 'http://127.0.0.1:3', FAIRWAY_TOKEN: 'x' }],
  ['the user is not signed in', {}],
])(
  'offers nothing and prints nothing if %s',
  async (_, env) => {
    const offered = await press(
      ['bash', '-c'],
      BASH,
      [['fairway', 'show', '']],
      await installed({ HOME: temporaryDirectory(), ...env }),
    );
    expect(offered).toEqual([['']]);
  },
  LONG,
);

it(
  'does not wait for a silent server',
  async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const FAIRWAY_URL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const env = await installed({ HOME: temporaryDirectory(), FAIRWAY_URL, FAIRWAY_TOKEN: 'x' });
    expect(await press(['bash', '-c'], BASH, [['fairway', 'show', '']], env)).toEqual([['']]);
  },
  LONG,
);

it('refuses other shells', async () => {
  expect(await runCli(['completion', 'csh'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('SHELL: "csh" is not a choice; write one of bash, zsh, fish, powershell'),
  });
});
