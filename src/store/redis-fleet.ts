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
import { AGENT, BUCKETS, FORGET, PRUNE, RECORD, SAVE_SURVEY } from './redis-scripts/fleet.ts';
import { agentOf, isWanted, MAX_COUNTERS, MAX_COUNTERS_WITH_GROUPS, pack, readCounters } from './sightings.ts';

/**
 * Sightings in one script call: a third of a millisecond in which this process answers no poll, or the flushes of a large
 * fleet would show in the slowest hundredth of polls, and a millisecond in which Redis serves nobody else.
 */
const RECORD_AT_ONCE = 50;
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
      const shards = Array.from({ length: SHARDS }, (_, shard) => client.hgetall(countsKey(shard)));
      const [surveys, ...counts] = await Promise.all([client.hgetall(SURVEYS), ...shards]);
      const counters = counts.flatMap((shard) => Object.entries(shard));
      return {
        surveys: Object.values(surveys ?? {}).map(parseSurvey),
        ...readCounters(counters.map(([field, value]): [string, number] => [field, Number(value)])),
      };
    },

    async saveSurvey(survey, fence) {
      const field = `${survey.channel} ${survey.source}`;
      await client.run(SAVE_SURVEY, [SURVEYS, LEASE], [field, survey.at, JSON.stringify(survey), fence ?? '']);
    },

    async recordSightings(source, sightings, within = 0) {
      let refused = 0;
      const placeOfEach = Uint16Array.from(sightings, ({ id }) => placeOf(id));
      const pieces = cut(placeOfEach);
      const due = pace(pieces.length, within);
      await inTurn(pieces.entries(), async ([number, piece]) => {
        await due(number);
        const places = [...new Set(Array.from(piece, (index) => placeOfEach[index] ?? 0))];
        const shard = shardOf(places[0] ?? 0);
        // Lua counts from 1, and the counters come first.
        const slots = new Map(places.map((place, index) => [place, 2 + 2 * index]));
        const args = Array.from(piece).flatMap((index) => {
          const sighting = sightings[index] as Sighting;
          return [slots.get(placeOfEach[index] ?? 0) ?? 0, sighting.id, pack(sighting)];
        });
        const keys = [countsKey(shard), ...bucketKeys(places)];
        const count = (await client.run(RECORD, keys, [source, ...bounds, ...args])) as number;
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

/**
 * The indices of sightings, by place, cut into pieces that stay within a shard and touch few buckets. Numbers and not the
 * sightings themselves: what thousands of objects keep alive meanwhile makes pauses of the garbage collector between polls.
 */
function cut(places: Uint16Array): Uint32Array[] {
  const placeAt = (index: number | undefined) => places[index ?? 0] ?? 0;
  const order = Uint32Array.from(places.keys()).sort((a, b) => placeAt(a) - placeAt(b));
  const pieces: Uint32Array[] = [];
  for (let start = 0; start < order.length; start += pieces.at(-1)?.length ?? 1) {
    const shard = shardOf(placeAt(order[start]));
    const piece = order.subarray(start, start + RECORD_AT_ONCE);
    const end = piece.findIndex((index) => shardOf(placeAt(index)) !== shard);
    pieces.push(end < 0 ? piece : piece.subarray(0, end));
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

/** Handles all items, a few at the same time. Takes no further ones once one has failed. */
async function inTurn<T>(items: Iterator<T>, handle: (item: T) => Promise<void>): Promise<void> {
  let failed = false;
  const work = async () => {
    for (let next = items.next(); !next.done && !failed; next = items.next()) await handle(next.value);
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

/** A survey is stored behind its time, which the script compares. */
const parseSurvey = (stored: string) => JSON.parse(stored.slice(stored.indexOf(' ') + 1)) as Survey;
