import { type Command, Option } from 'commander';
import { parse } from 'yaml';
import { channelPath } from '../client.ts';
import {
  type ConsentOptions,
  readCount,
  requireConsent,
  requireReason,
  requireTerminal,
  withConsent,
} from '../consent.ts';
import type { Context } from '../context.ts';
import { difference } from '../difference.ts';
import { ApiError, UsageError } from '../errors.ts';
import { readInput } from '../input.ts';
import { type Cell, pairs, type Screen, sentence } from '../layout.ts';
import { nameOf } from '../text.ts';
import type { Channel } from '../types.ts';

interface SettingOptions extends ConsentOptions {
  file?: string;
  target?: string;
  description?: string;
  accepts?: string;
  purpose?: string;
  controlPlane?: string;
  toolsVersion?: string;
  needsHelm?: boolean;
  prefix?: 'v' | 'none';
  reason?: string;
  acceptStranding?: number;
}

/** `channel create`, `set` and `delete`: the channels themselves; what they serve is steered by the verbs. */
export function channelSettingCommands(program: Command, context: Context): void {
  const group = program.command('channel').description('create, change and delete channels');

  settings(group.command('create'), 'create a channel')
    .option('--target <version>', 'its first target; without it, agents are served none')
    .option(
      '--accept-stranding <n>',
      'override a refusal and strand n agents, the number in the report (needs the role admin)',
      readCount,
    )
    .action((name: string, options: SettingOptions) => createChannel(context, name, options));

  settings(group.command('set'), 'change settings of a channel; what is not named stays').action(
    (name: string, options: SettingOptions) => setChannel(context, name, options),
  );

  withConsent(group.command('delete'))
    .description('delete a channel that no enrolled agent follows')
    .argument('<channel>')
    .action((name: string, options: ConsentOptions) => deleteChannel(context, name, options));
}

const settings = (command: Command, description: string): Command =>
  withConsent(command.description(description))
    .argument('<channel>')
    .option('-f, --file <file>', 'YAML or JSON with settings such as rollout, watch and freezes; - is standard input')
    .option('--description <text>', 'shown to operators')
    .option('--accepts <kinds>', 'the kinds of versions that it may serve: stable,cloud')
    .addOption(
      new Option(
        '--purpose <purpose>',
        'what it is for; without --accepts, it accepts what RFD 12 allows there',
      ).choices(['demo', 'staging', 'production', 'none']),
    )
    .option('--control-plane <name>', "the control plane that its agents connect to; '' for none")
    .option('--tools-version <version>', "the version of client tools; '' for the target")
    .option('--needs-helm', 'refuse releases without Helm charts')
    .option('--no-needs-helm', 'accept releases without Helm charts')
    .addOption(new Option('--prefix <prefix>', 'before the version in answers to agents').choices(['v', 'none']))
    .option('-r, --reason <reason>', 'why, for the audit log');

/** The settings that were named, as the API takes them; an option counts more than the file. */
async function bodyOf(options: SettingOptions): Promise<object> {
  const { file, description, accepts, purpose, controlPlane, toolsVersion, needsHelm, prefix } = options;
  return {
    ...(file === undefined ? {} : await readMapping(file)),
    ...(description === undefined ? {} : { description }),
    ...(accepts === undefined ? {} : { accepts: accepts.split(',').map((kind) => kind.trim()) }),
    ...(purpose === undefined ? {} : { purpose: purpose === 'none' ? null : purpose }),
    ...(controlPlane === undefined ? {} : { controlPlane: controlPlane || null }),
    ...(toolsVersion === undefined ? {} : { toolsVersion: toolsVersion || null }),
    ...(needsHelm === undefined ? {} : { needsHelm }),
    ...(prefix === undefined ? {} : { versionPrefix: prefix === 'none' ? '' : prefix }),
  };
}

/** Reads a document of fields with their values. Throws `UsageError`. */
async function readMapping(file: string): Promise<object> {
  const text = await readInput(file);
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new UsageError(`${nameOf(file)} is neither YAML nor JSON: ${(error as Error).message.split('\n')[0]}`);
  }
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
  throw new UsageError(`${nameOf(file)} has no settings; write fields such as "rollout:", as docs/rollouts.md shows`);
}

async function createChannel(context: Context, name: string, options: SettingOptions): Promise<void> {
  const { target, reason, acceptStranding } = options;
  requireTerminal(context, options);
  if (await readChannel(context, name)) {
    throw new UsageError(`there is a channel ${name} already; to change it: fairway channel set ${name}`);
  }
  const body = { ...(await bodyOf(options)), ...(target && { target }), ...(reason && { reason }), acceptStranding };
  // If another person creates it in between, the API refuses the target.
  await put(context, name, body, options, {
    question: `Create ${name}?`,
    done: ({ target }) => `${name} was created; it serves ${target ?? 'no version yet'}`,
    before: null,
  });
}

async function setChannel(context: Context, name: string, options: SettingOptions): Promise<void> {
  requireTerminal(context, options);
  const settings = await bodyOf(options);
  if (Object.keys(settings).length === 0)
    throw new UsageError('name what to change, for example --description TEXT or --file FILE');
  const before = await context.api<Channel>(channelPath(name));
  const reason = options.dryRun ? options.reason : await requireReason(context, options.reason);
  await put(context, name, { ...settings, ...(reason && { reason }) }, options, {
    question: `Change ${name}?`,
    done: ({ revision }) => `${name} was changed (revision ${revision})`,
    before,
  });
}

interface Put {
  question: string;
  done(after: Channel): string;
  before: Channel | null;
}

/** Shows what would change, asks, and does it; if the channel has changed since, the server refuses. */
async function put(
  context: Context,
  name: string,
  body: object,
  options: ConsentOptions,
  { question, done, before }: Put,
): Promise<void> {
  const send = (dryRun: boolean) =>
    context.api<Channel>(channelPath(name), {
      method: 'PUT',
      body: { ...body, dryRun },
      ...(before ? { ifMatch: before.revision } : {}),
    });
  const preview = await send(true);
  const shown = (screen: Screen) =>
    difference(screen, [{ key: `channel/${name}`, change: before ? 'update' : 'create', before, after: preview }]);
  if (options.dryRun) {
    const note = 'nothing was changed: this was a dry run';
    return context.show(preview, (screen) => `${shown(screen)}\n\n${sentence(screen, note)}`);
  }
  if (!options.yes) context.terminal.say(`${shown(context.terminal)}\n`);
  await requireConsent(context, options, question);
  const result = await send(false);
  context.show(result, (screen) => (options.yes ? `${shown(screen)}\n\n` : '') + sentence(screen, done(result)));
}

async function readChannel({ api }: Context, name: string): Promise<Channel | null> {
  try {
    return await api<Channel>(channelPath(name));
  } catch (error) {
    if (error instanceof ApiError && error.problem.code === 'not_found') return null;
    throw error;
  }
}

async function deleteChannel(context: Context, name: string, options: ConsentOptions): Promise<void> {
  requireTerminal(context, options);
  const channel = await context.api<Channel>(channelPath(name));
  const rows: [string, Cell][] = [
    ['channel', name],
    ['target', channel.target],
    ['description', channel.description],
  ];
  const sheet = (screen: Screen) => pairs(screen, rows);
  const remove = (query: string) =>
    context.api(`${channelPath(name)}${query}`, { method: 'DELETE', ifMatch: channel.revision });
  await remove('?dryRun=true');
  if (options.dryRun) {
    const note = 'nothing was changed: this was a dry run';
    return context.show(channel, (screen) => `${sheet(screen)}\n\n${sentence(screen, note)}`);
  }
  if (!options.yes) context.terminal.say(`${sheet(context.terminal)}\n`);
  await requireConsent(context, options, `Delete ${name}?`);
  await remove('');
  context.show({ deleted: channel }, (screen) => sentence(screen, `${name} was deleted`));
}
