import { fsyncSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { count, who } from '../../domain/words.ts';
import { type ArchiveState, checkArchive } from '../archive-file.ts';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { actionOf, time } from '../describe.ts';
import { EXIT, UsageError } from '../errors.ts';
import { openInput } from '../input.ts';
import { type Cell, painted, type Screen, sentence, table } from '../layout.ts';
import type { ArchiveResult, AuditEntry, ChainState } from '../types.ts';
import { readTime } from '../until.ts';

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
    .option('--file <file...>', 'instead of the log: archives of it, one after the other')
    .action(async ({ head, file }: { head?: string; file?: string[] }) => {
      if (file) return verifyFiles(context, file);
      const query = head === undefined ? '' : `?${new URLSearchParams({ head })}`;
      const state = await api<ChainState>(`/audit/verify${query}`, { deadline: VERIFY_MS });
      if (!state.intact) context.exitCode = EXIT.error;
      context.show(state, (screen) =>
        verdicts(state)
          .map((line) => sentence(screen, line))
          .join('\n'),
      );
    });

  withConsent(audit.command('archive'))
    .description('write old entries to standard output, then remove them from the log; their hashes stay')
    .requiredOption(
      '--before <time>',
      'only entries that are older, as 2026-01-01 or 2026-01-01T00:00:00Z; the newest 100 stay',
    )
    .option('-r, --reason <text>', 'why, for the audit log')
    .action((options: ArchiveOptions) => archiveEntries(context, options));
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

/** Verifies archives, each of which must go on where the one before ends. */
async function verifyFiles(context: Context, files: string[]): Promise<void> {
  const archives: (ArchiveState & { file: string })[] = [];
  for (const file of files) {
    const check = checkArchive(file);
    for await (const line of createInterface({ input: Readable.from(openInput(file).stream) })) check.add(line);
    archives.push({ file, ...check.result() });
  }
  const faults = archives.flatMap(({ file, anchor, brokenAt }, index) => {
    const before = archives[index - 1];
    const isNext = !before || (before.head.id === anchor.id && before.head.hash === anchor.hash);
    return [
      ...(isNext ? [] : [`${file} does not go on where ${before?.file} ends: it follows entry ${anchor.id}`]),
      ...(brokenAt === null ? [] : [`entry ${brokenAt} of ${file} is missing or damaged`]),
    ];
  });
  if (faults.length > 0) context.exitCode = EXIT.error;
  const lines = archives.map(({ file, anchor, entries, head }) => {
    const what = `${count(entries, 'entry', 'entries')}, after ${anchor.id}:${anchor.hash} to ${head.id}:${head.hash}`;
    return `${file}: ${what}`;
  });
  context.show({ archives, faults }, (screen) =>
    [...lines, ...faults].map((line) => sentence(screen, line)).join('\n'),
  );
}

interface ArchiveOptions extends ConsentOptions {
  before: string;
  reason?: string;
}

/** Writes the archive to standard output, and removes its entries from the log once it is written. */
async function archiveEntries(context: Context, { before, ...options }: ArchiveOptions): Promise<void> {
  const { api, stdout, terminal } = context;
  const at = readTime('--before', before, new Date());
  requireTerminal(context, options);
  if (stdout.isTTY && !options.dryRun) {
    throw new UsageError('the archive goes to standard output; send it to a file: fairway audit archive … > FILE');
  }
  const reason = options.dryRun ? (options.reason ?? 'dry run') : await requireReason(context, options.reason);
  const check = checkArchive('the archive');
  const write = (text: string) => new Promise<void>((resolve) => stdout.write(text, () => resolve()));
  await api(`/audit/archive?${new URLSearchParams({ before: at.toISOString() })}`, {
    deadline: VERIFY_MS,
    async onLine(line) {
      check.add(line);
      if (!options.dryRun) await write(`${line}\n`);
    },
  });
  const { entries, head, brokenAt } = check.result();
  if (brokenAt !== null) throw new Error(`entry ${brokenAt} is missing or damaged; see fairway audit verify`);
  const what = `${count(entries, 'entry', 'entries')} up to ${head.id}:${head.hash}`;
  if (entries === 0)
    return terminal.say(sentence(terminal, 'there is nothing to archive; the newest 100 entries stay'));
  if (options.dryRun) return terminal.say(sentence(terminal, `would archive ${what}`));
  syncFile(stdout);
  await requireConsent(context, options, `Remove ${what} from the log?`);
  const body = { head: `${head.id}:${head.hash}`, reason };
  await api<ArchiveResult>('/audit/archive', { method: 'POST', body, deadline: VERIFY_MS });
  terminal.say(sentence(terminal, `archived ${what}`));
}

/** A pipe cannot be synced; what reads it must do that. */
function syncFile(stdout: NodeJS.WriteStream): void {
  const { fd } = stdout as NodeJS.WriteStream & { fd: number };
  try {
    fsyncSync(fd);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  }
}

function auditTable(screen: Screen, entries: AuditEntry[]): string {
  if (entries.length === 0) return 'nothing has been changed yet';
  const rows = entries.map((entry): Cell[] => {
    const { id, at, actor: by, subject, reason } = entry;
    return [id, time(at), who(by), painted(actionOf(entry), 'bold'), subject, reason];
  });
  return table(screen, ['id', 'at', 'by', 'action', 'subject', 'reason'], rows);
}
