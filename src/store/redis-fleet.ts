import { MAX_ELSEWHERE, type Sighting } from '../domain/agent.ts';
import type { FleetLimits, PruneQuery, Store } from '../domain/store.ts';
import { inTurns as runInTurns } from '../process/turns.ts';
import type { CarryOver } from './carry-over.ts';
import { countersInTurns } from './counters.ts';
import { packCheckIn, packInventory } from './packing.ts';
import { cut, indexIn, inTurn, paced, placeIn, runs } from './redis-batches.ts';
import type { RedisClient } from './redis-client.ts';
import {
  BUCKETS_PER_SHARD,
  bucketKeys,
  LISTED_IN_ALL,
  listedInKey,
  placeOf,
  SHARDS,
  shardOf,
  talliesKey,
} from './redis-keys.ts';
import { readPage } from './redis-pages.ts';
import {
  AGENT,
  ALL_LISTED,
  COUNTS,
  FORGET,
  FORGET_UNCOUNTED,
  LISTED_BUCKETS,
  NOTE_UNCOUNTED,
  PRUNE,
  PRUNE_TIMES,
  RECORD,
} from './redis-scripts/fleet.ts';
import { readSurveys } from './redis-surveys.ts';
import { agentOf } from './sightings.ts';

/** Buckets in one script call; at a million agents each holds about 60. */
const PRUNE_AT_ONCE = 32;
const ALL_SHARDS = Array.from({ length: SHARDS }, (_, shard) => shard);

export type FleetVerbs = Pick<
  Store,
  'counts' | 'recordSightings' | 'noteUncounted' | 'forgetUncounted' | 'prune' | 'agents' | 'agent' | 'forget'
>;

/** Records sightings; needs nothing that was carried over. */
export function redisRecorder(client: RedisClient, limits: FleetLimits): Store['recordSightings'] {
  const shares = [Math.ceil(limits.agents / SHARDS), Math.ceil(limits.unenrolled / SHARDS)];

  return async (source, sightings, { now, contestedFor, targets, within = 0 }) => {
    const [part, pack] = source === 'inventory' ? ['inventory', packInventory] : ['checkIn', packCheckIn];
    const rules = [
      part,
      ...shares,
      now,
      contestedFor,
      MAX_ELSEWHERE,
      lines([...targets].map((each) => each.join(' '))),
    ];
    let refused = 0;
    await inTurn(paced(await cut(sightings), within), async (piece) => {
      const places = [...new Set(Array.from(piece, placeIn))];
      // Lua counts from 1, and the tallies come first.
      const slots = new Map(places.map((place, nth) => [place, 2 + 3 * nth]));
      const packed = Array.from(piece, (rank) => {
        const sighting = sightings[indexIn(rank)] as Sighting;
        return `${slots.get(placeIn(rank))} ${sighting.id} ${pack(sighting)}`;
      });
      const count = (await client.run(RECORD, keysOf(places), [...rules, packed.join('\n')])) as number;
      refused += count;
    });
    return refused;
  };
}

/** The fleet verbs on Redis. */
export function redisFleet(client: RedisClient, limits: FleetLimits, carried: CarryOver): FleetVerbs {
  return {
    // The shards are read at different moments, and still no agent is counted twice: it never leaves its shard.
    async counts() {
      await carried.require();
      const shards = ALL_SHARDS.map((shard) => client.run(COUNTS, [talliesKey(shard)]));
      const [surveys, ...counts] = await Promise.all([readSurveys(client), ...shards]);
      return { surveys, ...(await runInTurns(countersInTurns(allLines(counts as string[])))) };
    },

    recordSightings: redisRecorder(client, limits),

    // The shards are read together, so one of them may keep what was not counted.
    async noteUncounted(all) {
      const each = all.map(({ channel, line, at }) => `${channel} ${line} ${at}`);
      await client.run(NOTE_UNCOUNTED, [talliesKey(0)], [lines(each)]);
    },

    async forgetUncounted(channel, line) {
      await Promise.all(ALL_SHARDS.map((shard) => client.run(FORGET_UNCOUNTED, [talliesKey(shard)], [channel, line])));
    },

    async prune(query) {
      await carried.require();
      const listed = await placesListing(client, query);
      const args = [...pruneArgs(query), listed ? 1 : ''];
      let dropped = 0;
      await inTurn(listed?.values() ?? runs(PRUNE_AT_ONCE), async (places) => {
        const count = (await client.run(PRUNE, keysOf(places), args)) as number;
        dropped += count;
      });
      if (listed) return dropped;
      await client.run(ALL_LISTED, [LISTED_IN_ALL]);
      await Promise.all(ALL_SHARDS.map((shard) => client.run(PRUNE_TIMES, [talliesKey(shard)], args.slice(0, 1))));
      return dropped;
    },

    async agents(query) {
      await carried.require();
      return readPage(client, query);
    },

    async agent(id) {
      await carried.require();
      const answer = await client.run(AGENT, bucketKeys([placeOf(id)]), [id]);
      const [checkIn = null, inventory = null, past = null] = answer as (string | null)[];
      return agentOf(id, { checkIn, inventory, past });
    },

    async forget(id) {
      await carried.require();
      return (await client.run(FORGET, keysOf([placeOf(id)]), [id])) === 1;
    },
  };
}

/**
 * The places where agents are listed that an import may forget, in runs that stay within a shard, so that it costs its
 * own size; null where all places must be looked through.
 */
async function placesListing(client: RedisClient, query: PruneQuery): Promise<number[][] | null> {
  const { checkIns, unenrolledBefore, unlisted } = query;
  if (!unlisted || checkIns || unenrolledBefore !== undefined) return null;
  if ((await client.get(LISTED_IN_ALL)) === null) return null;
  const shards = ALL_SHARDS.map(async (shard) => {
    const buckets = (await client.run(LISTED_BUCKETS, [listedInKey(shard, unlisted.scope)])) as number[];
    const places = buckets.map((bucket) => shard * BUCKETS_PER_SHARD + bucket);
    const chunks = Math.ceil(places.length / PRUNE_AT_ONCE);
    return Array.from({ length: chunks }, (_, nth) => places.slice(nth * PRUNE_AT_ONCE, (nth + 1) * PRUNE_AT_ONCE));
  });
  return (await Promise.all(shards)).flat();
}

/** The keys of scripts that change agents of these places, which are of one shard. */
const keysOf = (places: number[]): string[] => [talliesKey(shardOf(places[0] ?? 0)), ...bucketKeys(places)];

function pruneArgs({
  checkIns = new Map<string, number>(),
  unenrolledBefore,
  unlisted,
}: PruneQuery): (string | number)[] {
  const bounds = [...checkIns].map((each) => each.join(' ')).join('\n');
  const { scope = '', before = '', seenUntil = '', only = '', except = new Set<string>() } = unlisted ?? {};
  return [bounds, unenrolledBefore ?? '', scope, before, only, lines([...except]), seenUntil];
}

/** Each line between line feeds, so that a whole one can be searched for. */
const lines = (all: string[]): string => `${all.map((line) => `\n${line}`).join('')}\n`;

/** The counters of each shard, read when they are asked for. */
function* allLines(texts: string[]): Generator<[field: string, value: number][]> {
  for (const text of texts) yield readLines(text);
}

/** The counters of a shard, as the script answers them. */
function readLines(text: string): [field: string, value: number][] {
  const all = text.split('\n');
  return Array.from({ length: Math.floor(all.length / 2) }, (_, n) => [all[2 * n] ?? '', Number(all[2 * n + 1])]);
}
