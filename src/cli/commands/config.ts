import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { count } from '../../domain/words.ts';
import type { Context } from '../context.ts';
import { EXIT, UsageError } from '../errors.ts';
import { item, type Screen, sentence } from '../layout.ts';

/** The shipped settings, next to the bundle's directory. */
const DEFAULTS = fileURLToPath(new URL('../config/default.yaml', import.meta.url));

/** `config check`: what is wrong with the settings of a server, before it starts. */
export function configCommands(program: Command, context: Context, env: NodeJS.ProcessEnv): void {
  program
    .command('config')
    .description('check the settings of a server')
    .command('check')
    .description('report every fault of a settings file and of the files that it names; starts nothing, exits 2 if any')
    .argument('[file]', 'settings that are merged over the shipped ones, as FAIRWAY_CONFIG names them')
    .action(async (argument: string | undefined) => {
      const file = argument ?? env.FAIRWAY_CONFIG;
      if (!file) throw new UsageError('name the file with the settings: fairway config check FILE');
      if (!existsSync(DEFAULTS)) throw new Error(`${DEFAULTS} is missing; run this where Fairway is installed`);
      // Only this command needs the schema of the settings.
      const { checkSettings } = await import('../../config/check.ts');
      const faults = await checkSettings(DEFAULTS, { ...env, FAIRWAY_CONFIG: file });
      if (faults.length > 0) context.exitCode = EXIT.usage;
      context.show({ file, faults }, (screen) => faultSheet(screen, file, faults));
    });
}

function faultSheet(screen: Screen, file: string, faults: string[]): string {
  if (faults.length === 0) return sentence(screen, `${file} is valid: a server can start with it`);
  const head = sentence(screen, `${file} has ${count(faults.length, 'fault')}; a server would not start with it:`);
  return [head, ...faults.map((fault) => item(screen, fault))].join('\n');
}
