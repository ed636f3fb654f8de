import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context } from '../context.ts';
import { oldest as atLowest, evidence, mark, NO_CHANNELS, time } from '../describe.ts';
import { type Cell, count, agents as inWords, painted, pairs, type Screen, sentence, table } from '../layout.ts';
import type { Agent, Census, Explanation } from '../types.ts';

interface AgentOptions {
  channel?: string;
  at?: string;
  olderThan?: string;
  group?: string;
  source?: string;
  limit: number;
  cursor?: string;
}

interface AgentPage {
  agents: Agent[];
  cursor: string | null;
}

const MAX_PAGE = 500;

/** `agents`, `explain` and `census`: who is where, and why. */
export function agentCommands(program: Command, context: Context): void {
  const { api } = context;

  program
    .command('agents')
    .description('agents with what they run, filtered')
    .option('-c, --channel <channel>', 'only those that follow this channel')
    .option('--at <version>', 'only those that run this version')
    .option('--older-than <version>', 'only those that run an older one')
    .option('--group <group>', 'only those of this update group')
    .addOption(new Option('--source <source>', 'only those that this source knows').choices(['inventory', 'check-ins']))
    .option('--limit <n>', 'how many at most', readLimit, 50)
    .option('--cursor <cursor>', 'go on where another page ended')
    .action(async (options: AgentOptions) => {
      const page = await readAgents(context, options);
      context.show(page, (screen) => agentTable(screen, page));
    });

  program
    .command('explain')
    .description('what an agent is told, and why')
    .argument('<id>', 'of the agent')
    .action(async (id: string) => {
      const explanation = await api<Explanation>(`/agents/${encodeURIComponent(id)}/explain`);
      context.show(explanation, (screen) => explanationSheet(screen, explanation));
    });

  program
    .command('census')
    .description('agents by version and source, of one channel or of all')
    .argument('[channel]')
    .action(async (channel: string | undefined) => {
      if (channel === undefined) {
        const all = await api<{ channels: Census[] }>('/census');
        return context.show(all, (screen) => censusOverview(screen, all.channels));
      }
      const census = await api<Census>(`/census?channel=${encodeURIComponent(channel)}`);
      return context.show(census, (screen) => censusSheet(screen, census));
    });
}

const readLimit = (text: string): number => {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1) return limit;
  throw new InvalidArgumentError('It is a number from 1.');
};

/** Collects pages until there are `limit` agents, since a page may be short and yet have a successor. */
async function readAgents(
  { api, terminal }: Context,
  { limit, cursor, at, ...filter }: AgentOptions,
): Promise<AgentPage> {
  const agents: Agent[] = [];
  let next: string | null = cursor ?? null;
  do {
    const size = Math.min(limit - agents.length, MAX_PAGE);
    const query = new URLSearchParams({ ...filter, ...(at && { version: at }), limit: String(size) });
    if (next !== null) query.set('cursor', next);
    const page: AgentPage = await api<AgentPage>(`/agents?${query}`);
    agents.push(...page.agents);
    next = page.cursor;
    if (next !== null && agents.length >= MAX_PAGE) terminal.progress(`${inWords(agents.length)} read`);
  } while (next !== null && agents.length < limit);
  terminal.progress('');
  return { agents, cursor: next };
}

function agentTable(screen: Screen, { agents, cursor }: AgentPage): string {
  if (agents.length === 0)
    return sentence(screen, 'no such agents are known; fairway inventory import makes them known');
  const rows = agents.map(({ id, channel, version, updater, group, lastSeen, sources }): Cell[] => {
    const from = sources.map(({ source }) => source).join(', ');
    return [id, version, channel, updater, group, time(lastSeen), from];
  });
  const list = table(screen, ['id', 'version', 'channel', 'updater', 'group', 'last seen', 'from'], rows);
  if (cursor === null) return list;
  const more = `there are more; --limit shows more of them, and --cursor ${cursor} the next`;
  return `${list}\n\n${sentence(screen, more)}`;
}

function explanationSheet(screen: Screen, explanation: Explanation): string {
  const { agent, channel, told, target, critical, pin, plan, revision, because } = explanation;
  return pairs(screen, [
    ['agent', painted(agent.id, 'bold')],
    ['because', because],
    ['told', told ? `version ${told.version}, critical ${told.critical}` : '404'],
    ['channel', revision === null ? channel : `${channel} (revision ${revision})`],
    ['target', target],
    ['critical', critical ? mark(critical) : 'no'],
    ['pinned', pin ? mark(pin) : 'no'],
    ...(plan
      ? [['plan', `${plan.next} is next${plan.strandsAgent ? ', and would strand it now' : ''}`] as [string, Cell]]
      : []),
    ['runs', agent.sources.map(({ version, source, at }) => `${version}, said ${source} at ${time(at)}`)],
    ['updater', [agent.updater, agent.updaterVersion].filter(Boolean).join(' ')],
    ['group', agent.group],
  ]);
}

function censusOverview(screen: Screen, censuses: Census[]): string {
  if (censuses.length === 0) return sentence(screen, NO_CHANNELS);
  const rows = censuses.map(({ channel, agents, oldest, sources }): Cell[] => [
    channel,
    agents,
    oldest?.version ?? null,
    sources.map(({ source }) => source).join(', '),
  ]);
  return table(screen, ['channel', 'agents', 'oldest', 'evidence'], rows);
}

/** How far the agents are from the target, leaving out what there is none of. */
function describeDistance(distance: NonNullable<Census['distance']>): string {
  const { atTarget, behind, majorBehind, outOfSupport, ahead } = distance;
  const parts: [number, string][] = [
    [atTarget, 'at the target'],
    [behind, 'behind'],
    [majorBehind, 'a major behind'],
    [outOfSupport, 'out of support'],
    [ahead, 'ahead'],
  ];
  return parts.flatMap(([number, where]) => (number > 0 ? [`${count(number)} ${where}`] : [])).join(', ');
}

const BAR = 30;

function censusSheet(screen: Screen, { channel, agents, oldest, versions, distance, sources }: Census): string {
  const sheet = pairs(screen, [
    ['channel', painted(channel, 'bold')],
    ['agents', agents],
    ['oldest', oldest && atLowest(oldest)],
    ...(distance && agents > 0 ? [['to go', describeDistance(distance)] as [string, Cell]] : []),
    ['evidence', sources.map(evidence)],
  ]);
  if (versions.length === 0) {
    const hint = `nobody has said what runs here; fairway inventory import --channel ${channel} does`;
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
