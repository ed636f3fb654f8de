import type { Agent } from '../domain/agent.ts';
import { FairwayError } from '../domain/errors.ts';
import type { AgentPage, AgentQuery } from '../domain/store.ts';
import type { Packed } from './packing.ts';
import { placesFrom } from './redis-batches.ts';
import type { RedisClient } from './redis-client.ts';
import { bucketKeys, PLACES } from './redis-keys.ts';
import { BUCKETS } from './redis-scripts/fleet.ts';
import { agentOf, createSieve, isWanted, limitSearch } from './sightings.ts';

/** Buckets in one script call; at a million agents each holds about 60. */
const FEWEST_READ_AT_ONCE = 4;
const MOST_READ_AT_ONCE = 256;
/** Agents in the order of their buckets, and by id within one, so that an agent that stays keeps its place. */
export async function readPage(client: RedisClient, query: AgentQuery): Promise<AgentPage> {
  const start = parseCursor(query.cursor);
  const mayMatch = createSieve(query);
  const isOver = limitSearch();
  const agents: Agent[] = [];
  let length = FEWEST_READ_AT_ONCE;
  for (let next = start.place; next < PLACES; ) {
    const places = placesFrom(next, length);
    const { read, found } = await readBuckets(client, places, mayMatch);
    for (const { place, agent } of found) {
      if (place === start.place && agent.id <= start.after) continue;
      if (isWanted(agent, query)) agents.push(agent);
      if (agents.length === query.limit) return { agents, cursor: `${place}.${agent.id}` };
    }
    next += places.length;
    if (isOver(read) && next < PLACES) return { agents, cursor: `${next}.` };
    // Buckets of a small fleet are mostly empty, those of a large one hold enough to keep this process busy.
    length = read < 500 ? Math.min(2 * length, MOST_READ_AT_ONCE) : FEWEST_READ_AT_ONCE;
  }
  return { agents, cursor: null };
}

function parseCursor(cursor = '0.'): { place: number; after: string } {
  const [, place, after = ''] = /^(\d{1,5})\.(.*)$/.exec(cursor) ?? [];
  if (place === undefined) throw new FairwayError('invalid', 'this cursor is not one that a page of agents came with');
  return { place: Number(place), after };
}

/** How many agents the buckets hold, and those of them that pass the sieve. */
async function readBuckets(
  client: RedisClient,
  places: number[],
  mayMatch: (packed: Packed) => boolean,
): Promise<{ read: number; found: { place: number; agent: Agent }[] }> {
  const filled = (await client.run(BUCKETS, bucketKeys(places))) as [number, string[], string[], string[]][];
  let read = 0;
  const found = filled.flatMap(([index, ...parts]) => {
    const [checkIns, inventories, pasts] = parts.map(pairs) as [Pairs, Pairs, Pairs];
    const ids = [...new Set([...checkIns.keys(), ...inventories.keys()])];
    read += ids.length;
    const packedOf = (id: string) => {
      return { checkIn: checkIns.get(id) ?? null, inventory: inventories.get(id) ?? null, past: pasts.get(id) ?? null };
    };
    const wanted = ids.filter((id) => mayMatch(packedOf(id))).sort();
    return wanted.flatMap((id) => {
      const agent = agentOf(id, packedOf(id));
      return agent ? [{ place: places[index] ?? 0, agent }] : [];
    });
  });
  return { read, found };
}

export type Pairs = Map<string, string>;

/** A hash as a script answers it. */
export function pairs(flat: string[]): Pairs {
  const map: Pairs = new Map();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i] ?? '', flat[i + 1] ?? '');
  return map;
}
