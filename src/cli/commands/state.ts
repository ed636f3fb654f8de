import type { Command } from 'commander';
import { type ConsentOptions, requireConsent, requireSomebody, withConsent } from '../consent.ts';
import { type Context, toYaml } from '../context.ts';
import { difference } from '../difference.ts';
import { readInput } from '../input.ts';
import { quantity, type Screen, sentence } from '../layout.ts';
import type { ApplyResult, AuditEntry, StateDocument } from '../types.ts';

/** `export` and `apply`: the whole control state as a document. */
export function stateCommands(program: Command, context: Context): void {
  const { api, terminal } = context;

  program
    .command('export')
    .description('the control state as one document: YAML, or JSON with -o json')
    .action(async () => {
      const state = await api<StateDocument>('/export');
      context.show(state, () => toYaml(state));
    });

  withConsent(program.command('apply'))
    .description('make the state agree with a document; what it leaves out stays')
    .argument('<file>', 'YAML or JSON, as export prints it; - is standard input')
    .action(async (file: string, options: ConsentOptions) => {
      requireSomebody(context, options);
      const document = await readInput(file);
      // YAML is a superset of JSON, so one type does for both.
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
}

/** The revision of the whole state is the id of its last change. */
async function readRevision({ api }: Context): Promise<number> {
  const { entries } = await api<{ entries: AuditEntry[] }>('/audit?limit=1');
  return entries[0]?.revision ?? 0;
}

const changes = ({ changes }: ApplyResult): string => quantity(changes.length, 'change');

function describe(screen: Screen, preview: ApplyResult, { dryRun }: ConsentOptions): string {
  if (preview.changes.length === 0) return sentence(screen, 'the state agrees with the document already');
  const note = dryRun ? `nothing was changed: this was a dry run of ${changes(preview)}` : '';
  return `${difference(screen, preview.changes)}\n\n${sentence(screen, note)}`;
}
