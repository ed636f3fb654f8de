import type { Command } from 'commander';
import { who } from '../../domain/words.ts';
import { readAll } from '../client.ts';
import type { Context } from '../context.ts';
import { does, stateOf, time } from '../describe.ts';
import { ends } from '../ending.ts';
import { type Cell, painted, type Screen, sentence, table } from '../layout.ts';
import type { ListedChange } from '../types.ts';

/** `scheduled`: the changes that verbs with `--at` asked for. */
export function scheduledCommands(program: Command, context: Context): void {
  const group = program.command('scheduled').description('list and cancel changes at a time to come');

  group
    .command('list', { isDefault: true })
    .description('list scheduled changes, and those of the last week that were not carried out')
    .option('-c, --channel <channel>', 'only of this channel')
    .action(async ({ channel }: { channel?: string }) => {
      const query = channel ? `?channel=${encodeURIComponent(channel)}` : '';
      const { scheduled } = await readAll<'scheduled', ListedChange>(context.api, `/scheduled${query}`, 'scheduled');
      context.show({ scheduled }, (screen) => scheduledTable(screen, scheduled));
    });

  ends(group.command('cancel').description('cancel a change, or acknowledge that it was not carried out'), context, {
    path: '/scheduled',
    question: (id) => `Cancel the scheduled change ${id}?`,
    done: (id) => `the scheduled change ${id} is gone`,
  });
}

function scheduledTable(screen: Screen, scheduled: readonly ListedChange[]): string {
  if (scheduled.length === 0) return sentence(screen, 'nothing is scheduled');
  const rows = scheduled.map((change): Cell[] => [
    change.id,
    time(change.at),
    change.channel,
    does(change),
    who(change.by),
    change.reason,
    change.undone && change.undone.state !== 'overtaken' ? painted(stateOf(change), 'red') : stateOf(change),
  ]);
  return table(screen, ['id', 'at', 'channel', 'does', 'scheduled by', 'reason', 'state'], rows);
}
