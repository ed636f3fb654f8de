import { type Command, Option } from 'commander';
import { duration } from '../../domain/duration.ts';
import { SURVEY_SOURCES } from '../../domain/survey.ts';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { alarming, describeFailure, describeFall, isDoubtful } from '../describe.ts';
import { UsageError } from '../errors.ts';
import { agents, type Cell, painted, pairs, type Screen, sentence, table } from '../layout.ts';
import type { ChannelEvidence, Evidence, EvidenceResult } from '../types.ts';

type DecideOptions = ConsentOptions & { reason?: string; version?: string };

/** A person's decision about what a source says. */
interface Decision {
  path: string;
  body?: { version: string };
  question: string;
  done(result: EvidenceResult): string;
}

/** `evidence`: what verdicts about a channel rest on, and the ways in which a person can say otherwise. */
export function evidenceCommands(program: Command, context: Context): void {
  const group = program
    .command('evidence')
    .description('show what verdicts about a channel rest on: each source, its age, and how far it is believed')
    .argument('<channel>')
    .action(async (channel: string) => {
      const evidence = await context.api<ChannelEvidence>(path(channel));
      context.show(evidence, (screen) => evidenceSheet(screen, evidence));
    });

  deciding(group.command('accept'), 'confirm that a source has fewer agents, before a second reading does')
    .argument('<channel>')
    .addArgument(group.createArgument('<source>').choices(SURVEY_SOURCES))
    .action((channel: string, source: string, options: DecideOptions) =>
      decide(
        context,
        {
          path: `${path(channel)}/${source}/accept`,
          question: `Believe what the ${source} of ${channel} says now?`,
          done: ({ before, after }) =>
            `the ${source} of ${channel} was accepted: it counts ${agents(after)} instead of ${agents(before)}`,
        },
        options,
      ),
    );

  deciding(group.command('forget'), 'forget all that a source said, or all agents at a version, until seen again')
    .argument('<channel>')
    .addArgument(group.createArgument('[source]').choices(SURVEY_SOURCES))
    .addOption(
      new Option('--version <version>', 'forget the agents that count at this version, as the census shows it'),
    )
    .action((channel: string, source: string | undefined, options: DecideOptions) =>
      decide(context, forgetting(channel, source, options.version), options),
    );
}

const path = (channel: string): string => `/evidence/${encodeURIComponent(channel)}`;

const deciding = (command: Command, description: string): Command =>
  withConsent(command.description(description).option('-r, --reason <reason>', 'why, for the audit log'));

/** Throws `UsageError` unless either a source or a version is named. */
function forgetting(channel: string, source: string | undefined, version: string | undefined): Decision {
  if (source !== undefined && version === undefined) {
    return {
      path: `${path(channel)}/${source}/forget`,
      question: `Forget the ${source} of ${channel}?`,
      done: ({ before }) => `the ${source} of ${channel} was forgotten; it counted ${agents(before)}`,
    };
  }
  if (source === undefined && version !== undefined) {
    return {
      path: `${path(channel)}/forget-version`,
      body: { version },
      question: `Forget the agents of ${channel} at ${version}?`,
      done: ({ before }) => `the ${agents(before)} of ${channel} at ${version} will count again when they are seen`,
    };
  }
  throw new UsageError(`name what to forget: a source (${SURVEY_SOURCES.join(' or ')}), or --version VERSION`);
}

/** Shows what the decision would do, asks, and makes it. */
async function decide(context: Context, decision: Decision, options: DecideOptions): Promise<void> {
  requireTerminal(context, options);
  const reason = options.dryRun ? (options.reason ?? 'dry run') : await requireReason(context, options.reason);
  const send = (dryRun: boolean) =>
    context.api<EvidenceResult>(decision.path, { method: 'POST', body: { ...decision.body, reason, dryRun } });
  const preview = await send(true);
  if (options.dryRun) {
    const note = 'nothing was changed: this was a dry run';
    return context.show(preview, (screen) => `${resultSheet(screen, decision, preview)}\n\n${sentence(screen, note)}`);
  }
  if (!options.yes) context.terminal.say(`${resultSheet(context.terminal, decision, preview)}\n`);
  await requireConsent(context, options, decision.question);
  const result = await send(false);
  context.show(result, (screen) => {
    const done = sentence(screen, decision.done(result));
    return options.yes ? `${resultSheet(screen, decision, result)}\n\n${done}` : done;
  });
}

const resultSheet = (screen: Screen, { body }: Decision, { channel, source, before, after }: EvidenceResult): string =>
  pairs(screen, [
    ['channel', painted(channel, 'bold')],
    body ? ['version', body.version] : ['source', source],
    ['counted', agents(before)],
    ['then', agents(after)],
  ]);

function evidenceSheet(screen: Screen, { channel, complete, sources }: ChannelEvidence): string {
  const rows = sources.map((account): Cell[] => {
    const { source, agents: known, oldest, age, skipped } = account;
    const presumed = source === 'presumed';
    return [
      source,
      known,
      oldest?.version ?? null,
      alarming(skipped),
      age === null ? null : duration(age),
      presumed ? null : account.complete ? 'yes' : 'no',
      presumed ? null : account.fresh ? 'yes' : painted('no', 'yellow'),
      painted(doubts(account).join('; ') || 'none', isDoubtful(account) ? 'yellow' : 'reset'),
    ];
  });
  const headings = ['source', 'agents', 'oldest', 'unreadable', 'age', 'complete', 'fresh', 'doubts'];
  const lines = [...describeBasis(channel, complete, sources), ...sources.flatMap((account) => ways(channel, account))];
  return [table(screen, headings, rows), ...lines.map((line) => sentence(screen, line))].join('\n\n');
}

const doubts = ({ settling, failing }: Evidence): string[] => [
  ...(settling ? [describeFall(settling)] : []),
  ...(failing ? [describeFailure(failing)] : []),
];

/** What a verdict rests on, in a sentence. */
function describeBasis(channel: string, complete: boolean, sources: Evidence[]): string[] {
  const basis = sources.filter((account) => account.complete && account.fresh).map(({ source }) => source);
  if (complete) {
    return [
      `an allowed target rests on ${basis.join(' and ')}, which ${basis.length === 1 ? 'knows' : 'know'} all agents; what any other source counts can only refuse one`,
      ...(sources.some(({ settling }) => settling)
        ? ['while a source is settling, its higher count holds as well']
        : []),
    ];
  }
  if (basis.length > 0) {
    return [
      `some check-ins were too many to be counted, so no source of ${channel} confirms a target; see: fairway census ${channel}`,
    ];
  }
  return [
    `no complete source of ${channel} is fresh, so every count can refuse a target, and recently served targets count as one agent each; to import what runs: fairway inventory import FILE -c ${channel}`,
  ];
}

/** The command with which a person ends a doubt. */
const ways = (channel: string, { source, settling }: Evidence): string[] =>
  settling
    ? [`to confirm the fall of ${source} yourself: fairway evidence accept ${channel} ${source} --reason WHY`]
    : [];
