import { type Command, InvalidArgumentError } from 'commander';
import type { Context } from './context.ts';
import { Declined, UsageError } from './errors.ts';

/** The options of every command that changes something. */
export interface ConsentOptions {
  yes?: boolean;
  dryRun?: boolean;
}

export const withConsent = (command: Command): Command =>
  command
    .option('-y, --yes', 'do it without asking')
    .option('-n, --dry-run', 'show what would change, and change nothing');

/** Throws `UsageError` if the command has to ask and there is no terminal to ask on. */
export function requireTerminal({ terminal }: Context, { yes, dryRun }: ConsentOptions): void {
  if (yes || dryRun || terminal.interactive) return;
  throw new UsageError(
    'there is no terminal to ask on; add --yes to do it without asking, or --dry-run to see what would change',
  );
}

/** Throws `Declined` unless the person at the terminal agrees; `--yes` counts as agreement. */
export async function requireConsent({ terminal }: Context, { yes }: ConsentOptions, question: string): Promise<void> {
  if (!yes && !(await terminal.confirm(question))) throw new Declined();
}

/** Returns the reason for a change, for the audit log: from the option, or typed at the terminal. */
export async function requireReason({ terminal }: Context, reason: string | undefined): Promise<string> {
  const given = reason?.trim() || (reason === undefined && terminal.interactive ? await terminal.ask('Reason:') : '');
  if (given) return given;
  throw new UsageError('give a reason for the audit log: --reason "incident 12"');
}

/** Reads a number of agents that may be stranded. */
export function readCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a number of agents.');
  return Number(text);
}
