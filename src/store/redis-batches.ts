import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Sighting } from '../domain/agent.ts';
import { pace } from './pace.ts';
import { BUCKETS_PER_SHARD, PLACES, placeOf, shardOf } from './redis-keys.ts';

/**
 * Sightings in one script call: a tenth of a millisecond in which this process answers no poll, or the flushes of a
 * large fleet would show in the slowest hundredth of polls, and half a millisecond in which Redis serves no one else.
 */
const RECORD_AT_ONCE = 25;
/** Ids hashed at a stretch: some tenths of a millisecond, since code that runs once a second is never fast. */
const PLACED_AT_ONCE = 256;
/** Room for the index of a sighting below its place in one number. */
const MOST_IN_BATCH = 2 ** 32;
/** Script calls under way at once: enough to keep Redis busy, too few to make the last miss its deadline. */
const CALLS_AT_ONCE = 4;

/** A sighting of a batch, by its place and then its index: numbers are sorted without a function that is called. */
const ranked = (place: number, index: number) => place * MOST_IN_BATCH + index;
export const placeIn = (rank: number): number => Math.floor(rank / MOST_IN_BATCH);
export const indexIn = (rank: number): number => rank % MOST_IN_BATCH;

/** Cuts a batch into pieces of ranks that stay within a shard and touch few buckets. */
export async function cut(sightings: readonly Sighting[]): Promise<Float64Array[]> {
  const ranks = new Float64Array(sightings.length);
  for (let index = 0; index < ranks.length; index++) {
    if (index % PLACED_AT_ONCE === 0) await nextTurn();
    ranks[index] = ranked(placeOf(sightings[index]?.id ?? ''), index);
  }
  ranks.sort();
  const shardAt = (start: number) => shardOf(placeIn(ranks[start] ?? 0));
  const pieces: Float64Array[] = [];
  for (let start = 0, end = 1; end <= ranks.length; end++) {
    if (end < ranks.length && end - start < RECORD_AT_ONCE && shardAt(end) === shardAt(start)) continue;
    pieces.push(ranks.subarray(start, end));
    start = end;
  }
  return pieces;
}

/** All places from `first`, in runs of up to `length` that stay within a shard. */
export function* runs(length: number, first = 0): Generator<number[]> {
  for (let places: number[], next = first; next < PLACES; next += places.length) {
    places = placesFrom(next, length);
    yield places;
  }
}

/** Up to `length` places of one shard. */
export function placesFrom(place: number, length: number): number[] {
  const end = Math.min(place + length, (shardOf(place) + 1) * BUCKETS_PER_SHARD);
  return Array.from({ length: end - place }, (_, index) => place + index);
}

/** The pieces in turn, each when it is due. */
export async function* paced<T>(pieces: T[], within: number): AsyncGenerator<T, undefined> {
  const due = pace(pieces.length, within);
  for (const [index, piece] of pieces.entries()) {
    await due(index);
    yield piece;
  }
}

/** Handles all items, a few at the same time. Begins with no further one once one has failed. */
export async function inTurn<T>(
  items: Iterator<T> | AsyncIterator<T>,
  handle: (item: T) => Promise<void>,
): Promise<void> {
  let failed = false;
  const work = async () => {
    for (let next = await items.next(); !next.done && !failed; next = await items.next()) await handle(next.value);
  };
  const onFailure = (error: unknown) => {
    failed = true;
    throw error;
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, () => work().catch(onFailure)));
}
