import type { Command } from 'commander';
import type { Context } from './context.ts';
import { Declined, UsageError } from './errors.ts';

/** What every command that changes something takes. */
export interface ConsentOptions {
  yes?: boolean;
  dryRun?: boolean;
}

export const withConsent = (command: Command): Command =>
  command.option('-y, --yes', 'do it without asking').option('-n, --dry-run', 'show what it would do, and do nothing');

/** Throws `UsageError` where somebody would have to be asked and nobody is there. */
export function requireSomebody({ terminal }: Context, { yes, dryRun }: ConsentOptions): void {
  if (yes || dryRun || terminal.interactive) return;
  throw new UsageError(
    'there is no terminal to ask on; add --yes to do it without asking, or --dry-run to see what it would do',
  );
}

/** Throws `Declined` unless the person at the terminal agrees; `--yes` does. */
export async function requireConsent({ terminal }: Context, { yes }: ConsentOptions, question: string): Promise<void> {
  if (!yes && !(await terminal.confirm(question))) throw new Declined();
}

/** The reason for a change, which the audit log keeps: the option, or what is answered at the terminal. */
export async function requireReason({ terminal }: Context, reason: string | undefined): Promise<string> {
  const given = reason?.trim() || (reason === undefined && terminal.interactive ? await terminal.ask('Reason:') : '');
  if (given) return given;
  throw new UsageError('say why, for the audit log: --reason "incident 12"');
}
