import type { AgentRecord, Sighting } from '../domain/agent.ts';
import { lineOfAgent, UNREADABLE } from '../domain/agent-version.ts';
import { OTHER_GROUP } from '../domain/store.ts';
import { countersOf, KINDS } from './counters.ts';
import { fieldsOf, type Tallies } from './tallies.ts';

/** Distinct versions, or pairs in dispute, of a channel, in each shard, for each way in which versions are counted. */
export const MAX_VERSIONS = 400;
/** Distinct groups of a channel, in each shard. */
export const MAX_GROUPS = 100;
/** Counters of a shard: about 5 MB. Beyond it release lines are not distinguished either. */
export const MAX_COUNTERS = 65_536;

export type Slot = 'checkIn' | 'inventory';

/**
 * The record, of which `slot` is new, as it is kept: one version too many becomes its release line, one group too many
 * `other`. The other parts of the record follow only where that alone leaves too many.
 */
export function bounded(record: AgentRecord, slot: Slot, tallies: Tallies): AgentRecord {
  // Nearly always there is room.
  if (hasRoom(record, tallies, roomForLabel)) return record;
  const versions = [
    record,
    withSightings(record, [slot], atLine),
    withPast(withSightings(record, BOTH, atLine), lineOfAgent),
    withPast(withSightings(record, BOTH, unreadable), () => UNREADABLE),
  ];
  const counted = versions.find((each) => hasRoom(each, tallies, roomForVersion)) ?? record;
  const groups = [counted, withSightings(counted, [slot], inOther), withSightings(counted, BOTH, inOther)];
  return groups.find((each) => hasRoom(each, tallies, roomForGroup)) ?? counted;
}

const BOTH: readonly Slot[] = ['checkIn', 'inventory'];
const atLine = (sighting: Sighting): Sighting => ({ ...sighting, version: lineOfAgent(sighting.version) });
const unreadable = (sighting: Sighting): Sighting => ({ ...sighting, version: UNREADABLE });
const inOther = (sighting: Sighting): Sighting => ({ ...sighting, group: sighting.group && OTHER_GROUP });

function withSightings(
  record: AgentRecord,
  slots: readonly Slot[],
  change: (sighting: Sighting) => Sighting,
): AgentRecord {
  const changed = slots.flatMap((slot) => (record[slot] ? [[slot, change(record[slot])] as const] : []));
  return { ...record, ...Object.fromEntries(changed) };
}

function withPast(record: AgentRecord, change: (version: string) => string): AgentRecord {
  const { contested } = record.past;
  if (!contested) return record;
  const { version, high } = contested;
  const changed = { ...contested, version: change(version), high: high && change(high) };
  return { ...record, past: { ...record.past, contested: changed } };
}

/** How many fields of a kind a channel may have for this one to be new; 0: the kind is not bounded here. */
type Room = (kind: string, label: string) => number;

const VERSIONED: readonly string[] = [KINDS.known, KINDS.disputed, KINDS.reported];
const roomForVersion: Room = (kind, label) => {
  if (!VERSIONED.includes(kind) || label === UNREADABLE) return 0;
  return LINE.test(label) ? MAX_COUNTERS : MAX_VERSIONS;
};
const roomForGroup: Room = (kind, label) => (kind === KINDS.group && label !== OTHER_GROUP ? MAX_GROUPS : 0);
const roomForLabel: Room = (kind, label) => Math.max(roomForVersion(kind, label), roomForGroup(kind, label));
/** A release line, or two that are in dispute. */
const LINE = /^(\?|\d+(\.\d+)?\.x)(>(\?|\d+(\.\d+)?\.x))?$/;

/** An agent has at most one label of a kind on each channel, so each field is looked at by itself. */
function hasRoom(record: AgentRecord, tallies: Tallies, roomFor: Room): boolean {
  return countersOf(record).every((field) => {
    const [, channel = '', kind = '', label = ''] = /^(\S+) (\w+:)(.*)$/.exec(field) ?? [];
    const most = roomFor(kind, label);
    if (most === 0 || tallies.get(field) > 0) return true;
    return tallies.size() < MAX_COUNTERS && tallies.get(fieldsOf(channel, kind.charAt(0))) < most;
  });
}
