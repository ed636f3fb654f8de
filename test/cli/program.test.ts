import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';

const { program } = createProgram(process);
const within = (command: Command): Command[] => [command, ...command.commands.flatMap(within)];
const commands = within(program).slice(1);

const flags = ({ options }: Command) => options.flatMap(({ long, short }) => [long, short].filter(Boolean));

it('gives no command an option that the program itself has', () => {
  const taken = new Set(flags(program));
  expect(commands.flatMap((command) => flags(command).filter((flag) => taken.has(flag)))).toEqual([]);
});

it('describes every command', () => {
  const visible = commands.filter((command) => command.name() !== 'complete');
  expect(visible.filter((command) => command.description() === '').map((command) => command.name())).toEqual([]);
});
