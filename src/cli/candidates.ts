import type { Argument, Command, Option } from 'commander';
import { type Api, readAll } from './client.ts';
import type { Channel, ControlPlane, Release } from './types.ts';

/** Completion gives up after this: a person who pressed Tab does not wait longer. */
const DEADLINE_MS = 1_500;

type Names = (api: Api) => Promise<string[]>;

/** Names that only the server knows, by the name of the argument or option. */
const NAMES: Record<string, Names> = {
  channel: async (api) => (await ask<'channels', Channel>(api, 'channels')).map(({ name }) => name),
  'control-plane': async (api) =>
    (await ask<'controlPlanes', ControlPlane>(api, 'controlPlanes', '/control-planes')).map(({ name }) => name),
  version: async (api) => (await ask<'releases', Release>(api, 'releases')).map(({ version }) => version),
};
NAMES.at = NAMES['older-than'] = NAMES.version as Names;

const ask = async <N extends string, T>(api: Api, list: N, path = `/${list}`): Promise<T[]> =>
  (await readAll<N, T>(api, path, list, { deadline: DEADLINE_MS }))[list];

/**
 * Completes the last of `words`, which may be empty. Returns nothing where a file is expected, or if the server does
 * not answer.
 */
export async function findCandidates(program: Command, words: string[], api: Api): Promise<string[]> {
  const begun = words.at(-1) ?? '';
  const place = findPlace(program, words.slice(0, -1));
  const all = await place.candidates(begun, api).catch(() => []);
  return all.filter((candidate) => candidate.startsWith(begun));
}

/** Finds where the words before lead: to the value of an option, or to an argument of a command. */
function findPlace(program: Command, words: string[]) {
  let command = program;
  let index = 0;
  let pending: Option | undefined;
  for (const word of words) {
    if (pending) pending = undefined;
    else if (word.startsWith('-')) pending = findOption(program, command, word);
    else {
      const inner = index === 0 ? command.commands.find((candidate) => candidate.name() === word) : undefined;
      if (inner) command = inner;
      else index++;
    }
  }
  return {
    async candidates(begun: string, api: Api): Promise<string[]> {
      if (pending) return valuesOf(pending, api);
      if (begun.startsWith('-')) return [...optionsOf(command), ...optionsOf(program), '--help'];
      const inner = index === 0 ? command.createHelp().visibleCommands(command) : [];
      const argument = command.registeredArguments[index];
      const values = argument ? await valuesOf(argument, api) : [];
      return [...inner.map((each) => each.name()), ...values];
    },
  };
}

/** The option that a word names, if it takes the next word as its value. */
function findOption(program: Command, command: Command, word: string): Option | undefined {
  const option = [...command.options, ...program.options].find(({ long, short }) => long === word || short === word);
  return option?.required ? option : undefined;
}

const optionsOf = ({ options }: Command): string[] =>
  options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []));

async function valuesOf(value: Option | Argument, api: Api): Promise<string[]> {
  return value.argChoices ?? (await NAMES[value.name()]?.(api)) ?? [];
}
