import type { Resolution } from '../domain/series.ts';

/**
 * Where everything lies in Redis. All keys of one script share a hash tag, so that they share a slot of a cluster:
 * control data has the tag `fairway`; agents are spread over 16 tags, and over 1,024 small hashes in each, because
 * Redis packs a hash of up to 128 short fields into a tenth of the memory that single keys would take.
 */
export const DOCUMENTS = '{fairway}:documents';
/** The slot of control data among a cluster's 16,384: CRC16 of `fairway`. */
export const CONTROL_SLOT = 7175;
/** `<id> <hash>` of the last audit entry; the id is the global revision. */
export const HEAD = '{fairway}:head';
/** `<id> <hash>` of what a server serves while the store is empty; ends by itself. */
export const ANNOUNCED = '{fairway}:announced';
/** The entries as JSON; of an archived one, only its hash. */
export const AUDIT = '{fairway}:audit';
/** `<id> <hash>` of the newest archived entry. */
export const ANCHOR = '{fairway}:anchor';
/** `[revision, key, …]` of the last changes, newest last: which documents each of them wrote. */
export const WRITTEN = '{fairway}:written';
/** The process whose change has lost the race for the head too often, so that the others wait for it; ends by itself. */
export const TURN = '{fairway}:turn';
/** Surveys, each behind its revision. */
export const SURVEYS = '{fairway}:evidence';
/** Since when channels have been heard: one JSON. */
export const HEARING = '{fairway}:hearing';
/** How far the fleet of an older release has been carried over; see `carryOver`. */
export const CARRIED = '{fairway}:carried';
/** `<fence> <holder>` of the process that does the background work; ends by itself. */
export const LEASE = '{fairway}:lease';
/** The last fence given out. */
export const FENCE = '{fairway}:fence';
/** The channel on which commits announce the new revision. */
export const CHANGES = '{fairway}:changes';

/** Points of one series of a channel, oldest first. */
export const seriesKey = (channel: string, resolution: Resolution): string =>
  `{fairway}:series:${resolution}:${channel}`;

export const SHARDS = 16;
export const BUCKETS_PER_SHARD = 1024;
/** Every bucket has a place: shard × 1,024 + its number within the shard. */
export const PLACES = SHARDS * BUCKETS_PER_SHARD;

/** The ids of the audit entries of changes that wrote `key`. */
export const auditIndexKey = (key: string): string => `${AUDIT}:${key}`;

export const shardOf = (place: number): number => Math.floor(place / BUCKETS_PER_SHARD);

/** The counters of one shard's agents. */
export const talliesKey = (shard: number): string => `{fairway:${shard}}:tallies`;

/**
 * The buckets of a shard with agents that inventories of a scope list: a hash of their numbers, some of which may have
 * none any more. Scripts find the key by that of the tallies.
 */
export const listedInKey = (shard: number, scope: string): string => `{fairway:${shard}}:listed-in:${scope}`;
/** Set once all buckets were looked through, so that every listing is in `listedInKey`. */
export const LISTED_IN_ALL = '{fairway}:listed-in';

/** One part of the records of a bucket's agents: agent id → packed check-in, inventory sighting, or past. */
const partKey = (place: number, part: 'seen' | 'listed' | 'past'): string =>
  `{fairway:${shardOf(place)}}:${part}:${place % BUCKETS_PER_SHARD}`;

const keysOfPlaces: [seen: string, listed: string, past: string][] = [];

/**
 * The three hashes of each place, in the order in which every fleet script expects them. The same strings each time, 3
 * MB of them for all places: new ones for every flush would be work for the garbage collector between polls.
 */
export const bucketKeys = (places: number[]): string[] =>
  places.flatMap(
    (place) => (keysOfPlaces[place] ??= [partKey(place, 'seen'), partKey(place, 'listed'), partKey(place, 'past')]),
  );

/** Where releases before the fleet's evidence keep their agents, their counters and their surveys. */
export const oldBucketKeys = (places: number[]): string[] =>
  places.flatMap((place) =>
    ['check-ins', 'inventory'].map((source) => `{fairway:${shardOf(place)}}:${source}:${place % BUCKETS_PER_SHARD}`),
  );
export const oldCountsKey = (shard: number): string => `{fairway:${shard}}:counts`;
export const OLD_SURVEYS = '{fairway}:surveys';

/** The place of an agent: FNV-1a, 32 bit, of its id, which is ASCII. Stored data depend on it: never change it. */
export function placeOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % PLACES;
}
