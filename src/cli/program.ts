import { Command, Option } from 'commander';
import { version } from '../version.ts';
import { agentCommands } from './commands/agents.ts';
import { auditCommands } from './commands/audit.ts';
import { changeCommands } from './commands/changes.ts';
import { channelSettingCommands } from './commands/channel.ts';
import { channelCommands } from './commands/channels.ts';
import { completionCommands } from './commands/completion.ts';
import { configCommands } from './commands/config.ts';
import { controlPlaneCommands } from './commands/control-planes.ts';
import { doctorCommands } from './commands/doctor.ts';
import { evidenceCommands } from './commands/evidence.ts';
import { freezeCommands } from './commands/freezes.ts';
import { inventoryCommands } from './commands/inventory.ts';
import { loginCommands } from './commands/login.ts';
import { promoteCommands } from './commands/promote.ts';
import { releaseCommands } from './commands/releases.ts';
import { rolloutCommands } from './commands/rollout.ts';
import { scheduledCommands } from './commands/scheduled.ts';
import { stateCommands } from './commands/state.ts';
import { statusCommands } from './commands/status.ts';
import { verbCommands } from './commands/verbs.ts';
import { versionCommands } from './commands/versions.ts';
import { waitCommands } from './commands/wait.ts';
import { type Context, createContext, FORMATS } from './context.ts';
import { addExamples } from './examples.ts';
import { describeUsage } from './usage.ts';

/** Adds the commands of a group. */
type Group = (program: Command, context: Context, env: NodeJS.ProcessEnv) => void;

/** The groups in the order of the help, each under its heading. */
const GROUPS: [heading: string, groups: Group[]][] = [
  [
    'Channels:',
    [
      statusCommands,
      channelCommands,
      verbCommands,
      rolloutCommands,
      scheduledCommands,
      freezeCommands,
      waitCommands,
      channelSettingCommands,
    ],
  ],
  ['Agents:', [agentCommands, evidenceCommands, inventoryCommands]],
  [
    'Releases and control planes:',
    [releaseCommands, promoteCommands, changeCommands, versionCommands, controlPlaneCommands],
  ],
  ['State:', [auditCommands, stateCommands]],
  ['Servers:', [configCommands, doctorCommands]],
  ['This program:', [loginCommands, completionCommands]],
];

/** The whole command line. */
export function createProgram(process: NodeJS.Process): { program: Command; context: Context } {
  const program = new Command('fairway').description('Steers which version Teleport agents upgrade to.');
  if (!asksOfCommand(process.argv.slice(2))) program.version(version);
  program
    .option('--url <url>', 'operator listener (or FAIRWAY_URL; default: where you signed in)')
    .addOption(new Option('-o, --output <format>', 'how to print the result').choices(FORMATS).default('table'))
    .configureOutput({ outputError: (text, write) => write(describeUsage(text)) })
    .showHelpAfterError('(add --help for more)')
    .addHelpText(
      'after',
      '\nExits 0 when done, 1 on an error, 2 on wrong usage, 3 if refused by the gate, 4 on a conflict, ' +
        '5 if stored but not yet replicated, 124 if a command that waits ran out of time.',
    )
    // Commands inherit it.
    .exitOverride();
  const context = createContext(program, process);
  for (const [heading, groups] of GROUPS) {
    program.commandsGroup(heading);
    for (const addCommands of groups) addCommands(program, context, process.env);
  }
  program.helpCommand('help [command]', 'the same as --help');
  addExamples(program);
  return { program, context };
}

/** Options of the program that take a value. */
const WITH_VALUE = ['-o', '--output', '--url'];

/** Is `--version` an option of a command here? Commander would otherwise take it for that of the program. */
function asksOfCommand(words: string[]): boolean {
  const at = words.findIndex((word) => /^--version(=|$)/.test(word));
  const before = words.slice(0, Math.max(at, 0));
  return before.some((word, index) => !word.startsWith('-') && !WITH_VALUE.includes(words[index - 1] ?? ''));
}
