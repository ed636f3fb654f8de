import type { Command } from 'commander';
import { who } from '../../domain/words.ts';
import { readAll } from '../client.ts';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { does, stateOf, time } from '../describe.ts';
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

  withConsent(group.command('cancel').description('cancel a change, or acknowledge that it was not carried out'))
    .argument('<id>')
    .option('-r, --reason <reason>', 'why, for the audit log')
    .action(async (id: string, options: ConsentOptions & { reason?: string }) => {
      requireTerminal(context, options);
      const reason = await requireReason(context, options.reason);
      if (!options.dryRun) await requireConsent(context, options, `Cancel the scheduled change ${id}?`);
      const query = new URLSearchParams({ reason, dryRun: String(options.dryRun ?? false) });
      await context.api(`/scheduled/${encodeURIComponent(id)}?${query}`, { method: 'DELETE' });
      const done = options.dryRun ? 'nothing was changed: this was a dry run' : `the scheduled change ${id} is gone`;
      context.show({ id }, (screen) => sentence(screen, done));
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
