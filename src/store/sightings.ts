import { type Agent, type Sighting, type SightingSource, UPDATER_KINDS } from '../domain/agent.ts';
import type { CheckInCount, FleetCounts, LabelCount } from '../domain/census.ts';
import type { AgentQuery } from '../domain/store.ts';
import { compareVersions } from '../domain/version.ts';

/** What stands before the channel in a sighting that is not enrolled. No channel's name begins with it. */
const STRANGER = '!';
/** Stands for an updater version that is the agent's own. */
const SAME = '=';

/**
 * What a store keeps of one sighting: `channel version at updater updaterVersion group`, `at` in base 36, the updater by
 * its first letter, nulls empty and cut off at the end. Up to 64 bytes Redis packs it beside others without any overhead.
 */
export function pack({ channel, version, at, updater, updaterVersion, group, enrolled }: Sighting): string {
  const place = enrolled ? channel : STRANGER + channel;
  const runs = updaterVersion === version ? SAME : (updaterVersion ?? '');
  return [place, version, at.toString(36), updater?.[0] ?? '', runs, group ?? ''].join(' ').trimEnd();
}

/** The sighting of agent `id` that `pack` made `packed` of. */
export function unpack(id: string, packed: string): Sighting {
  const [place = '', version = '', at = '', updater = '', updaterVersion = '', group = ''] = packed.split(' ');
  const enrolled = !place.startsWith(STRANGER);
  return {
    id,
    channel: enrolled ? place : place.slice(STRANGER.length),
    version,
    at: Number.parseInt(at, 36),
    updater: updaterOf(updater),
    updaterVersion: updaterVersion === SAME ? version : updaterVersion || null,
    group: group || null,
    enrolled,
  };
}

const updaterOf = (letter: string) => UPDATER_KINDS.find((kind) => letter !== '' && kind.startsWith(letter)) ?? null;

/** The agent that a store's packed sightings make, or null when no source knows it. */
export function agentOf(id: string, packed: Partial<Record<SightingSource, string | null>>): Agent | null {
  const sightings: Agent['sightings'] = [];
  if (packed.inventory) sightings.push({ ...unpack(id, packed.inventory), source: 'inventory' });
  if (packed['check-ins']) sightings.push({ ...unpack(id, packed['check-ins']), source: 'check-ins' });
  if (sightings.length === 0) return null;
  return { id, sightings: sightings.sort((a, b) => Number(b.enrolled) - Number(a.enrolled) || b.at - a.at) };
}

/** Does one sighting of the agent meet all that the query asks for? */
export function isWanted({ sightings }: Agent, query: AgentQuery): boolean {
  const { channel, version, olderThan, group, source, enrolled, seenBefore, seenSince } = query;
  return sightings.some(
    (sighting) =>
      (channel === undefined || sighting.channel === channel) &&
      (version === undefined || sighting.version === version) &&
      (group === undefined || sighting.group === group) &&
      (source === undefined || sighting.source === source) &&
      (enrolled === undefined || sighting.enrolled === enrolled) &&
      (seenBefore === undefined || sighting.at < seenBefore) &&
      (seenSince === undefined || sighting.at >= seenSince) &&
      (olderThan === undefined || compareVersions(sighting.version, olderThan) < 0),
  );
}

/**
 * A counter is a field `channel label which`: the label is `v:` and a version, `g:` and a group or `u:` and an updater's
 * letter; which is `all` check-ins or those `beyond` the channel's inventory. `!channel s: all` counts agents that are
 * not enrolled, `# agents all` and `# strangers all` count a shard, and `channel at: all` is the time of the newest
 * check-in. The Lua scripts keep to the same.
 */
export function readCounters(fields: Iterable<[field: string, value: number]>): Omit<FleetCounts, 'surveys'> {
  const sums = new Map<string, LabelCount>();
  const unenrolled = new Map<string, number>();
  const latest = new Map<string, number>();
  for (const [field, value] of fields) {
    const [channel = '', label = '', which] = field.split(' ');
    if (channel === '#') continue;
    if (label === 'at:') latest.set(channel, Math.max(value, latest.get(channel) ?? 0));
    else if (channel.startsWith(STRANGER)) add(unenrolled, channel.slice(STRANGER.length), value);
    else {
      const sum = sums.get(`${channel} ${label}`) ?? { channel, label, agents: 0, beyondInventory: 0 };
      sum[which === 'all' ? 'agents' : 'beyondInventory'] += value;
      sums.set(`${channel} ${label}`, sum);
    }
  }
  const labelled = (prefix: string, read: (text: string) => string) =>
    [...sums.values()]
      .filter(({ label }) => label.startsWith(prefix))
      .map((count) => ({ ...count, label: read(count.label.slice(prefix.length)) }));
  return {
    checkIns: labelled('v:', String).map(({ label, ...count }): CheckInCount => ({ ...count, version: label })),
    groups: labelled('g:', String),
    updaters: labelled('u:', (letter) => updaterOf(letter) ?? letter),
    unenrolled: [...unenrolled].map(([channel, agents]) => ({ channel, agents })),
    latest: [...latest].map(([channel, at]) => ({ channel, at })),
  };
}

function add(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

/** The counters that a check-in is part of. */
export function countersOf(checkIn: string, inventory: string | undefined): string[] {
  const [place = '', version = '', , updater = '', , group = ''] = checkIn.split(' ');
  if (place.startsWith(STRANGER)) return [`${place} s: all`, STRANGERS_OF_SHARD];
  const labels = [`v:${version}`, ...(updater ? [`u:${updater}`] : []), ...(group ? [`g:${group}`] : [])];
  const beyond = inventory?.split(' ', 1)[0] !== place;
  const fields = labels.flatMap((label) => [`${place} ${label} all`, ...(beyond ? [`${place} ${label} beyond`] : [])]);
  return [...fields, AGENTS_OF_SHARD];
}

export const AGENTS_OF_SHARD = '# agents all';
export const STRANGERS_OF_SHARD = '# strangers all';
/** Counters of one shard: some 300 versions, with groups and updaters; one version more is refused. */
export const MAX_COUNTERS = 1_024;
/** From here on a new group is counted as `other`, so that groups leave room for versions. */
export const MAX_COUNTERS_WITH_GROUPS = 512;
