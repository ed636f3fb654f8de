import type { AgentRecord, Sighting } from '../domain/agent.ts';
import { lineOfAgent, UNREADABLE } from '../domain/agent-version.ts';
import { OTHER_GROUP } from '../domain/store.ts';
import { countersOf, KINDS } from './counters.ts';
import { fieldsOf, type Tallies } from './tallies.ts';

/** Distinct versions of a channel, in each shard, and in each of the two ways in which versions are counted. */
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
  return { ...record, past: { ...record.past, contested: { ...contested, version: change(contested.version) } } };
}

/** How many fields of a kind a channel may have for this one to be new; 0: the kind is not bounded here. */
type Room = (kind: string, label: string) => number;

const roomForVersion: Room = (kind, label) => {
  if ((kind !== KINDS.known && kind !== KINDS.reported) || label === UNREADABLE) return 0;
  return LINE.test(label) ? MAX_COUNTERS : MAX_VERSIONS;
};
const roomForGroup: Room = (kind, label) => (kind === KINDS.group && label !== OTHER_GROUP ? MAX_GROUPS : 0);
const roomForLabel: Room = (kind, label) => Math.max(roomForVersion(kind, label), roomForGroup(kind, label));
const LINE = /^\d+(\.\d+)?\.x$/;

/** An agent has at most one label of a kind on each channel, so each field is looked at by itself. */
function hasRoom(record: AgentRecord, tallies: Tallies, roomFor: Room): boolean {
  return countersOf(record).every((field) => {
    const [, channel = '', kind = '', label = ''] = /^(\S+) (\w+:)(.*)$/.exec(field) ?? [];
    const most = roomFor(kind, label);
    if (most === 0 || tallies.get(field) > 0) return true;
    return tallies.size() < MAX_COUNTERS && tallies.get(fieldsOf(channel, kind.charAt(0))) < most;
  });
}
