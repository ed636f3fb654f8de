import type { Sighting, SightingSource } from '../domain/agent.ts';
import { type FleetLimits, OTHER_GROUP } from '../domain/store.ts';
import type { Table } from './embedded-files.ts';
import {
  AGENTS_OF_SHARD,
  countersOf,
  MAX_COUNTERS,
  MAX_COUNTERS_WITH_GROUPS,
  STRANGERS_OF_SHARD,
  unpack,
} from './sightings.ts';

export type Sightings = Record<SightingSource, Table<string, string>>;
/** As `readCounters` describes them. */
export type Counts = Table<number, string>;

/** Is the sighting to take the place of `before`? One that is not enrolled never takes that of one that is. */
export function isNews(sighting: Sighting, before: string | undefined): boolean {
  if (before === undefined) return true;
  const { at, enrolled } = unpack('', before);
  return enrolled === sighting.enrolled ? sighting.at >= at : sighting.enrolled;
}

/** Changes sightings and keeps the counters right: a change takes the agent's share out, and puts the new one in. */
export function editor(sightings: Sightings, counts: Counts) {
  const deltas = new Map<string, number>();

  function count(id: string, by: number): void {
    const checkIn = sightings['check-ins'].get(id);
    if (!checkIn) return;
    for (const field of countersOf(checkIn, sightings.inventory.get(id))) {
      deltas.set(field, (deltas.get(field) ?? 0) + by);
    }
  }

  return {
    /** A counter as it will be. */
    count: (field: string) => (counts.get(field) ?? 0) + (deltas.get(field) ?? 0),
    set(source: SightingSource, id: string, packed: string | null): void {
      count(id, -1);
      if (packed === null) sightings[source].remove(id);
      else sightings[source].put(id, packed);
      count(id, 1);
    },
    settle(): void {
      for (const [field, by] of deltas) {
        if (by === 0) continue;
        const sum = (counts.get(field) ?? 0) + by;
        if (sum > 0) counts.put(field, sum);
        else counts.remove(field);
      }
    },
  };
}

/** Keeps check-ins within the limits, and takes note of the newest of each channel. */
export function admission(edit: ReturnType<typeof editor>, counts: Counts, limits: FleetLimits) {
  const latest = new Map<string, number>();
  let counters = counts.entries().length;

  /** Is there room for one counter more, if this is a new one? */
  function hasRoom(field: string, most: number): boolean {
    if (edit.count(field) > 0) return true;
    if (counters >= most) return false;
    counters += 2;
    return true;
  }

  function isWithinAgents(enrolled: boolean, before: string | undefined): boolean {
    if (before !== undefined && unpack('', before).enrolled === enrolled) return true;
    return enrolled ? edit.count(AGENTS_OF_SHARD) < limits.agents : edit.count(STRANGERS_OF_SHARD) < limits.unenrolled;
  }

  function note({ channel, at, enrolled }: Sighting): void {
    if (enrolled) latest.set(channel, Math.max(at, latest.get(channel) ?? 0));
  }

  return {
    note,
    /** What may be kept of the sighting, or null. */
    admit(sighting: Sighting, before: string | undefined): Sighting | null {
      const { channel, version, group, enrolled } = sighting;
      if (!isWithinAgents(enrolled, before)) return null;
      if (!enrolled) return sighting;
      if (!hasRoom(`${channel} v:${version} all`, MAX_COUNTERS)) return null;
      note(sighting);
      const counted = group === null || hasRoom(`${channel} g:${group} all`, MAX_COUNTERS_WITH_GROUPS);
      return counted ? sighting : { ...sighting, group: OTHER_GROUP };
    },
    settle(): void {
      for (const [channel, at] of latest) {
        const field = `${channel} at: all`;
        if ((counts.get(field) ?? 0) < at) counts.put(field, at);
      }
    },
  };
}

export const withoutTime = (packed: string) => packed.replace(/^(\S+ \S+) \S+/, '$1');

/** Channels from which nobody has checked in for as long need no time either. */
export function dropTimes(counts: Counts, before: number): void {
  for (const { key, value } of counts.entries()) if (key.endsWith(' at: all') && value < before) counts.remove(key);
}
