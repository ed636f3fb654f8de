import {
  AGENT_MARKS,
  type AgentMark,
  type AgentRecord,
  channelsOf,
  countedVersions,
  currentSighting,
  marksOf,
} from '../domain/agent.ts';
import { emptyTallies, type Tallies } from '../domain/fleet-counts.ts';
import { STRANGER, updaterOf } from './packing.ts';

/**
 * How the counters of a shard are spelled, for both stores: a field is `CHANNEL KIND:LABEL`, and its value is a number
 * of agents unless it says otherwise.
 */
export const KINDS = {
  /** Agents, from whatever source, by the version that counts. */
  known: 'k:',
  /** `CHANNEL d:LOW>OTHER`: agents in dispute, which count at LOW, and at OTHER as well. */
  disputed: 'd:',
  /** Enrolled check-ins by the version that they reported. */
  reported: 'v:',
  group: 'g:',
  /** By the letter of an updater's kind. */
  updater: 'u:',
  mark: 'm:',
  /** `!CHANNEL s:`: check-ins that are not enrolled. */
  strangers: 's:',
  /** `CHANNEL at:`: the time of the newest enrolled check-in. */
  latest: 'at:',
  /** `CHANNEL x:LINE`: when a check-in of that release line was last refused or dropped. */
  uncounted: 'x:',
  /** `CHANNEL n:k`, `n:d`, `n:v`, `n:g`: how many fields of that kind the channel has. */
  fields: 'n:',
} as const;

/** Enrolled check-ins of a shard, which `FleetLimits.agents` bounds; and those that are not enrolled. */
export const AGENTS_OF_SHARD = '# agents';
export const STRANGERS_OF_SHARD = '# strangers';

/** The fields that the agent is counted in, by one each. The Lua scripts keep to the same. */
export function countersOf(record: AgentRecord): string[] {
  const { checkIn, inventory } = record;
  const fields = channelsOf(record).flatMap((channel) => labelsOf(record).map((label) => `${channel} ${label}`));
  if (checkIn?.enrolled) fields.push(`${checkIn.channel} ${KINDS.reported}${checkIn.version}`, AGENTS_OF_SHARD);
  if (checkIn && !checkIn.enrolled) fields.push(`${STRANGER}${checkIn.channel} ${KINDS.strangers}`, STRANGERS_OF_SHARD);
  if (!currentSighting(record) && inventory) {
    for (const mark of marksOf(record)) fields.push(`${inventory.channel} ${KINDS.mark}${mark}`);
  }
  return fields;
}

/**
 * The labels of an agent, the same on each of its channels: group and updater of its current sighting, else of the
 * other.
 */
function labelsOf(record: AgentRecord): string[] {
  const { inventory, checkIn } = record;
  const current = currentSighting(record);
  const listed = inventory && !inventory.expired ? inventory : null;
  const other = current === listed ? (checkIn?.enrolled ? checkIn : null) : listed;
  const group = current?.group ?? other?.group;
  const updater = current?.updater ?? other?.updater;
  const [low = '', ...others] = countedVersions(record);
  return [
    KINDS.known + low,
    ...others.map((other) => `${KINDS.disputed}${low}>${other}`),
    ...(group ? [KINDS.group + group] : []),
    ...(updater ? [KINDS.updater + updater.charAt(0)] : []),
    ...marksOf(record).map((mark) => KINDS.mark + mark),
  ];
}

type Fields = Iterable<[field: string, value: number]>;

/** Counters read at a stretch: a few milliseconds. */
const AT_ONCE = 2_000;

/** What the counters of all shards say together; it pauses now and then, so that other work can be done. */
export function* countersInTurns(shards: Iterable<Fields>): Generator<void, Tallies> {
  const sums = new Map<string, number>();
  for (const fields of shards) {
    for (const [field, value] of fields) {
      const isTime = field.endsWith(` ${KINDS.latest}`) || field.includes(` ${KINDS.uncounted}`);
      const before = sums.get(field) ?? 0;
      sums.set(field, isTime ? Math.max(before, value) : before + value);
    }
    yield;
  }
  const counts = emptyTallies();
  let read = 0;
  for (const [field, value] of sums) {
    readCounter(counts, field, value);
    if (++read % AT_ONCE === 0) yield;
  }
  return counts;
}

function readCounter(counts: Tallies, field: string, value: number): void {
  const [, channel = '', kind, label = ''] = /^(\S+) (\w+:)(.*)$/.exec(field) ?? [];
  if (kind === KINDS.known) counts.known.push({ channel, version: label, agents: value });
  if (kind === KINDS.disputed) {
    const [low = '', high = ''] = label.split('>');
    counts.disputed.push({ channel, low, high, agents: value });
  }
  if (kind === KINDS.reported) counts.checkIns.push({ channel, version: label, agents: value });
  if (kind === KINDS.group) counts.groups.push({ channel, label, agents: value });
  if (kind === KINDS.updater) counts.updaters.push({ channel, label: updaterOf(label) ?? label, agents: value });
  if (kind === KINDS.mark && isMark(label)) counts.marks.push({ channel, mark: label, agents: value });
  if (kind === KINDS.strangers) counts.unenrolled.push({ channel: channel.slice(STRANGER.length), agents: value });
  if (kind === KINDS.latest) counts.latest.push({ channel, at: value });
  if (kind === KINDS.uncounted) counts.uncounted.push({ channel, line: label, at: value });
}

const isMark = (label: string): label is AgentMark => (AGENT_MARKS as readonly string[]).includes(label);
