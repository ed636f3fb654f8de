import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { describeUsage } from '../../src/cli/usage.ts';

const { program } = createProgram(process);
const within = (command: Command): Command[] => [command, ...command.commands.flatMap(within)];
const commands = within(program).slice(1);

const flags = ({ options }: Command) => options.flatMap(({ long, short }) => [long, short].filter(Boolean));

// `fairway agents --version 16.4.6`: the program leaves it to the command.
const LEFT_TO_COMMANDS = ['--version'];

it('gives no command an option that the program itself has', () => {
  const taken = new Set(flags(program).filter((flag) => !LEFT_TO_COMMANDS.includes(flag ?? '')));
  expect(commands.flatMap((command) => flags(command).filter((flag) => taken.has(flag)))).toEqual([]);
});

it.each([
  [['--version'], true],
  [['-o', 'json', '--version'], true],
  [['agents', '--version', '?'], false],
  [['-o', 'json', 'evidence', 'forget', 'beta', '--version=16.4.6'], false],
  [['agents'], true],
])('takes %j for a question about its own version: %s', (words, own) => {
  const { program: asked } = createProgram({ ...process, argv: ['node', 'fairway', ...words] } as NodeJS.Process);
  expect(flags(asked).includes('--version')).toBe(own);
});

it('describes every command', () => {
  const visible = commands.filter((command) => command.name() !== 'complete');
  expect(visible.filter((command) => command.description() === '').map((command) => command.name())).toEqual([]);
});

it.each([
  ["error: missing required argument 'channel'\n", 'fairway: CHANNEL is missing\n'],
  ["error: required option '--before <time>' not specified\n", 'fairway: --before is missing\n'],
  ["error: option '-r, --reason <text>' argument missing\n", 'fairway: --reason needs a text\n'],
  [
    "error: option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are table, json, yaml.\n",
    'fairway: --output: "xml" is not a choice; write one of table, json, yaml\n',
  ],
  [
    "error: option '--limit <n>' argument '0' is invalid. It must be a whole number of at least 1.\n",
    'fairway: --limit: "0" is not valid; write a whole number of at least 1\n',
  ],
  [
    "error: command-argument value 'fsh' is invalid for argument 'shell'. Allowed choices are bash, zsh.\n",
    'fairway: SHELL: "fsh" is not a choice; write one of bash, zsh\n',
  ],
  [
    "error: unknown command 'shwo'\n(Did you mean show?)\n",
    'fairway: there is no command shwo\n(Did you mean show?)\n',
  ],
  ["error: unknown option '--resaon'\n", 'fairway: there is no option --resaon\n'],
  [
    "error: too many arguments for 'show'. Expected 1 argument but got 2.\n",
    'fairway: 2 arguments are too many; write 1\n',
  ],
])('says %j as all other errors are said', (text, said) => {
  expect(describeUsage(text)).toBe(said);
});
