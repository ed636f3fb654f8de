import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Agent, SIGHTING_SOURCES, type SightingSource } from '../domain/agent.ts';
import type { Survey } from '../domain/census.ts';
import type { AgentPage, AgentQuery, FleetLimits, Store } from '../domain/store.ts';
import { admission, type Counts, dropTimes, editor, isNews, type Sightings, withoutTime } from './embedded-counters.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import type { IsFenced } from './embedded-lease.ts';
import { pace } from './pace.ts';
import { agentOf, isWanted, pack, readCounters, unpack } from './sightings.ts';

/** Agents handled at a stretch: about 10 ms, in which the process answers no poll. */
const AT_ONCE = 500;
/** Sightings written at a stretch: a few milliseconds. */
const RECORD_AT_ONCE = 100;
/** Agents that one page looks at before it gives up filling itself. */
const MAX_EXAMINED = 20_000;

type FleetVerbs = Pick<Store, 'counts' | 'saveSurvey' | 'recordSightings' | 'prune' | 'agents' | 'agent' | 'forget'>;
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

    async recordSightings(source, batch, within = 0) {
      let refused = 0;
      const due = pace(Math.ceil(batch.length / RECORD_AT_ONCE), within);
      for (let start = 0; start < batch.length; start += RECORD_AT_ONCE) {
        await due(start / RECORD_AT_ONCE);
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
