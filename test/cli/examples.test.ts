import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { EXAMPLES } from '../../src/cli/examples.ts';
import { createProgram } from '../../src/cli/program.ts';

const { program } = createProgram(process);

const hidden = (command: Command): boolean => (command as unknown as { _hidden: boolean })._hidden;
const acts = (command: Command): boolean =>
  (command as unknown as { _actionHandler: unknown })._actionHandler !== null || command.commands.length === 0;

/** The commands that do something, each with its words. */
function commandsOf(command: Command, path: string[] = []): [string, Command][] {
  return command.commands.flatMap((each): [string, Command][] => {
    const words = [...path, each.name()];
    return [
      ...(acts(each) && !hidden(each) ? [[words.join(' '), each] as [string, Command]] : []),
      ...commandsOf(each, words),
    ];
  });
}

/** The words of a command line, as a shell splits them, from `fairway` to the next redirection. */
function wordsOf(example: string): string[] {
  const [, own = example] = /(?:^|[(| ])fairway ([^)|]*)/.exec(example) ?? [];
  const words = own.split(/ [<>|] /, 1)[0]?.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return words.map((word) => word.replaceAll(/^["']|["']$/g, ''));
}

it.each(commandsOf(program))('the help of %s has an example that could be run', (name, command) => {
  const examples = EXAMPLES[name] ?? [];
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) {
    const words = wordsOf(example);
    const path = name.split(' ');
    // `fairway releases` is `fairway releases list`.
    const rest = words.slice(words[path.length - 1] === path.at(-1) ? path.length : path.length - 1);
    const positional: string[] = [];
    for (let at = 0; at < rest.length; at++) {
      const word = rest[at] ?? '';
      if (!word.startsWith('-')) positional.push(word);
      else {
        const option = command.options.find(({ long, short }) => word === long || word === short);
        expect(option, `${example}: ${word}`).toBeDefined();
        if (option?.required || option?.optional) at++;
      }
    }
    const args = command.registeredArguments;
    expect(positional.length, example).toBeGreaterThanOrEqual(args.filter(({ required }) => required).length);
    expect(positional.length, example).toBeLessThanOrEqual(args.length);
    for (const { long, mandatory } of command.options) if (mandatory) expect(rest, example).toContain(long);
  }
});

it('has no examples of commands that do not exist', () => {
  const names = commandsOf(program).map(([name]) => name);
  expect(Object.keys(EXAMPLES).filter((name) => !names.includes(name))).toEqual([]);
});
