import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Agent, SIGHTING_SOURCES, type SightingSource } from '../domain/agent.ts';
import type { Survey } from '../domain/census.ts';
import type { AgentPage, AgentQuery, Store } from '../domain/store.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import type { IsFenced } from './embedded-lease.ts';
import { agentOf, isWanted, pack, unpack } from './sightings.ts';

/** Agents handled at a stretch: about 10 ms, in which the process answers no poll. */
const AT_ONCE = 500;
/** Agents that one page looks at before it gives up filling itself. */
const MAX_EXAMINED = 20_000;

type FleetVerbs = Pick<Store, 'counts' | 'saveSurvey' | 'recordSightings' | 'prune' | 'agents' | 'agent' | 'forget'>;
type Sightings = Record<SightingSource, Table<string, string>>;
/** By `channel version`: all its check-ins, and those beyond the inventory. */
type Counts = Table<[number, number], string>;

/** The fleet verbs on LMDB. */
export function embeddedFleet(files: EmbeddedFiles, isFenced: IsFenced): FleetVerbs {
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
        checkIns: counts.entries().map(({ key, value: [agents, beyondInventory] }) => {
          const [channel = '', version = ''] = key.split(' ');
          return { channel, version, agents, beyondInventory };
        }),
      })),

    saveSurvey: (survey, fence) =>
      files.write(() => {
        if (isFenced(fence)) return;
        const field = `${survey.channel} ${survey.source}`;
        if ((surveys.get(field)?.at ?? 0) <= survey.at) surveys.put(field, survey);
      }),

    async recordSightings(source, batch) {
      for (let start = 0; start < batch.length; start += AT_ONCE) {
        await files.write(() => {
          const edit = editor(sightings, counts);
          for (const sighting of batch.slice(start, start + AT_ONCE)) {
            const stored = sightings[source].get(sighting.id);
            if (!stored || unpack('', stored).at <= sighting.at) edit.set(source, sighting.id, pack(sighting));
          }
          edit.settle();
        });
      }
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

/** Changes sightings and keeps the counters right: a change takes the agent's share out, and puts the new one in. */
function editor(sightings: Sightings, counts: Counts) {
  const deltas = new Map<string, [number, number]>();

  function count(id: string, by: number): void {
    const checkIn = sightings['check-ins'].get(id);
    if (!checkIn) return;
    const { channel, version } = unpack(id, checkIn);
    const inventory = sightings.inventory.get(id);
    const beyond = !inventory || unpack(id, inventory).channel !== channel;
    const delta = deltas.get(`${channel} ${version}`) ?? [0, 0];
    deltas.set(`${channel} ${version}`, [delta[0] + by, delta[1] + (beyond ? by : 0)]);
  }

  return {
    set(source: SightingSource, id: string, packed: string | null): void {
      count(id, -1);
      if (packed === null) sightings[source].remove(id);
      else sightings[source].put(id, packed);
      count(id, 1);
    },
    settle(): void {
      for (const [field, [agents, beyond]] of deltas) {
        if (agents === 0 && beyond === 0) continue;
        const [oldAgents, oldBeyond] = counts.get(field) ?? [0, 0];
        if (oldAgents + agents > 0) counts.put(field, [oldAgents + agents, oldBeyond + beyond]);
        else counts.remove(field);
      }
    },
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
