import type { Command } from 'commander';
import { count, who } from '../../domain/words.ts';
import type { Context } from '../context.ts';
import { time } from '../describe.ts';
import { EXIT } from '../errors.ts';
import { type Cell, painted, type Screen, sentence, table } from '../layout.ts';
import type { AuditEntry, ChainState } from '../types.ts';

/** `audit`: who changed what, when and why. */
export function auditCommands(program: Command, context: Context): void {
  const { api } = context;
  const audit = program.command('audit').description('show who changed what, when and why');

  audit
    .command('list', { isDefault: true })
    .description('list entries, newest first')
    .option('--limit <n>', 'show at most this many', '20')
    .option('--before <id>', 'only entries with a lower id')
    .action(async (options: { limit: string; before?: string }) => {
      const answer = await api<{ entries: AuditEntry[] }>(`/audit?${new URLSearchParams({ ...options })}`);
      context.show(answer, (screen) => auditTable(screen, answer.entries));
    });

  audit
    .command('verify')
    .description('check that no entry was changed or removed; exits 1 otherwise')
    .action(async () => {
      const state = await api<ChainState>('/audit/verify');
      if (!state.intact) context.exitCode = EXIT.error;
      context.show(state, (screen) => {
        const { intact, entries, head, brokenAt } = state;
        const verdict = intact
          ? `the log is intact: ${count(entries, 'entry', 'entries')}, head ${head}`
          : `the log was tampered with: entry ${brokenAt} is missing, damaged or another one; compare it with a backup`;
        return sentence(screen, verdict);
      });
    });
}

function auditTable(screen: Screen, entries: AuditEntry[]): string {
  if (entries.length === 0) return 'nothing has been changed yet';
  const rows = entries.map(({ id, at, actor: by, action, subject, reason }): Cell[] => {
    return [id, time(at), who(by), painted(action, 'bold'), subject, reason];
  });
  return table(screen, ['id', 'at', 'by', 'action', 'subject', 'reason'], rows);
}
