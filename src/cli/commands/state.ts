import { Argument, type Command } from 'commander';
import { count } from '../../domain/words.ts';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal, withConsent } from '../consent.ts';
import { type Context, toYaml } from '../context.ts';
import { difference } from '../difference.ts';
import { readInput } from '../input.ts';
import { type Screen, sentence, table } from '../layout.ts';
import type { ApplyResult, AuditEntry, RecoveryResult, StateDocument } from '../types.ts';

/** `export` and `apply`: the control state as one document; `recover`: which state counts after a loss. */
export function stateCommands(program: Command, context: Context): void {
  const { api, terminal } = context;

  program
    .command('export')
    .description('print the control state as one document: YAML, or JSON with -o json')
    .action(async () => {
      const state = await api<StateDocument>('/export');
      context.show(state, () => toYaml(state));
    });

  withConsent(program.command('apply'))
    .description('make the state agree with a document; what it leaves out stays')
    .argument('<file>', 'YAML or JSON, as export prints it; - is standard input')
    .action(async (file: string, options: ConsentOptions) => {
      requireTerminal(context, options);
      const document = await readInput(file);
      // YAML is a superset of JSON, so one content type serves both.
      const send = (query: string, ifMatch: number) =>
        api<ApplyResult>(`/apply${query}`, {
          method: 'POST',
          body: document,
          contentType: 'application/yaml',
          ifMatch,
        });

      const revision = await readRevision(context);
      const preview = await send('?dryRun=true', revision);
      if (options.dryRun || preview.changes.length === 0) {
        return context.show(preview, (screen) => describe(screen, preview, options));
      }
      if (!options.yes) terminal.say(`${difference(terminal, preview.changes)}\n`);
      await requireConsent(context, options, `Apply ${changes(preview)}?`);
      const result = await send('', revision);
      return context.show(result, (screen) => {
        const done = `${changes(result)} applied (revision ${result.audit?.revision})`;
        return options.yes ? `${difference(screen, result.changes)}\n\n${done}` : done;
      });
    });

  withConsent(program.command('recover'))
    .description('decide which state counts after the store has lost changes')
    .addArgument(
      new Argument('<keep>', 'served: restore what this server serves; stored: accept what the store holds').choices([
        'served',
        'stored',
      ]),
    )
    .option('-r, --reason <text>', 'why, for the audit log')
    .action(async (keep: string, options: ConsentOptions & { reason?: string }) => {
      requireTerminal(context, options);
      const reason = options.dryRun ? (options.reason ?? 'dry run') : await requireReason(context, options.reason);
      const decide = (dryRun: boolean) =>
        api<RecoveryResult>('/recovery', { method: 'POST', body: { keep, reason, dryRun } });
      const preview = await decide(true);
      if (options.dryRun) return context.show(preview, (screen) => describeRecovery(screen, preview));
      if (!options.yes) terminal.say(`${describeRecovery(terminal, preview)}\n`);
      const question = keep === 'served' ? 'Restore what is served?' : 'Accept what the store holds?';
      await requireConsent(context, options, question);
      const result = await decide(false);
      return context.show(result, (screen) => {
        const done = `the ${keep} state was kept (revision ${result.audit?.revision})`;
        return options.yes ? `${describeRecovery(screen, result)}\n\n${done}` : done;
      });
    });
}

function describeRecovery(screen: Screen, { loss, changes }: RecoveryResult): string {
  const { served, stored } = loss;
  const lost = sentence(
    screen,
    `revision ${served} is served, and the store is at revision ${stored} of another history`,
  );
  if (changes.length === 0) return `${lost}\n\nboth hold the same channels, releases and control planes`;
  const rows = changes.map(({ key, change }) => [change, key]);
  return `${lost}\n\n${table(screen, ['change', 'document'], rows)}`;
}

/** The revision of the whole state is the id of its last change. */
async function readRevision({ api }: Context): Promise<number> {
  const { entries } = await api<{ entries: AuditEntry[] }>('/audit?limit=1');
  return entries[0]?.revision ?? 0;
}

const changes = ({ changes }: ApplyResult): string => count(changes.length, 'change');

function describe(screen: Screen, preview: ApplyResult, { dryRun }: ConsentOptions): string {
  if (preview.changes.length === 0) return sentence(screen, 'the state already agrees with the document');
  const note = dryRun ? `nothing was changed: this was a dry run of ${changes(preview)}` : '';
  return `${difference(screen, preview.changes)}\n\n${sentence(screen, note)}`;
}
