import {
  type Agent,
  type AgentRecord,
  countedVersion,
  countedVersions,
  marksOf,
  type Sighting,
} from '../domain/agent.ts';
import { compareAgentVersions } from '../domain/agent-version.ts';
import type { AgentQuery } from '../domain/store.ts';
import { type Packed, unpackRecord } from './packing.ts';

/** The agent that a store's packed record makes, or null when no source knows it. */
export function agentOf(id: string, packed: Packed): Agent | null {
  if (!packed.checkIn && !packed.inventory) return null;
  const { inventory, checkIn, past } = unpackRecord(id, packed);
  const sightings: Agent['sightings'] = [];
  if (inventory) sightings.push({ ...inventory, source: 'inventory' });
  if (checkIn) sightings.push({ ...checkIn, source: 'check-ins' });
  return { id, sightings: sightings.sort((a, b) => Number(b.enrolled) - Number(a.enrolled) || b.at - a.at), past };
}

/** Milliseconds for which one page searches, so that a rare agent is not behind many empty pages. */
const SEARCH_MS = 2_000;
/** Agents that a page looks at, however long that takes. */
const LEAST_SEARCHED = 50_000;

/** Says when a page gives up filling itself; it is told how many agents were looked at since it was last asked. */
export function limitSearch(): (more: number) => boolean {
  const end = performance.now() + SEARCH_MS;
  let searched = 0;
  return (more) => {
    searched += more;
    return searched >= LEAST_SEARCHED && performance.now() > end;
  };
}

/**
 * May the record meet the query, as far as its text shows? Most records of a large fleet are told apart by this, which
 * takes a tenth of the time of unpacking them.
 */
export function createSieve({ channel, version, group }: AgentQuery): (packed: Packed) => boolean {
  const wanted = [channel, version, group].filter((text) => text !== undefined);
  return ({ checkIn, inventory, past }) =>
    wanted.every((text) => checkIn?.includes(text) || inventory?.includes(text) || past?.includes(text));
}

function recordOf({ sightings, past }: Agent): AgentRecord {
  const from = (source: string) => sightings.find((sighting) => sighting.source === source) ?? null;
  return { inventory: from('inventory'), checkIn: from('check-ins'), past };
}

/**
 * Does one sighting of the agent meet all that the query asks for? Where no source is asked for, the version is the one
 * that counts, if the agent counts; an agent in dispute is also found by the others at which it counts. It is also
 * found on the other channels that it is remembered on.
 */
export function isWanted(agent: Agent, query: AgentQuery): boolean {
  const { channel, version, olderThan, group, host, mark, source, enrolled, seenBefore, seenSince } = query;
  const record = recordOf(agent);
  if (mark !== undefined && !marksOf(record).includes(mark)) return false;
  const counted = source === undefined ? countedVersion(record) : null;
  const others = source === undefined ? countedVersions(record) : [];
  const versionOf = (sighting: Sighting) => counted ?? sighting.version;
  const channels = ({ source: from, channel: own }: Agent['sightings'][number]) =>
    from === 'check-ins' ? [own, ...agent.past.elsewhere.map((other) => other.channel)] : [own];
  return agent.sightings.some(
    (sighting) =>
      (channel === undefined || channels(sighting).includes(channel)) &&
      (version === undefined || versionOf(sighting) === version || others.includes(version)) &&
      (olderThan === undefined || compareAgentVersions(versionOf(sighting), olderThan) < 0) &&
      (group === undefined || sighting.group === group) &&
      (host === undefined || (sighting.host?.toLowerCase().includes(host.toLowerCase()) ?? false)) &&
      (source === undefined || sighting.source === source) &&
      (enrolled === undefined || sighting.enrolled === enrolled) &&
      (seenBefore === undefined || sighting.at < seenBefore) &&
      (seenSince === undefined || sighting.at >= seenSince),
  );
}
