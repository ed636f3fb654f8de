import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';

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
