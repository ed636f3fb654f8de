import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Agent, Sighting } from '../domain/agent.ts';
import type { Survey } from '../domain/census.ts';
import { FairwayError } from '../domain/errors.ts';
import { type AgentPage, type AgentQuery, type FleetLimits, OTHER_GROUP, type Store } from '../domain/store.ts';
import { pace } from './pace.ts';
import type { RedisClient } from './redis-client.ts';
import {
  BUCKETS_PER_SHARD,
  bucketKeys,
  countsKey,
  LEASE,
  PLACES,
  placeOf,
  SHARDS,
  SURVEYS,
  shardOf,
} from './redis-keys.ts';
import { AGENT, BUCKETS, COUNTS, FORGET, PRUNE, RECORD, SAVE_SURVEY } from './redis-scripts/fleet.ts';
import { agentOf, isWanted, MAX_COUNTERS, MAX_COUNTERS_WITH_GROUPS, pack, readCounters } from './sightings.ts';

/**
 * Sightings in one script call: a tenth of a millisecond in which this process answers no poll, or the flushes of a large
 * fleet would show in the slowest hundredth of polls, and half a millisecond in which Redis serves nobody else.
 */
const RECORD_AT_ONCE = 25;
/** Ids hashed at a stretch: some tenths of a millisecond, since code that runs once a second is never fast. */
const PLACED_AT_ONCE = 256;
/** Room for the index of a sighting below its place in one number. */
const MOST_IN_BATCH = 2 ** 32;
/** Script calls under way at once: enough to keep Redis busy, too few to make the last miss its deadline. */
const CALLS_AT_ONCE = 4;
/** Buckets in one script call; at a million agents each holds about 60. */
const PRUNE_AT_ONCE = 32;
const FEWEST_READ_AT_ONCE = 4;
const MOST_READ_AT_ONCE = 256;
/** Agents that one page looks at before it gives up filling itself. */
const MAX_EXAMINED = 20_000;

export type FleetVerbs = Pick<
  Store,
  'counts' | 'saveSurvey' | 'recordSightings' | 'prune' | 'agents' | 'agent' | 'forget'
>;

/** The fleet verbs on Redis. */
export function redisFleet(client: RedisClient, limits: FleetLimits): FleetVerbs {
  const shares = [Math.ceil(limits.agents / SHARDS), Math.ceil(limits.unenrolled / SHARDS)];
  const bounds = [...shares, MAX_COUNTERS, MAX_COUNTERS_WITH_GROUPS, OTHER_GROUP];

  return {
    // Not one moment, and yet nobody is counted twice: an agent never leaves its shard.
    async counts() {
      const shards = Array.from({ length: SHARDS }, (_, shard) => client.run(COUNTS, [countsKey(shard)]));
      const [surveys, ...counts] = await Promise.all([client.hgetall(SURVEYS), ...shards]);
      return {
        surveys: Object.values(surveys ?? {}).map(parseSurvey),
        ...readCounters(counts.flatMap((lines) => readLines(lines as string))),
      };
    },

    async saveSurvey(survey, fence) {
      const field = `${survey.channel} ${survey.source}`;
      await client.run(SAVE_SURVEY, [SURVEYS, LEASE], [field, survey.at, JSON.stringify(survey), fence ?? '']);
    },

    async recordSightings(source, sightings, within = 0) {
      let refused = 0;
      await inTurn(paced(await cut(sightings), within), async (piece) => {
        const places = [...new Set(Array.from(piece, placeIn))];
        // Lua counts from 1, and the counters come first.
        const slots = new Map(places.map((place, nth) => [place, 2 + 2 * nth]));
        const lines = Array.from(piece, (rank) => {
          const sighting = sightings[indexIn(rank)] as Sighting;
          return `${slots.get(placeIn(rank))} ${sighting.id} ${pack(sighting)}`;
        });
        const keys = [countsKey(shardOf(places[0] ?? 0)), ...bucketKeys(places)];
        const count = (await client.run(RECORD, keys, [source, ...bounds, lines.join('\n')])) as number;
        refused += count;
      });
      return refused;
    },

    async prune({ before, inventoryOf = '' }) {
      let dropped = 0;
      await inTurn(runs(), async (places) => {
        const keys = [countsKey(shardOf(places[0] ?? 0)), ...bucketKeys(places)];
        const count = (await client.run(PRUNE, keys, [before, inventoryOf])) as number;
        dropped += count;
      });
      return dropped;
    },

    agents: (query) => readPage(client, query),

    async agent(id) {
      const answer = await client.run(AGENT, bucketKeys([placeOf(id)]), [id]);
      const [checkIn, inventory] = answer as (string | null)[];
      return agentOf(id, { 'check-ins': checkIn ?? null, inventory: inventory ?? null });
    },

    async forget(id) {
      const place = placeOf(id);
      return (await client.run(FORGET, [countsKey(shardOf(place)), ...bucketKeys([place])], [id])) === 1;
    },
  };
}

/** A sighting of a batch, by its place and then its index: numbers are sorted without a function that is called. */
const ranked = (place: number, index: number) => place * MOST_IN_BATCH + index;
const placeIn = (rank: number) => Math.floor(rank / MOST_IN_BATCH);
const indexIn = (rank: number) => rank % MOST_IN_BATCH;

/** Cuts a batch into pieces that stay within a shard and touch few buckets. */
async function cut(sightings: Sighting[]): Promise<Float64Array[]> {
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

/** All places, in runs that stay within a shard. */
function* runs(): Generator<number[]> {
  for (let place = 0; place < PLACES; place += PRUNE_AT_ONCE) yield placesFrom(place, PRUNE_AT_ONCE);
}

/** Up to `length` places of one shard. */
function placesFrom(place: number, length: number): number[] {
  const end = Math.min(place + length, (shardOf(place) + 1) * BUCKETS_PER_SHARD);
  return Array.from({ length: end - place }, (_, index) => place + index);
}

/** The pieces in turn, each when it is due. */
async function* paced<T>(pieces: T[], within: number): AsyncGenerator<T, undefined> {
  const due = pace(pieces.length, within);
  for (const [index, piece] of pieces.entries()) {
    await due(index);
    yield piece;
  }
}

/** Handles all items, a few at the same time. Begins with no further one once one has failed. */
async function inTurn<T>(items: Iterator<T> | AsyncIterator<T>, handle: (item: T) => Promise<void>): Promise<void> {
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

/** Agents in the order of their buckets, and by id within one, so that an agent that stays keeps its place. */
async function readPage(client: RedisClient, query: AgentQuery): Promise<AgentPage> {
  const start = parseCursor(query.cursor);
  const agents: Agent[] = [];
  let examined = 0;
  let length = FEWEST_READ_AT_ONCE;
  for (let places: number[], next = start.place; next < PLACES; next += places.length) {
    places = placesFrom(next, length);
    const found = await readBuckets(client, places);
    for (const { place, agent } of found) {
      if (place === start.place && agent.id <= start.after) continue;
      examined++;
      if (isWanted(agent, query)) agents.push(agent);
      if (agents.length === query.limit || examined === MAX_EXAMINED) return { agents, cursor: `${place}.${agent.id}` };
    }
    // Buckets of a small fleet are mostly empty, those of a large one hold enough to keep this process busy.
    length = found.length < 500 ? Math.min(2 * length, MOST_READ_AT_ONCE) : FEWEST_READ_AT_ONCE;
  }
  return { agents, cursor: null };
}

function parseCursor(cursor = '0.'): { place: number; after: string } {
  const [, place, after = ''] = /^(\d{1,5})\.(.*)$/.exec(cursor) ?? [];
  if (place === undefined) throw new FairwayError('invalid', 'this cursor is not one that a page of agents came with');
  return { place: Number(place), after };
}

async function readBuckets(client: RedisClient, places: number[]): Promise<{ place: number; agent: Agent }[]> {
  const filled = (await client.run(BUCKETS, bucketKeys(places))) as [number, string[], string[]][];
  return filled.flatMap(([index, checkIns, inventories]) => {
    const bySource = { 'check-ins': pairs(checkIns), inventory: pairs(inventories) };
    const ids = [...new Set([...bySource['check-ins'].keys(), ...bySource.inventory.keys()])].sort();
    return ids.flatMap((id) => {
      const agent = agentOf(id, {
        'check-ins': bySource['check-ins'].get(id) ?? null,
        inventory: bySource.inventory.get(id) ?? null,
      });
      return agent ? [{ place: places[index] ?? 0, agent }] : [];
    });
  });
}

function pairs(flat: string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i] ?? '', flat[i + 1] ?? '');
  return map;
}

/** The counters of a shard, as the script tells them. */
function readLines(text: string): [field: string, value: number][] {
  const lines = text.split('\n');
  return Array.from({ length: Math.floor(lines.length / 2) }, (_, n) => [lines[2 * n] ?? '', Number(lines[2 * n + 1])]);
}

/** A survey is stored behind its time, which the script compares. */
const parseSurvey = (stored: string) => JSON.parse(stored.slice(stored.indexOf(' ') + 1)) as Survey;
