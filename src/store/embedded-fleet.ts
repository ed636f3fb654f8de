import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Agent, SIGHTING_SOURCES, type Sighting, type SightingSource } from '../domain/agent.ts';
import type { Survey } from '../domain/census.ts';
import { type AgentPage, type AgentQuery, type FleetLimits, OTHER_GROUP, type Store } from '../domain/store.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import type { IsFenced } from './embedded-lease.ts';
import {
  AGENTS_OF_SHARD,
  agentOf,
  countersOf,
  isWanted,
  MAX_COUNTERS,
  MAX_COUNTERS_WITH_GROUPS,
  pack,
  readCounters,
  STRANGERS_OF_SHARD,
  unpack,
} from './sightings.ts';

/** Agents handled at a stretch: about 10 ms, in which the process answers no poll. */
const AT_ONCE = 500;
/** Sightings written at a stretch: a few milliseconds. */
const RECORD_AT_ONCE = 100;
/** Agents that one page looks at before it gives up filling itself. */
const MAX_EXAMINED = 20_000;

type FleetVerbs = Pick<Store, 'counts' | 'saveSurvey' | 'recordSightings' | 'prune' | 'agents' | 'agent' | 'forget'>;
type Sightings = Record<SightingSource, Table<string, string>>;
/** As `readCounters` describes them. */
type Counts = Table<number, string>;

/** The fleet verbs on LMDB. */
export function embeddedFleet(files: EmbeddedFiles, isFenced: IsFenced, limits: FleetLimits): FleetVerbs {
  const surveys = files.table<Survey, string>('surveys');
  const counts: Counts = files.table('counts');
  const sightings: Sightings = { inventory: files.table('inventory'), 'check-ins': files.table('check-ins') };

  /** Looks at each again: since it was read a newer one may have come. */
  function dropAll(source: SightingSource, ids: string[], isOld: (packed: string | undefined) => boolean): number {
    const edit = editor(sightings, counts);
    const old = ids.filter((id) => isOld(sightings[source].get(id)));
    for (const id of old) edit.set(source, id, null);
    edit.settle();
    return old.length;
  }

  return {
    counts: () =>
      files.read(() => ({
        surveys: surveys.entries().map(({ value }) => value),
        ...readCounters(counts.entries().map(({ key, value }): [string, number] => [key, value])),
      })),

    saveSurvey: (survey, fence) =>
      files.write(() => {
        if (isFenced(fence)) return;
        const field = `${survey.channel} ${survey.source}`;
        if ((surveys.get(field)?.at ?? 0) <= survey.at) surveys.put(field, survey);
      }),

    async recordSightings(source, batch) {
      let refused = 0;
      for (let start = 0; start < batch.length; start += RECORD_AT_ONCE) {
        refused += await files.write(() => {
          const edit = editor(sightings, counts);
          const recorder = source === 'check-ins' ? admission(edit, counts, limits) : null;
          let refusedNow = 0;
          for (const sighting of batch.slice(start, start + RECORD_AT_ONCE)) {
            const before = sightings[source].get(sighting.id);
            if (!isNews(sighting, before)) continue;
            const packed = pack(sighting);
            if (before !== undefined && withoutTime(before) === withoutTime(packed)) {
              // Nearly always: no counter changes but the time of the newest.
              sightings[source].put(sighting.id, packed);
              recorder?.note(sighting);
              continue;
            }
            const admitted = recorder ? recorder.admit(sighting, before) : sighting;
            if (admitted) edit.set(source, sighting.id, pack(admitted));
            else refusedNow++;
          }
          edit.settle();
          recorder?.settle();
          return refusedNow;
        });
      }
      return refused;
    },

    async prune({ before, inventoryOf }) {
      const isOld = (packed: string | undefined) => {
        if (packed === undefined) return false;
        const { at, channel } = unpack('', packed);
        return at < before && (inventoryOf === undefined || inventoryOf === channel);
      };
      let dropped = 0;
      for (const source of inventoryOf === undefined ? SIGHTING_SOURCES : (['inventory'] as const)) {
        for await (const slice of slices(files, sightings[source])) {
          const old = slice.filter(({ value }) => isOld(value)).map(({ key }) => key);
          if (old.length > 0) dropped += await files.write(() => dropAll(source, old, isOld));
        }
      }
      if (inventoryOf === undefined) await files.write(() => dropTimes(counts, before));
      return dropped;
    },

    agents: (query) => readPage(files, sightings, query),

    agent: (id) => files.read(() => agentIn(sightings, id)),

    forget: (id) =>
      files.write(() => {
        const known = agentIn(sightings, id) !== null;
        const edit = editor(sightings, counts);
        for (const source of SIGHTING_SOURCES) edit.set(source, id, null);
        edit.settle();
        return known;
      }),
  };
}

/** Is the sighting to take the place of `before`? One that is not enrolled never takes that of one that is. */
function isNews(sighting: Sighting, before: string | undefined): boolean {
  if (before === undefined) return true;
  const { at, enrolled } = unpack('', before);
  return enrolled === sighting.enrolled ? sighting.at >= at : sighting.enrolled;
}

/** Changes sightings and keeps the counters right: a change takes the agent's share out, and puts the new one in. */
function editor(sightings: Sightings, counts: Counts) {
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
function admission(edit: ReturnType<typeof editor>, counts: Counts, limits: FleetLimits) {
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

const withoutTime = (packed: string) => packed.replace(/^(\S+ \S+) \S+/, '$1');

/** Channels from which nobody has checked in for as long need no time either. */
function dropTimes(counts: Counts, before: number): void {
  for (const { key, value } of counts.entries()) if (key.endsWith(' at: all') && value < before) counts.remove(key);
}

function agentIn(sightings: Sightings, id: string): Agent | null {
  return agentOf(id, {
    inventory: sightings.inventory.get(id) ?? null,
    'check-ins': sightings['check-ins'].get(id) ?? null,
  });
}

/** All entries of a table, a slice at a time, between which other work is done. */
async function* slices(files: EmbeddedFiles, table: Table<string, string>) {
  let last = '';
  while (true) {
    const slice = await files.read(() => table.entries({ start: last, exclusiveStart: true, limit: AT_ONCE }));
    if (slice.length > 0) yield slice;
    if (slice.length < AT_ONCE) return;
    last = slice.at(-1)?.key ?? '';
    await nextTurn();
  }
}

/** Agents in the order of their ids; the cursor is the last id looked at. */
async function readPage(files: EmbeddedFiles, sightings: Sightings, query: AgentQuery): Promise<AgentPage> {
  const agents: Agent[] = [];
  let last = query.cursor ?? '';
  for (let examined = 0; examined < MAX_EXAMINED; examined += AT_ONCE) {
    const slice = await files.read(() => agentsAfter(sightings, last));
    for (const agent of slice) {
      last = agent.id;
      if (isWanted(agent, query)) agents.push(agent);
      if (agents.length === query.limit) return { agents, cursor: last };
    }
    if (slice.length < AT_ONCE) return { agents, cursor: null };
    await nextTurn();
  }
  return { agents, cursor: last };
}

/** The next agents that any source knows, in the order of their ids. */
function agentsAfter(sightings: Sightings, last: string): Agent[] {
  const found = SIGHTING_SOURCES.flatMap((source) =>
    sightings[source].entries({ start: last, exclusiveStart: true, limit: AT_ONCE }).map(({ key }) => key),
  );
  const ids = [...new Set(found)].sort().slice(0, AT_ONCE);
  return ids.flatMap((id) => agentIn(sightings, id) ?? []);
}
