import { Command, Option } from 'commander';
import { version } from '../version.ts';
import { channelCommands } from './commands/channels.ts';
import { releaseCommands } from './commands/releases.ts';
import { verbCommands } from './commands/verbs.ts';
import { type Context, createContext, FORMATS } from './context.ts';

/** Each adds the commands of its group. */
const GROUPS: ((program: Command, context: Context) => void)[] = [channelCommands, verbCommands, releaseCommands];

/** The whole command line. */
export function createProgram(process: NodeJS.Process): { program: Command; context: Context } {
  const program = new Command('fairway')
    .description('Steers which version automatic Teleport agent upgrades go to.')
    .version(version)
    .option('--url <url>', 'operator listener (or FAIRWAY_URL; default: where you signed in)')
    .addOption(new Option('-o, --output <format>', 'how to print the result').choices(FORMATS).default('table'))
    .showHelpAfterError('(--help tells more)')
    .addHelpText(
      'after',
      '\nExits 0 when done, 1 on an error, 2 on wrong usage, 3 when refused by the gate, 4 on a conflict.',
    )
    // Commands inherit it.
    .exitOverride();
  const context = createContext(program, process);
  for (const addCommands of GROUPS) addCommands(program, context);
  return { program, context };
}
