import type { Command } from 'commander';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal, withConsent } from './consent.ts';
import type { Context } from './context.ts';
import { sentence } from './layout.ts';

/** What the API lists at `path`, and what to ask and to say of the one with an id. */
interface Ending {
  path: string;
  question(id: string): string;
  done(id: string): string;
}

/** Makes `command` take an id, and end what has it, for a reason. */
export function ends(command: Command, context: Context, { path, question, done }: Ending): void {
  withConsent(command)
    .argument('<id>')
    .option('-r, --reason <reason>', 'why, for the audit log')
    .action(async (id: string, options: ConsentOptions & { reason?: string }) => {
      requireTerminal(context, options);
      const reason = await requireReason(context, options.reason);
      if (!options.dryRun) await requireConsent(context, options, question(id));
      const query = new URLSearchParams({ reason, dryRun: String(options.dryRun ?? false) });
      await context.api(`${path}/${encodeURIComponent(id)}?${query}`, { method: 'DELETE' });
      const note = options.dryRun ? 'nothing was changed: this was a dry run' : done(id);
      context.show({ id }, (screen) => sentence(screen, note));
    });
}
