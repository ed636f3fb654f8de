import type { Command } from 'commander';
import { afterRefusal } from '../../domain/effects.ts';
import { number, who } from '../../domain/words.ts';
import { channelPath, readAll } from '../client.ts';
import type { Context } from '../context.ts';
import {
  actionOf,
  alarming,
  does,
  evidence,
  mark,
  NO_CHANNELS,
  stateOf,
  stepsToCome,
  time,
  troubleRows,
} from '../describe.ts';
import { EXIT } from '../errors.ts';
import { type Cell, command, painted, pairs, type Screen, sentence, table } from '../layout.ts';
import { sayIfOld, unlessAway } from '../outage.ts';
import { reportTable } from '../report.ts';
import type { AuditEntry, Census, Channel, Hold, PlanState, Report, ScheduledChange } from '../types.ts';
import { type WatchOptions, watching, withWatch } from '../watch.ts';

/** `channels`, `show`, `check` and `plan`: what channels serve, and what they may serve. */
export function channelCommands(program: Command, context: Context): void {
  const { api } = context;

  program
    .command('channels')
    .description('list the channels: target, critical, pin, agents')
    .action(async () => {
      const [list, all] = await Promise.all([
        readAll<'channels', Channel>(api, '/channels', 'channels'),
        unlessAway(readAll<'channels', Census>(api, '/census', 'channels')),
      ]);
      context.show(list, (screen) => channelTable(screen, list.channels, all?.channels ?? null));
      await sayIfOld(context, all !== null);
    });

  withWatch(program.command('show'))
    .description('show a channel: what it serves, who set it and why, its agents')
    .argument('<channel>')
    .option('--history <n>', 'show at most this many entries of its history', '5')
    .action((name: string, { history, ...options }: WatchOptions & { history: string }) =>
      watching(context, options, async () => {
        const [channel, census, past] = await Promise.all([
          api<Channel>(channelPath(name)),
          unlessAway(api<Census>(`/census?channel=${encodeURIComponent(name)}`)),
          unlessAway(
            api<{ entries: AuditEntry[] }>(`${channelPath(name)}/history?limit=${encodeURIComponent(history)}`),
          ),
        ]);
        const entries = past?.entries ?? [];
        context.show({ channel, census, history: entries }, (screen) => channelSheet(screen, channel, census, entries));
        await sayIfOld(context, census !== null);
      }),
    );

  program
    .command('check')
    .description('check whether a channel may serve a version; changes nothing, exits 3 if not')
    .argument('<channel>')
    .argument('<version>')
    .action(async (name: string, version: string) => {
      const [report, channel, census] = await Promise.all([
        unlessAway(api<Report>(`${channelPath(name)}/check`, { method: 'POST', body: { version } })),
        api<Channel>(channelPath(name)),
        unlessAway(api<Census>(`/census?channel=${encodeURIComponent(name)}`)),
      ]);
      if (!report || !census) {
        context.exitCode = EXIT.error;
        const unknown = `whether ${name} may serve ${version} is not known now; it serves ${channel.target ?? 'none'}`;
        context.show({ channel }, (screen) => sentence(screen, unknown));
        return sayIfOld(context, false);
      }
      if (!report.allowed) context.exitCode = EXIT.refused;
      context.show(report, (screen) => {
        const verdict = report.allowed ? 'would be allowed' : 'would be refused';
        const after = afterRefusal(channel, report.target, null);
        const sheet = reportTable(screen, { before: channel, after, census, report }, 'refused');
        return `${sheet}\n\n${sentence(screen, `${report.target} ${verdict} for ${name}`)}`;
      });
    });

  withWatch(program.command('plan'))
    .description('show a stepped roll-forward: where it is, and what it waits for')
    .argument('<channel>')
    .action((name: string, options: WatchOptions) =>
      watching(context, options, async () => {
        const state = await api<PlanState>(`${channelPath(name)}/plan`);
        context.show(state, (screen) => planSheet(screen, name, state));
      }),
    );
}

function planSheet(screen: Screen, name: string, { plan, next, waiting, report }: PlanState): string {
  if (!plan)
    return sentence(screen, `${name} has no plan; to start one: fairway roll-forward ${name} VERSION --stepped`);
  const { target, route, step, critical, startedBy, startedAt, reason } = plan;
  return pairs(screen, [
    ['channel', painted(name, 'bold')],
    ['to', painted(target, 'bold')],
    ['route', route.map((version, index) => `${version}${index < step ? ' (done)' : index === step ? ' (now)' : ''}`)],
    ['next', next],
    ['state', waiting ? painted(waiting.detail, 'yellow') : 'continues within seconds'],
    ['critical', critical ? 'yes' : 'no'],
    ['would strand', report && number(report.stranded)],
    ['started', `${time(startedAt)} by ${who(startedBy)}, reason: ${reason}`],
  ]);
}

function channelTable(screen: Screen, channels: Channel[], censuses: Census[] | null): string {
  if (channels.length === 0) return sentence(screen, NO_CHANNELS);
  const byName = new Map(censuses?.map((census) => [census.channel, census]));
  const rows = channels.map((channel): Cell[] => [
    channel.name,
    target(channel),
    channel.critical ? painted('yes', 'yellow') : 'no',
    channel.pin ? (channel.pin.until ? `until ${time(channel.pin.until)}` : 'yes') : 'no',
    censuses && (byName.get(channel.name)?.agents ?? 0),
    byName.get(channel.name)?.oldest?.version ?? null,
    censuses && alarming(byName.get(channel.name)?.stranded ?? 0),
  ]);
  return table(screen, ['channel', 'target', 'critical', 'pinned', 'agents', 'oldest', 'stranded'], rows);
}

/** What the watch stopped is mostly to be taken back, so that comes first, unless the watch has done that already. */
function heldRow({ name, served }: Channel, hold: Hold): [string, Cell[]][] {
  const isHalted = hold.by === 'system:watch' && !served.some(({ until }) => until === hold.at);
  const back = isHalted ? [command(`fairway roll-back ${name}`)] : [];
  return [['held', [painted(mark(hold), 'yellow'), ...back, command(`fairway release ${name}`)]]];
}

const target = ({ target }: Channel): Cell => target ?? painted('none', 'yellow');

function describeAgents({ agents, oldest }: Census): string {
  if (agents === 0) return 'none known';
  return oldest ? `${number(agents)}, oldest ${oldest.version}` : number(agents);
}

const censusRows = (census: Census): [string, Cell | Cell[]][] => [
  ['agents', describeAgents(census)],
  ...troubleRows(census),
  ['evidence', census.sources.map(evidence)],
];

function channelSheet(screen: Screen, channel: Channel, census: Census | null, history: AuditEntry[]): string {
  const {
    description,
    controlPlane,
    toolsVersion,
    toolsFallback,
    critical,
    pin,
    hold,
    frozen,
    scheduled = [],
    plan,
    lineage,
    accepts,
    purpose,
  } = channel;
  const tools = toolsVersion ?? toolsFallback;
  const sheet = pairs(screen, [
    ['channel', painted(channel.name, 'bold')],
    ...(description ? [['', description] as [string, Cell]] : []),
    ['target', target(channel)],
    ...(tools ? [['client tools', tools] as [string, Cell]] : []),
    ['critical', critical ? painted(mark(critical), 'yellow') : 'no'],
    ['pinned', pin ? painted(mark(pin), 'yellow') : 'no'],
    ...(hold ? heldRow(channel, hold) : []),
    ...(scheduled.length > 0 ? [['scheduled', scheduled.map(describeScheduled)] as [string, Cell[]]] : []),
    ...(frozen ? [['frozen', painted(frozen, 'yellow')] as [string, Cell]] : []),
    ...(plan ? [['plan', `then ${stepsToCome(plan)}; for more: fairway plan ${channel.name}`] as [string, Cell]] : []),
    ['lineage', lineage.join(' → ')],
    ['control plane', controlPlane],
    ...(purpose ? [['purpose', purpose] as [string, Cell]] : []),
    ['accepts', accepts.join(', ')],
    ...(census ? censusRows(census) : []),
    ['changed', `${time(channel.updatedAt)} by ${who(channel.updatedBy)} (revision ${channel.revision})`],
  ]);
  const counts = census?.versions ?? [];
  const versions = table(
    screen,
    ['version', 'agents'],
    counts.map(({ version, count }) => [version, count]),
  );
  const rows = history.map((entry): Cell[] => {
    return [time(entry.at), who(entry.actor), actionOf(entry), entry.reason];
  });
  const past = table(screen, ['at', 'by', 'action', 'reason'], rows);
  return [sheet, ...(counts.length > 0 ? [versions] : []), ...(rows.length > 0 ? [past] : [])].join('\n\n');
}

/** `0a1b2c3d4e5f: roll-forward to 16.4.8 at 2026-12-01 04:00:00 UTC by token ops, reason: monthly` */
function describeScheduled(change: ScheduledChange): Cell {
  const { id, at, by, reason, undone } = change;
  const what = `${id}: ${does(change)} at ${time(at)} by ${who(by)}, reason: ${reason}`;
  if (!undone) return what;
  const text = `${what}; ${stateOf(change)}`;
  return undone.state === 'overtaken' ? text : painted(text, 'red');
}
