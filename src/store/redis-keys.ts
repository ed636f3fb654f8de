import type { SightingSource } from '../domain/agent.ts';
import type { Resolution } from '../domain/series.ts';

/**
 * Where everything lies in Redis. All keys of one script share a hash tag, so that they share a slot of a cluster:
 * control data has the tag `fairway`; agents are spread over 16 tags, and over 1,024 small hashes in each, because
 * Redis packs a hash of up to 128 short fields into a tenth of the memory that single keys would take.
 */
export const DOCUMENTS = '{fairway}:documents';
/** Of a cluster's 16,384 slots, the one of control data: CRC16 of `fairway`. */
export const CONTROL_SLOT = 7175;
/** `<id> <hash>` of the last audit entry; the id is the global revision. */
export const HEAD = '{fairway}:head';
export const AUDIT = '{fairway}:audit';
export const SURVEYS = '{fairway}:surveys';
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

/** Check-ins by channel and version, of one shard's agents. */
export const countsKey = (shard: number): string => `{fairway:${shard}}:counts`;

/** The sightings of one source in one bucket: agent id → packed sighting. */
export const bucketKey = (place: number, source: SightingSource): string =>
  `{fairway:${shardOf(place)}}:${source}:${place % BUCKETS_PER_SHARD}`;

const keysOfPlaces: [checkIns: string, inventory: string][] = [];

/**
 * Both hashes of each place, in the order in which every fleet script expects them. The same strings each time, 2 MB of them
 * for all places: new ones for every flush would be work for the garbage collector between polls.
 */
export const bucketKeys = (places: number[]): string[] =>
  places.flatMap((place) => (keysOfPlaces[place] ??= [bucketKey(place, 'check-ins'), bucketKey(place, 'inventory')]));

/** The place of an agent: FNV-1a, 32 bit, of its id, which is ASCII. Stored data depend on it: never change it. */
export function placeOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % PLACES;
}
