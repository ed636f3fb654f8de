import { type Command, Option } from 'commander';
import { count, who } from '../../domain/words.ts';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { time } from '../describe.ts';
import { UsageError } from '../errors.ts';
import { type Cell, item, painted, pairs, type Screen, table } from '../layout.ts';
import { backports, type CatalogueOptions, RELEASES_OPTION, readMajor } from '../offline.ts';
import type { BackportPlan, BranchCuts, RecallResult, Release, SupportWindow, TagPlan } from '../types.ts';
import { readTime } from '../until.ts';
import { tagLines } from './versions.ts';

const REASON = 'why, for the audit log';
const SETS = ['control-plane', 'packages', 'helm'] as const;
const FIELDS = { 'control-plane': 'controlPlane', packages: 'packages', helm: 'helm' } as const;
const STATES = ['absent', 'building', 'published'];

interface RegisterOptions {
  commit: string;
  cutAt: string;
  branch?: string;
  previous?: string;
  includes?: string[];
  security?: true;
  embargoed?: true;
  published?: string[];
  change?: string[];
  significant?: string[];
}

interface RecallOptions extends ConsentOptions {
  reason?: string;
  critical?: true;
  channel?: string[];
  overrideFreeze?: true;
}

/** The commands for a single release, below `releases`. */
export function catalogueCommands(releases: Command, context: Context): void {
  const { api } = context;
  const shown = (release: Release) => context.show(release, (screen) => releaseSheet(screen, release));
  const post = <T>(version: string, verb: string, body: object) =>
    api<T>(`/releases/${encodeURIComponent(version)}/${verb}`, { method: 'POST', body });

  releases
    .command('show')
    .description('show a release: artifacts, changes, sign-offs')
    .argument('<version>')
    .action(async (version: string) => shown(await api<Release>(`/releases/${encodeURIComponent(version)}`)));

  releases
    .command('register')
    .description('register a release, as CI does; registering it again changes nothing')
    .argument('<version>')
    .requiredOption('--commit <hash>', '6 to 40 hex digits')
    .requiredOption('--cut-at <time>', 'when its tag was cut: 2026-11-22T18:00:00Z')
    .option('--branch <branch>', 'the branch that it was cut from, if it is not the usual one')
    .option('--previous <version>', 'the release that the changes are counted from')
    .option('--includes <version...>', 'releases under embargo whose fixes it contains')
    .option('--security', 'it fixes a vulnerability')
    .option('--embargoed', 'hide it from everyone below release-manager')
    .addOption(new Option('--published <set...>', 'artifacts that are already published').choices(SETS))
    .option('--significant <pr:title...>', 'changes that must be signed off')
    .option('--change <pr:title...>', 'other changes')
    .action(async (version: string, options: RegisterOptions) => {
      const { change = [], significant = [], published = [], ...said } = options;
      const changes = [
        ...significant.map(readChange('--significant', true)),
        ...change.map(readChange('--change', false)),
      ];
      const artifacts = statesOf(published, 'published');
      const cutAt = readTime('--cut-at', options.cutAt, new Date()).toISOString();
      const body = { version, ...said, cutAt, artifacts, changes };
      await shown(await api<Release>('/releases', { method: 'POST', body }));
    });

  releases
    .command('artifacts')
    .description('report what was built and published')
    .argument('<version>')
    .addArgument(releases.createArgument('<set>', 'which artifacts').choices(SETS))
    .addArgument(releases.createArgument('<state>', 'the state they are in').choices(STATES))
    .action(async (version: string, set: string, state: string) =>
      shown(await post<Release>(version, 'artifacts', statesOf([set], state))),
    );

  releases
    .command('sign-off')
    .description('sign off a change by hand')
    .argument('<version>')
    .argument('<pr>')
    .option('-r, --reason <reason>', 'why, for the audit log')
    .option('--withdraw', 'withdraw the sign-off')
    .action(async (version: string, pr: string, { reason, withdraw }: { reason?: string; withdraw?: true }) =>
      shown(
        await post<Release>(version, `changes/${encodeURIComponent(pr)}/sign-off`, { signedOff: !withdraw, reason }),
      ),
    );

  recall(releases.command('pull'), 'pull a bad release; every channel that serves it goes back at once').action(
    (version: string, options: RecallOptions) =>
      runRecall(
        context,
        { version, verb: 'pull', preview: 'would be pulled', question: `Pull ${version}?`, done: 'was pulled' },
        options,
      ),
  );

  recall(releases.command('lift-embargo'), 'make a release public')
    .option('--channel <channel...>', 'roll these channels forward to it at the same time')
    .option('--override-freeze', 'although a freeze holds (needs the role admin)')
    .action((version: string, options: RecallOptions) =>
      runRecall(
        context,
        {
          version,
          verb: 'lift-embargo',
          preview: 'would be public',
          question: `Make ${version} public?`,
          done: 'is public',
        },
        options,
      ),
    );

  releases
    .command('tags')
    .description('list the Docker tags that a release creates and moves')
    .argument('<version>')
    .action(async (version: string) => {
      const plan = await api<TagPlan>(`/releases/${encodeURIComponent(version)}/tags`);
      context.show(plan, (screen) =>
        tagLines(plan)
          .map((line) => item(screen, line))
          .join('\n'),
      );
    });

  releases
    .command('support')
    .description('list the supported majors')
    .action(async () => {
      const support = await api<SupportWindow>('/releases/support');
      const rows = support.majors.map(({ major, newest, releases: count }): Cell[] => [String(major), newest, count]);
      context.show(support, (screen) =>
        rows.length === 0
          ? 'no stable release is known; to import a history: fairway releases import FILE'
          : table(screen, ['major', 'newest', 'releases'], rows),
      );
    });

  releases
    .command('cut-branch')
    .description('declare that branch/vMAJOR was cut, which raises the major of cloud releases')
    .argument('<major>')
    .option('-r, --reason <reason>', REASON)
    .action(async (text: string, options: { reason?: string }) => {
      const body = { major: readMajor('MAJOR', text), reason: await requireReason(context, options.reason) };
      const cuts = await api<BranchCuts>('/releases/cut-branch', { method: 'POST', body });
      context.show(cuts, () => `cloud releases have the major ${cuts.majors.join(' or ')} now`);
    });

  releases
    .command('backport-plan')
    .description('show which branches a change goes to, and which releases follow')
    .option('--urgent', 'a serious bug: patches of every supported major')
    .option('--not-urgent', 'any other bug: the next minor of the latest major')
    .option('--security', 'a vulnerability: the same as urgent')
    .option('--next-minor', 'work for the next minor of the latest major')
    .option('--next-major', 'work for the next major: main only')
    .option('--no-backport', 'a fix that only main gets')
    .option('--majors <major...>', 'only these supported majors have the bug')
    .option('--customer-requested <major...>', 'older majors that a customer wants the fix for, though not urgent')
    .option(...RELEASES_OPTION)
    .action(async (options: BackportOptions) => {
      const { majors, customerRequested } = options;
      const needs = {
        majors: majors?.map((each) => readMajor('--majors', each)),
        customerRequested: customerRequested?.map((each) => readMajor('--customer-requested', each)),
      };
      const plan = await backports(context, { urgency: readUrgency(options), ...needs }, options);
      context.show(plan, (screen) => backportSheet(screen, plan));
    });
}

const recall = (command: Command, description: string): Command =>
  withConsent(command.description(description).argument('<version>').option('-r, --reason <reason>', REASON)).option(
    '--critical',
    'agents move at once, not in their maintenance window',
  );

interface RecallAct {
  version: string;
  verb: 'pull' | 'lift-embargo';
  /** The words about the release before the change, the question, and the words after it. */
  preview: string;
  question: string;
  done: string;
}

/** Shows which channels would move where, asks, and does it. */
async function runRecall(context: Context, act: RecallAct, options: RecallOptions): Promise<void> {
  requireTerminal(context, options);
  const { critical, channel, overrideFreeze } = options;
  const reason = await requireReason(context, options.reason);
  const post = (dryRun: boolean) => {
    const body = { reason, critical, overrideFreeze, dryRun, ...(channel ? { channels: channel } : {}) };
    return context.api<RecallResult>(`/releases/${encodeURIComponent(act.version)}/${act.verb}`, {
      method: 'POST',
      body,
    });
  };
  if (!options.yes || options.dryRun) {
    const preview = await post(true);
    context.show(preview, (screen) => recallSheet(screen, preview, act.preview));
    if (options.dryRun) return;
    await requireConsent(context, options, act.question);
  }
  const result = await post(false);
  context.show(result, (screen) => recallSheet(screen, result, act.done));
}

const statesOf = (sets: string[], state: string) =>
  Object.fromEntries(sets.map((set) => [FIELDS[set as keyof typeof FIELDS], state]));

const readChange = (option: string, significant: boolean) => (text: string) => {
  const [, pr, author, title] = /^#?(\d{1,9})(?:@([\w.-]{1,100}))?:\s*(.+)$/.exec(text) ?? [];
  if (!pr || !title)
    throw new UsageError(
      `${option}: "${text}" is not a change; write it as PR:TITLE or PR@AUTHOR:TITLE, such as "4711:Fix the proxy"`,
    );
  return { pr: Number(pr), title, significant, ...(author ? { author } : {}) };
};

interface BackportOptions extends CatalogueOptions {
  urgent?: true;
  notUrgent?: true;
  security?: true;
  nextMinor?: true;
  nextMajor?: true;
  /** False with `--no-backport`. */
  backport: boolean;
  majors?: string[];
  customerRequested?: string[];
}

function readUrgency(options: BackportOptions): BackportPlan['urgency'] {
  const said: Record<BackportPlan['urgency'], boolean | undefined> = {
    urgent: options.urgent,
    'not-urgent': options.notUrgent,
    security: options.security,
    'next-minor': options.nextMinor,
    'next-major': options.nextMajor,
    none: !options.backport,
  };
  const given = Object.entries(said) as [BackportPlan['urgency'], boolean | undefined][];
  const [urgency, ...others] = given.flatMap(([each, isSaid]) => (isSaid ? [each] : []));
  if (urgency && others.length === 0) return urgency;
  throw new UsageError(
    'state what the change is: one of --urgent, --not-urgent, --security, --next-minor, --next-major and --no-backport',
  );
}

function releaseSheet(screen: Screen, release: Release): string {
  const {
    version,
    commit,
    cutAt,
    branch,
    previous,
    includes = [],
    security,
    embargoed,
    artifacts,
    changes,
    pulled,
    registered,
  } = release;
  const sheet = pairs(screen, [
    ['release', painted(version, 'bold')],
    ['commit', commit],
    ['cut', cutAt && `${time(cutAt)}${branch ? ` from ${branch}` : ''}`],
    ['previous', previous],
    ...(includes.length > 0 ? [['includes', includes.join(', ')] as [string, Cell]] : []),
    ['security', security ? painted('yes', 'yellow') : 'no'],
    ...(embargoed
      ? [['embargo', painted('hidden from everyone below release-manager', 'yellow')] as [string, Cell]]
      : []),
    ['artifacts', SETS.map((set) => `${set}: ${artifacts[FIELDS[set]].state}`)],
    ...(pulled ? [['pulled', painted(`${pulled.reason} (${who(pulled.by)})`, 'red')] as [string, Cell]] : []),
    ['registered', registered ? `${time(registered.at)} by ${who(registered.by)}` : 'imported from a history'],
  ]);
  const rows = changes.map(({ pr, significant, signedOff, title }): Cell[] => [
    `#${pr}`,
    significant ? 'yes' : 'no',
    signedOff ? `by ${who(signedOff.by)}` : significant ? painted('open', 'yellow') : null,
    title,
  ]);
  return rows.length === 0
    ? sheet
    : `${sheet}\n\n${table(screen, ['change', 'significant', 'signed off', 'title'], rows)}`;
}

function recallSheet(screen: Screen, { release, total, withdrawn, channels }: RecallResult, what: string): string {
  const none = total === 0 ? '; no channel moves' : '';
  const lines = channels.map(({ channel, detail }) => item(screen, `${channel}: ${detail}`));
  const rest = total - channels.length;
  if (rest > 0)
    lines.push(item(screen, `and ${count(rest, 'more channel')}; ${withdrawn} of all ${total} are withdrawn`));
  return [`${release.version} ${what}${none}`, ...lines].join('\n');
}

function backportSheet(screen: Screen, { merge, backports: branchesTo, releases }: BackportPlan): string {
  const branches = branchesTo.map(({ branch, from }) => (from ? `${branch}, created from ${from}` : branch));
  return pairs(screen, [
    ['merge into', merge],
    ['backport to', branches],
    ['release', releases.map(({ version, follows }) => `${version} after ${follows}`)],
  ]);
}
