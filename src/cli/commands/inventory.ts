import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { number } from '../../domain/words.ts';
import { channelPath } from '../client.ts';
import type { Context } from '../context.ts';
import { oldest as atLowest } from '../describe.ts';
import { type Input, openInput } from '../input.ts';
import { agents, sentence } from '../layout.ts';
import type { Terminal } from '../terminal.ts';
import type { Channel, InventoryResult } from '../types.ts';

/** As long as the server allows an upload to take. */
const DEADLINE_MS = 300_000;
const MIB = 1024 * 1024;

/** `inventory import`: imports what the agents run. */
export function inventoryCommands(program: Command, context: Context): void {
  program
    .command('inventory')
    .description('import what the agents run, as the cluster reports it')
    .command('import')
    .description('import the output of tctl inventory ls --format=json; it replaces the one before')
    .argument('[file]', 'output of tctl; - is standard input', '-')
    .requiredOption('-c, --channel <channel>', 'channel that these agents follow')
    .action(async (file: string, { channel }: { channel: string }) => {
      const input = openInput(file);
      // An unknown channel is noticed before an upload of many megabytes, not after it.
      await context.api<Channel>(channelPath(channel));
      const result = await context.api<InventoryResult>(`/inventory?channel=${encodeURIComponent(channel)}`, {
        method: 'POST',
        body: withProgress(input, context.terminal),
        deadline: DEADLINE_MS,
      });
      context.terminal.progress('');
      context.show(result, (screen) => {
        const { received, enrolled, skipped, oldest } = result;
        const unread = skipped === 0 ? '' : `; ${number(skipped)} skipped, because their version cannot be read`;
        const lowest = oldest ? `, oldest ${atLowest(oldest)}` : '';
        const read = `${number(received)} instances read for ${channel}: ${agents(enrolled)} enrolled`;
        return sentence(screen, read + lowest + unread);
      });
    });
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
