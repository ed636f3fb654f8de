import type { Command } from 'commander';
import { who } from '../../domain/words.ts';
import type { Context } from '../context.ts';
import { time } from '../describe.ts';
import { type Cell, item, painted, pairs, type Screen, table } from '../layout.ts';
import type { Promotion } from '../types.ts';

interface VerbOptions {
  reason: string;
  critical?: true;
  dryRun?: true;
}

/** `promote`: a release's way through the stages. */
export function promoteCommands(program: Command, context: Context): void {
  const group = program.command('promote').description('take a release from stage to stage');
  const shown = (promotion: Promotion) => context.show(promotion, (screen) => promotionSheet(screen, promotion));
  const path = (version: string, verb: string) => `/releases/${encodeURIComponent(version)}/${verb}`;
  const post = async (version: string, verb: string, body: object) =>
    shown(await context.api<Promotion>(path(version, verb), { method: 'POST', body }));

  group
    .command('show')
    .description('show how far a release is, what holds it, and what happens next')
    .argument('<version>')
    .action(async (version: string) => shown(await context.api<Promotion>(path(version, 'promotion'))));

  changing(group.command('approve'), 'approve a stage; a release cannot be approved by the actor that registered it')
    .argument('<stage>')
    .action((version: string, stage: string, options: VerbOptions) => post(version, 'approve', { stage, ...options }));

  changing(group.command('start'), 'start the next stage, if all its gates pass')
    .argument('[stage]')
    .option('--critical', 'agents upgrade at once, not in their maintenance window')
    .action((version: string, stage: string | undefined, options: VerbOptions) =>
      post(version, 'promote', { stage, ...options }),
    );

  changing(group.command('halt'), 'halt a promotion where it is').action((version: string, options: VerbOptions) =>
    post(version, 'halt', options),
  );

  changing(group.command('resume'), 'resume a halted promotion').action((version: string, options: VerbOptions) =>
    post(version, 'resume', options),
  );

  changing(group.command('supersede'), 'end a promotion in favour of a fixed release')
    .argument('<fix>')
    .action((version: string, by: string, options: VerbOptions) => post(version, 'supersede', { by, ...options }));
}

const changing = (command: Command, description: string): Command =>
  command
    .description(description)
    .argument('<version>')
    .requiredOption('-r, --reason <reason>', 'why, for the audit log')
    .option('-n, --dry-run', 'show what would change, and change nothing');

const COLOURS = { complete: 'green', halted: 'red', superseded: 'yellow', skipped: 'yellow', empty: 'red' } as const;

function promotionSheet(screen: Screen, { version, stages, next, supersededBy }: Promotion): string {
  const rows = stages.map(({ stage, state, since, approved, channels, controlPlanes }): Cell[] => [
    stage,
    state in COLOURS ? painted(state, COLOURS[state as keyof typeof COLOURS]) : state,
    since && time(since),
    approved && who(approved.by),
    controlPlanes.map(({ version: runs }) => runs ?? 'unknown').join(', ') || null,
    channels.map(({ channel, target }) => `${channel}: ${target ?? 'none'}`).join(', ') || null,
  ]);
  const current = stages.find(({ state }) => !['complete', 'superseded', 'skipped'].includes(state));
  const gates = (current?.gates ?? []).map(({ gate, passed, reason }) =>
    item(screen, passed ? `${gate}: passed` : `${gate}: ${reason}`),
  );
  return [
    pairs(screen, [
      ['release', painted(version, 'bold')],
      ['next', next],
      ...(supersededBy ? [['superseded by', supersededBy] as [string, Cell]] : []),
    ]),
    table(screen, ['stage', 'state', 'since', 'approved by', 'control plane', 'channels'], rows),
    ...(current ? [[`gates of ${current.stage}:`, ...gates].join('\n')] : []),
  ].join('\n\n');
}
