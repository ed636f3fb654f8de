import { type Command, InvalidArgumentError, Option } from 'commander';
import parse from 'semver/functions/parse.js';
import { AGENT_MARKS } from '../../domain/agent.ts';
import { number } from '../../domain/words.ts';
import { channelPath, readAll } from '../client.ts';
import { type ConsentOptions, requireConsent, requireReason, requireTerminal, withConsent } from '../consent.ts';
import type { Context } from '../context.ts';
import { alarming, oldest as atLowest, evidence, mark, NO_CHANNELS, time, troubleRows } from '../describe.ts';
import { type Cell, agents as inWords, painted, pairs, type Screen, sentence, table } from '../layout.ts';
import { sayIfOld, unlessAway } from '../outage.ts';
import type { Agent, Census, Channel, Evidence, Explanation } from '../types.ts';

interface AgentOptions {
  channel?: string;
  version?: string;
  at?: string;
  olderThan?: string;
  group?: string;
  host?: string;
  mark?: string;
  source?: string;
  limit: number;
  cursor?: string;
}

interface AgentPage {
  agents: Agent[];
  cursor: string | null;
}

const MAX_PAGE = 500;

type ForgetOptions = ConsentOptions & { reason?: string };

/** `agents`, `explain` and `census`: which agents there are, what they run, and what they get. */
export function agentCommands(program: Command, context: Context): void {
  const { api } = context;

  const agents = program
    .command('agents')
    .description('list agents and what they run')
    .option('-c, --channel <channel>', 'only agents that follow this channel')
    .option('--version <version>', "only agents that count at this version, as the census shows it; '?': unreadable")
    .addOption(new Option('--at <version>').hideHelp())
    .option('--older-than <version>', 'only agents that run an older version, oldest first')
    .option('--group <group>', 'only agents of this update group')
    .option('--host <part>', 'only agents whose host name contains this')
    .addOption(new Option('--mark <mark>', 'only agents with this mark').choices(AGENT_MARKS))
    .addOption(
      new Option('--source <source>', 'only agents that this source knows').choices(['inventory', 'check-ins']),
    )
    .option('--limit <n>', 'show at most this many', readLimit, 50)
    .option('--cursor <cursor>', 'continue where the last page ended')
    .action(async (options: AgentOptions) => {
      const page =
        options.olderThan && !options.cursor ? await readOldest(context, options) : await readAgents(context, options);
      context.show(page, (screen) => agentTable(screen, page));
    });

  withConsent(agents.command('forget'))
    .description('forget an agent until it is seen again')
    .argument('<id>', 'id of the agent')
    .option('-r, --reason <reason>', 'why, for the audit log')
    .action((id: string, options: ForgetOptions) => forgetAgent(context, id, options));

  program
    .command('explain')
    .description('show which version an agent gets, and why')
    .argument('<id>', 'id of the agent')
    .action(async (id: string) => {
      const explanation = await api<Explanation>(`/agents/${encodeURIComponent(id)}/explain`);
      context.show(explanation, (screen) => explanationSheet(screen, explanation));
    });

  program
    .command('census')
    .description('count agents by version and source, for one channel or all')
    .argument('[channel]')
    .action(async (channel: string | undefined) => {
      if (channel === undefined) {
        const all = await unlessAway(readAll<'channels', Census>(api, '/census', 'channels'));
        if (!all)
          return showServed(context, (await readAll<'channels', Channel>(api, '/channels', 'channels')).channels);
        context.show(all, (screen) => censusOverview(screen, all.channels));
        return sayIfOld(context, true);
      }
      const census = await unlessAway(api<Census>(`/census?channel=${encodeURIComponent(channel)}`));
      if (!census) return showServed(context, [await api<Channel>(channelPath(channel))]);
      context.show(census, (screen) => censusSheet(screen, census));
      return sayIfOld(context, true);
    });
}

const readLimit = (text: string): number => {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1) return limit;
  throw new InvalidArgumentError('It must be a whole number of at least 1.');
};

/** Collects pages until there are `limit` agents, because a short page is not always the last. */
async function readAgents(
  { api, terminal }: Context,
  { limit, cursor, at, version = at, ...filter }: AgentOptions,
): Promise<AgentPage> {
  const agents: Agent[] = [];
  let next: string | null = cursor ?? null;
  do {
    const size = Math.min(limit - agents.length, MAX_PAGE);
    const query = new URLSearchParams({ ...filter, ...(version && { version }), limit: String(size) });
    if (next !== null) query.set('cursor', next);
    const page: AgentPage = await api<AgentPage>(`/agents?${query}`);
    agents.push(...page.agents);
    next = page.cursor;
    if (next !== null && agents.length >= MAX_PAGE) terminal.progress(`${inWords(agents.length)} read`);
  } while (next !== null && agents.length < limit);
  terminal.progress('');
  return { agents, cursor: next };
}

/** Agents that are read to find the oldest; a channel that has more behind has other things to see first. */
const MAX_SORTED = 20_000;

/** The oldest agents first. The API lists them by id, so that all of them are read before they are sorted. */
async function readOldest(context: Context, options: AgentOptions): Promise<AgentPage> {
  const { agents, cursor } = await readAgents(context, { ...options, limit: MAX_SORTED });
  const sorted = agents.toSorted((a, b) => byVersion(a.version, b.version));
  const shown = sorted.slice(0, options.limit);
  const left =
    cursor === null ? inWords(agents.length - shown.length) : `${inWords(agents.length - shown.length)} or more`;
  if (agents.length > shown.length) context.terminal.say(`not shown: ${left}; use --limit for a longer list`);
  return { agents: shown, cursor: null };
}

/** A version that cannot be read may be the oldest of all. */
function byVersion(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  return left && right ? left.compare(right) : Number(left !== null) - Number(right !== null);
}

/** What channels serve, while nobody can say how many agents follow. */
async function showServed(context: Context, channels: Channel[]): Promise<void> {
  const rows = channels.map(({ name, target }): Cell[] => [name, target]);
  context.show({ channels }, (screen) => table(screen, ['channel', 'target'], rows));
  await sayIfOld(context, false);
}

function agentTable(screen: Screen, { agents, cursor }: AgentPage): string {
  if (agents.length === 0)
    return sentence(screen, 'no such agents are known; to import what runs: fairway inventory import FILE -c CHANNEL');
  const rows = agents.map((agent): Cell[] => {
    const { id, host, version, channel, updater, group, lastSeen, sources } = agent;
    const from = sources.map(({ source }) => source).join(', ');
    const marks = marksOf(agent);
    const marked = marks.length > 0 ? painted(marks.join(', '), 'yellow') : null;
    return [id, host, version, channel, updater, group, marked, time(lastSeen), from];
  });
  const headings = ['id', 'host', 'version', 'channel', 'updater', 'group', 'marks', 'last seen', 'from'];
  const list = table(screen, headings, rows);
  if (cursor === null) return list;
  const more = `there are more; use --limit for a longer list, or --cursor ${cursor} for the next page`;
  return `${list}\n\n${sentence(screen, more)}`;
}

/** What sets an agent apart from others at its version. */
function marksOf({ contested, reverted, expired, enrolled, updaterState }: Agent): string[] {
  return [
    ...(contested ? ['contested'] : []),
    ...(reverted ? ['reverted'] : []),
    ...(expired ? ['expired'] : []),
    ...(enrolled ? [] : ['not enrolled']),
    ...(updaterState && updaterState !== 'ok' ? [updaterState] : []),
  ];
}

async function forgetAgent(context: Context, id: string, options: ForgetOptions): Promise<void> {
  requireTerminal(context, options);
  const reason = options.dryRun ? undefined : await requireReason(context, options.reason);
  const path = `/agents/${encodeURIComponent(id)}`;
  const agent = await context.api<Agent>(path);
  const shown = (screen: Screen) => agentTable(screen, { agents: [agent], cursor: null });
  if (options.dryRun) {
    const note = 'nothing was changed: this was a dry run';
    return context.show(agent, (screen) => `${shown(screen)}\n\n${sentence(screen, note)}`);
  }
  if (!options.yes) context.terminal.say(`${shown(context.terminal)}\n`);
  await requireConsent(context, options, `Forget ${id}?`);
  await context.api(`${path}?${new URLSearchParams({ reason: reason ?? '' })}`, { method: 'DELETE' });
  context.show({ forgotten: agent }, (screen) => sentence(screen, `${id} was forgotten until it is seen again`));
}

function explanationSheet(screen: Screen, explanation: Explanation): string {
  const { agent, channel, told, target, critical, pin, plan, revision, because, stranded, cutOff } = explanation;
  const marks = marksOf(agent);
  return pairs(screen, [
    ['agent', painted(agent.id, 'bold')],
    ['host', agent.host],
    ['because', because],
    ['stranded', stranded ? painted('yes', 'red') : 'no'],
    ...(cutOff ? [['cut off', painted('yes', 'red')] as [string, Cell]] : []),
    ['gets', told ? `version ${told.version}, critical ${told.critical}` : '404'],
    ['channel', revision === null ? channel : `${channel} (revision ${revision})`],
    ...(agent.channels.length > 1 ? [['counts on', agent.channels.join(', ')] as [string, Cell]] : []),
    ['counts at', agent.version],
    ['marks', marks.length > 0 ? painted(marks.join(', '), 'yellow') : null],
    ['target', target],
    ['critical', critical ? mark(critical) : 'no'],
    ['pinned', pin ? mark(pin) : 'no'],
    ...(plan
      ? [['plan', `${plan.next} is next${plan.strandsAgent ? ', and would strand it now' : ''}`] as [string, Cell]]
      : []),
    ['runs', agent.sources.map(({ version, source, at }) => `${version}, reported by ${source} at ${time(at)}`)],
    ['updater', [agent.updater, agent.updaterVersion].filter(Boolean).join(' ')],
    ['group', agent.group],
  ]);
}

function censusOverview(screen: Screen, censuses: Census[]): string {
  if (censuses.length === 0) return sentence(screen, NO_CHANNELS);
  const anyCutOff = censuses.some(({ cutOff }) => cutOff > 0);
  const rows = censuses.map(
    ({ channel, agents, oldest, stranded, cutOff, contested, reverted, unmanaged, sources }): Cell[] => [
      channel,
      agents,
      oldest?.version ?? null,
      alarming(stranded),
      ...(anyCutOff ? [alarming(cutOff)] : []),
      contested,
      reverted,
      unmanaged,
      sources.map(inShort).join(', '),
    ],
  );
  const first = ['channel', 'agents', 'oldest', 'stranded', ...(anyCutOff ? ['cut off'] : [])];
  const headings = [...first, 'contested', 'reverted', 'unmanaged', 'evidence'];
  return table(screen, headings, rows);
}

/** A source, and why it is doubtful. */
function inShort({ source, complete, fresh, settling, failing }: Evidence): string {
  const why = [
    ...(complete && !fresh ? ['old'] : []),
    ...(settling ? ['settling'] : []),
    ...(failing ? ['failing'] : []),
  ];
  return why.length > 0 ? `${source} (${why.join(', ')})` : source;
}

/** How far the agents are from the target, without the zeros. */
function describeDistance(distance: NonNullable<Census['distance']>): string {
  const { atTarget, behind, majorBehind, outOfSupport, ahead, cutOff } = distance;
  const parts: [number, string][] = [
    [atTarget, 'at the target'],
    [behind, 'behind'],
    [majorBehind, 'a major or more behind'],
    [outOfSupport, 'out of support'],
    [ahead, 'ahead'],
    [cutOff, 'cut off by the control plane'],
  ];
  return parts.flatMap(([amount, where]) => (amount > 0 ? [`${number(amount)} ${where}`] : [])).join(', ');
}

const BAR = 30;

function censusSheet(screen: Screen, census: Census): string {
  const { channel, agents, oldest, versions, distance, sources } = census;
  const sheet = pairs(screen, [
    ['channel', painted(channel, 'bold')],
    ['agents', agents],
    ['oldest', oldest && atLowest(oldest)],
    ...(distance && agents > 0 ? [['to go', describeDistance(distance)] as [string, Cell]] : []),
    ...troubleRows(census),
    ['evidence', sources.map(evidence)],
  ]);
  if (versions.length === 0) {
    const hint = `it is not known what runs here; to import it: fairway inventory import FILE -c ${channel}`;
    return `${sheet}\n\n${sentence(screen, hint)}`;
  }
  const most = Math.max(...versions.map(({ count }) => count));
  const rows = versions.map(({ version, count }): Cell[] => [
    version,
    count,
    painted('█'.repeat(Math.max(1, Math.round((count / most) * BAR))), 'cyan'),
  ]);
  return `${sheet}\n\n${table(screen, ['version', 'agents', ''], rows)}`;
}
