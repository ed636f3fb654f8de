import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { count, number } from '../../domain/words.ts';
import { channelPath } from '../client.ts';
import type { Context } from '../context.ts';
import { oldest as atLowest, time } from '../describe.ts';
import { UsageError } from '../errors.ts';
import { type Input, openInput } from '../input.ts';
import { agents, type Cell, command, pairs, type Screen, sentence, table } from '../layout.ts';
import type { Terminal } from '../terminal.ts';
import type { Channel, InventoryResult } from '../types.ts';

/** As long as the server allows an upload to take. */
const DEADLINE_MS = 300_000;
const MIB = 1024 * 1024;

interface ImportOptions {
  controlPlane?: string;
  channel?: string;
  partial?: true;
  complete?: true;
}

/** `inventory import`: imports what the agents run. */
export function inventoryCommands(program: Command, context: Context): void {
  program
    .command('inventory')
    .description('import what the agents run, as the cluster reports it')
    .command('import')
    .description('import the output of tctl inventory ls --format=json; it replaces the one before')
    .argument('[file]', 'output of tctl; - is standard input', '-')
    .option('--control-plane <control-plane>', 'control plane that printed it; its agents go to their own channels')
    .option('-c, --channel <channel>', 'channel of these agents; with --control-plane of those that name no group')
    .option('--partial', 'agents may be missing: add to what is known, and remove none')
    .option('--complete', 'you vouch that it is complete, though it lists no auth or proxy server')
    .action((file: string, options: ImportOptions) => importInventory(context, file, options));
}

async function importInventory(context: Context, file: string, options: ImportOptions): Promise<void> {
  const { controlPlane, channel, partial, complete } = options;
  if (controlPlane === undefined && channel === undefined) {
    throw new UsageError('say what it is an inventory of: --control-plane NAME or --channel NAME');
  }
  const input = openInput(file);
  // An unknown channel is noticed before an upload of many megabytes, not after it.
  if (channel !== undefined) await context.api<Channel>(channelPath(channel));
  const query = new URLSearchParams({
    ...(controlPlane === undefined ? {} : { controlPlane }),
    ...(channel === undefined ? {} : { channel }),
    ...(partial ? { partial: 'true' } : {}),
    ...(complete ? { complete: 'true' } : {}),
  });
  const result = await context.api<InventoryResult>(`/inventory?${query}`, {
    method: 'POST',
    body: withProgress(input, context.terminal),
    deadline: DEADLINE_MS,
  });
  context.terminal.progress('');
  const of = controlPlane === undefined ? (channel ?? '') : `control plane ${controlPlane}`;
  context.show(result, (screen) => resultSheet(screen, of, result));
}

function resultSheet(screen: Screen, of: string, result: InventoryResult): string {
  const { received, enrolled, oldest, at, complete } = result;
  const lowest = oldest ? `, oldest ${atLowest(oldest)}` : '';
  const read = `${count(received, 'instance')} read for ${of}: ${agents(enrolled)} enrolled${lowest}`;
  const standing = complete ? '' : '; partial, so it only adds to what is known';
  return [
    sentence(screen, `${read}, as of ${time(at)}${standing}`),
    ...countTable(screen, result),
    ...channelTable(screen, result),
    ...groupLines(screen, result),
    ...nextLines(screen, result),
  ].join('\n\n');
}

const COUNTS = [
  ['unreadable', 'unreadable'],
  ['duplicates', 'listed twice; the lower version counts'],
  ['expired', 'expired; not counted'],
  ['anonymous', 'without a usable id; counted by version'],
  ['contested', 'contested: back and forth between versions'],
  ['pinned', 'pinned on their host'],
  ['disabled', 'with a disabled updater'],
  ['unmanaged', 'without an updater; not counted'],
] as const;

/** Counts with an example each; those that are zero share a line. */
function countTable(screen: Screen, result: InventoryResult): string[] {
  const found = COUNTS.filter(([key]) => result[key] > 0);
  const rows = found.map(([key, what]): Cell[] => [result[key], what, result.examples[key] ?? null]);
  const zeros = COUNTS.filter(([key]) => result[key] === 0).map(([key]) => key);
  return [
    ...(rows.length > 0 ? [table(screen, ['of these', 'are', 'for example'], rows)] : []),
    ...(zeros.length > 0 ? [sentence(screen, `none: ${zeros.join(', ')}`)] : []),
  ];
}

function channelTable(screen: Screen, { channels }: InventoryResult): string[] {
  if (channels.length < 2 && !channels.some(({ settling }) => settling)) return [];
  const rows = channels.map(({ channel, agents: amount, settling }): Cell[] => {
    return [channel, amount, settling ? `fell from ${number(settling.from)}` : null];
  });
  return [table(screen, ['channel', 'agents', 'settling'], rows)];
}

function groupLines(screen: Screen, { unmappedGroups, examples }: InventoryResult): string[] {
  const groups = Object.entries(unmappedGroups);
  if (groups.length === 0) return [];
  const rows = groups.map(([group, amount]): Cell[] => [group, amount]);
  const example = examples.unmappedGroups === undefined ? '' : `, for example ${examples.unmappedGroups}`;
  return [
    sentence(screen, `these groups are no channel${example}; create one, or map them with the setting groups:`),
    table(screen, ['group', 'agents'], rows),
  ];
}

/** What to run next, to see the result or to end a doubt. */
function nextLines(screen: Screen, { channels }: InventoryResult): string[] {
  const settling = channels.filter(({ settling: fall }) => fall);
  const [only] = channels;
  const next =
    settling.length > 0
      ? settling.map(({ channel }) => command(`fairway evidence accept ${channel} inventory --reason WHY`))
      : [command(channels.length === 1 ? `fairway census ${only?.channel}` : 'fairway census')];
  const why =
    settling.length > 0
      ? [sentence(screen, 'a channel fell; both counts hold until a later inventory confirms it, or a person does:')]
      : [];
  return [...why, pairs(screen, [['next', next]])];
}

/** The input as it is sent, with its progress on the terminal. */
function withProgress({ stream, size }: Input, terminal: Terminal): Readable {
  let sent = 0;
  const of = size === null ? '' : ` of ${(size / MIB).toFixed(1)}`;
  async function* chunks() {
    for await (const chunk of stream) {
      yield chunk as Buffer;
      sent += chunk.length;
      terminal.progress(`sending the inventory: ${(sent / MIB).toFixed(1)}${of} MiB`);
    }
    terminal.progress('sent the inventory; the server is counting');
  }
  return Readable.from(chunks(), { objectMode: false });
}
