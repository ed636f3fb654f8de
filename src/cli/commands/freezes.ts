import type { Command } from 'commander';
import { who } from '../../domain/words.ts';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { time } from '../describe.ts';
import { ends } from '../ending.ts';
import { type Cell, painted, type Screen, sentence, table } from '../layout.ts';
import type { GlobalFreeze, GlobalFreezes } from '../types.ts';
import { describeTime, readTime } from '../until.ts';

interface AddOptions extends ConsentOptions {
  reason?: string;
  id?: string;
  from?: string;
  until: string;
  strict?: boolean;
}

const TIME = '90m, 2h, 3d, 18:00, tomorrow 08:00, 2026-11-22T18:00 or 2026-11-22T18:00:00Z';

/** `freezes`: when no target of any channel moves forward. */
export function freezeCommands(program: Command, context: Context): void {
  const group = program.command('freezes').description('freeze the targets of all channels for a time');

  group
    .command('list', { isDefault: true })
    .description('list the freezes of all channels, also those of the settings')
    .action(async () => {
      const all = await context.api<GlobalFreezes>('/freezes');
      context.show(all, (screen) => freezeTable(screen, all));
    });

  withConsent(group.command('add').description('let no target move forward until a time'))
    .requiredOption('--until <time>', `when it ends: ${TIME}`)
    .option('--from <time>', 'when it begins; by default now')
    .option('--id <id>', 'its name; by default one is made')
    .option('--strict', 'let roll-backs and critical targets through no more either')
    .option('-r, --reason <reason>', 'why, for those whom it stops, and for the audit log')
    .action(async ({ yes, dryRun, strict, ...options }: AddOptions) => {
      requireTerminal(context, { yes, dryRun });
      const reason = await requireReason(context, options.reason);
      const now = new Date();
      const until = readTime('--until', options.until, now);
      const from = options.from === undefined ? undefined : readTime('--from', options.from, now);
      const body = { id: options.id, from, until, reason, ...(strict ? { except: [] } : {}), dryRun };
      const begin = from ? `from ${describeTime(from)} ` : '';
      if (!dryRun) {
        await requireConsent(context, { yes }, `Freeze all channels ${begin}until ${describeTime(until)}?`);
      }
      const freeze = await context.api<GlobalFreeze>('/freezes', { method: 'POST', body });
      const done = `all channels are frozen ${begin}until ${describeTime(until)}; to end it: fairway freezes remove ${freeze.id}`;
      const note = 'nothing was changed: this was a dry run, and the freeze may be added';
      context.show(freeze, (screen) => sentence(screen, dryRun ? note : done));
    });

  ends(group.command('remove').description('end a freeze early (needs the role admin)'), context, {
    path: '/freezes',
    question: (id) => `End the freeze ${id}?`,
    done: (id) => `the freeze ${id} is over`,
  });
}

function freezeTable(screen: Screen, { freezes }: GlobalFreezes): string {
  if (freezes.length === 0) return sentence(screen, 'no freeze of all channels holds or will');
  const rows = freezes.map(({ id, set, by, holds, from, until, except, reason }): Cell[] => [
    id,
    holds ? painted('holds', 'yellow') : 'to come',
    time(from),
    time(until),
    by === null ? `the server's ${set}` : who(by),
    except.join(', ') || 'nothing',
    reason,
  ]);
  return table(screen, ['freeze', 'state', 'from', 'until', 'set by', 'lets through', 'reason'], rows);
}
