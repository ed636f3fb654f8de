import type { Command } from 'commander';
import { number, who } from '../../domain/words.ts';
import { readAll } from '../client.ts';
import type { Context } from '../context.ts';
import { time } from '../describe.ts';
import { type Cell, item, painted, pairs, type Screen, table } from '../layout.ts';
import type { Promotion, PromotionSummary, StagePlaces } from '../types.ts';
import { type WatchOptions, watching, withWatch } from '../watch.ts';

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
    .command('list')
    .description('list promotions: those that may still go on, or those in a state')
    .option(
      '-s, --state <state>',
      'running, all, complete, superseded, skipped, pulled, or a state of a stage',
      'running',
    )
    .action(async ({ state }: { state: string }) => {
      const all = await readAll<'promotions', PromotionSummary>(
        context.api,
        `/promotions?state=${encodeURIComponent(state)}`,
        'promotions',
      );
      context.show(all, (screen) => listTable(screen, all.promotions));
    });

  withWatch(group.command('show'))
    .description('show how far a release is, what holds it, and what happens next')
    .argument('<version>')
    .option('-s, --stage <stage>', 'list all control planes and channels of a stage, and what they wait for')
    .action((version: string, { stage, ...options }: WatchOptions & { stage?: string }) =>
      watching(context, options, async () => {
        if (stage === undefined) return shown(await context.api<Promotion>(path(version, 'promotion')));
        const places = await readPlaces(context, path(version, `promotion/stages/${encodeURIComponent(stage)}`));
        context.show({ stage, places }, (screen) => placesTable(screen, places));
      }),
    );

  changing(group.command('approve'), 'approve a stage; a release cannot be approved by the actor that registered it')
    .argument('<stage>')
    .action((version: string, stage: string, options: VerbOptions) => post(version, 'approve', { stage, ...options }));

  changing(group.command('start'), 'start the next stage, if all its gates pass')
    .argument('[stage]')
    .option('--critical', 'agents upgrade at once, not in their maintenance window')
    .action((version: string, stage: string | undefined, options: VerbOptions) =>
      post(version, 'promote', { stage, ...options }),
    );

  changing(
    group.command('expedite'),
    'shorten the soaks of a fix; a release cannot be expedited by the actor that registered it',
  ).action((version: string, options: VerbOptions) => post(version, 'expedite', options));

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

/** All pages of a stage. */
async function readPlaces({ api }: Context, path: string): Promise<StagePlaces['places']> {
  const all: StagePlaces['places'] = [];
  for (let cursor: string | null = '0'; cursor !== null; ) {
    const page: StagePlaces = await api<StagePlaces>(`${path}?limit=500&cursor=${cursor}`);
    all.push(...page.places);
    cursor = page.cursor;
  }
  return all;
}

function placesTable(screen: Screen, places: StagePlaces['places']): string {
  const rows = places.map((place): Cell[] =>
    'channel' in place
      ? [`channel ${place.channel}`, place.target, place.waits]
      : [`control plane ${place.controlPlane}`, place.version, place.waits],
  );
  return table(screen, ['place', 'version', 'waits for'], rows);
}

function listTable(screen: Screen, promotions: readonly PromotionSummary[]): string {
  if (promotions.length === 0) return 'no promotions';
  const rows = promotions.map(({ version, state, stage, since, agents, supersededBy, isExpedited }): Cell[] => [
    version,
    stage,
    `${state}${isExpedited ? ', expedited' : ''}`,
    since && time(since),
    agents && `${agents.stage}: ${agents.state.replaceAll('-', ' ')}`,
    supersededBy,
  ]);
  return table(screen, ['release', 'stage', 'state', 'since', 'agents', 'superseded by'], rows);
}

/** The first few of a long list, and how many follow. */
const firstOf = (items: string[], all: number): string | null =>
  [...items, ...(all > items.length ? [`${number(all - items.length)} more`] : [])].join(', ') || null;

const COLOURS = { complete: 'green', halted: 'red', superseded: 'yellow', skipped: 'yellow', empty: 'red' } as const;

function promotionSheet(screen: Screen, { version, stages, next, supersededBy, expedited }: Promotion): string {
  const coloured = (state: string): Cell =>
    state in COLOURS ? painted(state, COLOURS[state as keyof typeof COLOURS]) : state;
  const apart = stages.some(({ agents }) => agents !== null);
  const rows = stages.map(({ stage, state, since, approved, counts, channels, controlPlanes, agents }): Cell[] => [
    stage,
    coloured(state),
    ...(apart ? [agents && coloured(agents.state.replaceAll('-', ' '))] : []),
    since && time(since),
    approved && who(approved.by),
    firstOf(
      controlPlanes.map(({ version: runs }) => runs ?? 'unknown'),
      counts.controlPlanes,
    ),
    firstOf(
      channels.map(({ channel, target }) => `${channel}: ${target ?? 'none'}`),
      counts.channels,
    ),
  ]);
  const current = stages.find(({ state }) => !['complete', 'superseded', 'skipped'].includes(state));
  const behind = stages.find(({ agents }) => agents && agents.gates.length > 0);
  const gates = (of: string, all: Promotion['stages'][number]['gates']) =>
    [
      `gates of ${of}:`,
      ...all.map(({ gate, passed, reason }) => item(screen, passed ? `${gate}: passed` : `${gate}: ${reason}`)),
    ].join('\n');
  return [
    pairs(screen, [
      ['release', painted(version, 'bold')],
      ['next', next],
      ...(expedited ? [['expedited', `by ${who(expedited.by)}: ${expedited.reason}`] as [string, Cell]] : []),
      ...(supersededBy ? [['superseded by', supersededBy] as [string, Cell]] : []),
    ]),
    table(
      screen,
      ['stage', 'state', ...(apart ? ['agents'] : []), 'since', 'approved by', 'control plane', 'channels'],
      rows,
    ),
    ...(current ? [gates(current.stage, current.gates)] : []),
    ...(behind?.agents ? [gates(`the agents of ${behind.stage}`, behind.agents.gates)] : []),
  ].join('\n\n');
}
