import type { Command } from 'commander';
import { count, who } from '../../domain/words.ts';
import type { Context } from '../context.ts';
import { actionOf, time } from '../describe.ts';
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
    .description('check that no entry and no document was changed or removed; exits 1 otherwise')
    .option('--head <id:hash>', 'an entry that you noted before; the log must have it')
    .action(async ({ head }: { head?: string }) => {
      const query = head === undefined ? '' : `?${new URLSearchParams({ head })}`;
      const state = await api<ChainState>(`/audit/verify${query}`, { deadline: VERIFY_MS });
      if (!state.intact) context.exitCode = EXIT.error;
      context.show(state, (screen) =>
        verdicts(state)
          .map((line) => sentence(screen, line))
          .join('\n'),
      );
    });
}

/** Milliseconds. A million entries take about half a minute. */
const VERIFY_MS = 600_000;

/** What verifying found, in sentences. */
function verdicts({ intact, entries, head, brokenAt, anchor, edited, unchecked }: ChainState): string[] {
  const last = (anchor?.id ?? 0) + entries;
  const lines = intact
    ? [`the log is intact: ${count(entries, 'entry', 'entries')}, head ${last}:${head}`]
    : ['the log or a document was tampered with; compare with a backup'];
  if (brokenAt !== null) lines.push(`entry ${brokenAt} is missing, damaged or another one`);
  for (const { key, fault } of edited) lines.push(`${key} was changed without an entry: ${fault}`);
  if (anchor) lines.push(`the entries up to ${anchor.id}:${anchor.hash} are archived; verify their files with --file`);
  if (unchecked > 0) {
    const what = `${count(unchecked, 'document')} could not be compared`;
    lines.push(`${what}: the last change is archived, or an older release made it`);
  }
  return lines;
}

function auditTable(screen: Screen, entries: AuditEntry[]): string {
  if (entries.length === 0) return 'nothing has been changed yet';
  const rows = entries.map((entry): Cell[] => {
    const { id, at, actor: by, subject, reason } = entry;
    return [id, time(at), who(by), painted(actionOf(entry), 'bold'), subject, reason];
  });
  return table(screen, ['id', 'at', 'by', 'action', 'subject', 'reason'], rows);
}
