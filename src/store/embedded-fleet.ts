import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Agent,
  type AgentRecord,
  NO_PAST,
  recordSighting,
  type Sighting,
  type SightingSource,
} from '../domain/agent.ts';
import { lineOfAgent, UNREADABLE } from '../domain/agent-version.ts';
import type { UncountedLine } from '../domain/fleet-counts.ts';
import type { AgentPage, AgentQuery, FleetLimits, PruneQuery, RecordingOptions, Store } from '../domain/store.ts';
import type { Survey } from '../domain/survey.ts';
import { inTurns } from '../process/turns.ts';
import { bounded, MAX_COUNTERS } from './bounds.ts';
import type { CarryOver } from './carry-over.ts';
import { AGENTS_OF_SHARD, countersInTurns, countersOf, KINDS, STRANGERS_OF_SHARD } from './counters.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import type { Edit, Records } from './embedded-records.ts';
import { pace } from './pace.ts';
import { type Packed, packCheckIn } from './packing.ts';
import { isOldTime, pruned } from './pruning.ts';
import { agentOf, createSieve, isWanted, limitSearch } from './sightings.ts';

/** Agents handled at a stretch: about 10 ms, in which the process answers no poll. */
const AT_ONCE = 500;
/** Sightings written at a stretch: a few milliseconds. */
const RECORD_AT_ONCE = 100;

type FleetVerbs = Pick<
  Store,
  'counts' | 'recordSightings' | 'noteUncounted' | 'forgetUncounted' | 'prune' | 'agents' | 'agent' | 'forget'
>;

/** Records sightings; needs nothing that was carried over. */
export function embeddedRecorder(
  files: EmbeddedFiles,
  records: Records,
  limits: FleetLimits,
): Store['recordSightings'] {
  return async (source, batch, options) => {
    let refused = 0;
    const due = pace(Math.ceil(batch.length / RECORD_AT_ONCE), options.within ?? 0);
    for (let start = 0; start < batch.length; start += RECORD_AT_ONCE) {
      await due(start / RECORD_AT_ONCE);
      refused += await files.write(() => {
        const piece = batch.slice(start, start + RECORD_AT_ONCE);
        const edit = records.edit();
        const refusals = piece.filter((each) => !recordOne(records, edit, source, each, options, limits));
        edit.settle();
        return refusals.length;
      });
    }
    return refused;
  };
}

/** The fleet verbs on LMDB. */
export function embeddedFleet(
  files: EmbeddedFiles,
  records: Records,
  surveys: Table<Survey, string>,
  limits: FleetLimits,
  carried: CarryOver,
): FleetVerbs {
  const { counts, parts, listings } = records;

  /** Looks at each again: since it was read a newer sighting may have come. */
  function pruneAll(ids: string[], query: PruneQuery): number {
    const edit = records.edit();
    let all = 0;
    for (const id of ids) {
      const before = edit.load(id);
      const { record, dropped } = pruned(before, query);
      if (dropped === 0) continue;
      edit.tallies.take(before);
      edit.tallies.put(record);
      edit.save(id, record);
      all += dropped;
    }
    edit.settle();
    return all;
  }

  return {
    async counts() {
      await carried.require();
      const [kept, fields] = await files.read(() => [
        surveys.entries().map(({ value }) => value),
        counts.entries().map(({ key, value }): [string, number] => [key, value]),
      ]);
      return { surveys: kept, ...(await inTurns(countersInTurns([fields]))) };
    },

    recordSightings: embeddedRecorder(files, records, limits),

    noteUncounted: (lines) =>
      files.write(() => {
        const { tallies, settle } = records.edit();
        for (const line of lines) noteUncounted(tallies, line);
        settle();
      }),

    forgetUncounted: (channel, line) => files.write(() => counts.remove(fieldOfLine(channel, line))),

    async prune(query) {
      await carried.require();
      const { checkIns, unenrolledBefore, unlisted } = query;
      let all = 0;
      async function pruneSlice(ids: string[]): Promise<void> {
        const isOld = (id: string) => pruned(records.edit().load(id), query).dropped > 0;
        const old = await files.read(() => ids.filter(isOld));
        if (old.length > 0) all += await files.write(() => pruneAll(old, query));
      }
      if (unlisted && !checkIns && unenrolledBefore === undefined && (await files.read(listings.isComplete))) {
        const after = (last: string) => listings.after(unlisted.scope, last, AT_ONCE);
        for await (const ids of slices(files, after)) await pruneSlice(ids);
        return all;
      }
      // What an inventory no longer lists stands in one of the two tables.
      const tables = checkIns || unenrolledBefore !== undefined ? [parts.checkIn, parts.inventory] : [parts.inventory];
      for (const table of tables) {
        const after = (start: string) => table.keys({ start, exclusiveStart: true, limit: AT_ONCE });
        for await (const ids of slices(files, after)) {
          await pruneSlice(ids);
          if (table !== parts.inventory) continue;
          const missing = await files.read(() => ids.filter(listings.lacks));
          if (missing.length > 0) await files.write(() => missing.forEach(listings.add));
        }
      }
      await files.write(() => {
        listings.complete();
        for (const { key, value } of counts.entries()) if (isOldTime(key, value, query)) counts.remove(key);
      });
      return all;
    },

    async agents(query) {
      await carried.require();
      return readPage(files, records, query);
    },

    async agent(id) {
      await carried.require();
      return files.read(() => agentOf(id, records.packed(id)));
    },

    async forget(id) {
      await carried.require();
      return files.write(() => {
        const edit = records.edit();
        const before = edit.load(id);
        edit.tallies.take(before);
        edit.save(id, { inventory: null, checkIn: null, past: NO_PAST });
        edit.settle();
        return before.inventory !== null || before.checkIn !== null;
      });
    },
  };
}

/** Records a sighting within a transaction. Returns false where it is refused. */
function recordOne(
  { parts }: Records,
  { tallies, load, save }: Edit,
  source: SightingSource,
  sighting: Sighting,
  options: RecordingOptions,
  limits: FleetLimits,
): boolean {
  const { id, channel, at, enrolled } = sighting;
  const note = () => enrolled && tallies.raise(`${channel} ${KINDS.latest}`, at);
  if (source === 'check-ins') {
    const packed = packCheckIn(sighting);
    const known = parts.checkIn.get(id);
    // Nearly always: no counter changes but the time of the newest.
    if (known !== undefined && withoutTime(known) === withoutTime(packed)) {
      if (at < Math.min(timeIn(known), options.now)) return true;
      parts.checkIn.put(id, packed);
      note();
      return true;
    }
  }
  const before = load(id);
  const after = recordSighting(before, source, sighting, {
    ...options,
    targetOf: (name) => options.targets.get(name) ?? null,
  });
  if (after === before) return true;
  if (source === 'inventory' && countsAlike(before, after)) {
    save(id, after);
    return true;
  }
  tallies.take(before);
  if (!after || (source === 'check-ins' && !isWithin(limits, tallies, sighting, before.checkIn))) {
    tallies.put(before);
    if (enrolled) noteUncounted(tallies, { channel, line: lineOfAgent(sighting.version), at });
    return false;
  }
  const kept = bounded(after, source === 'inventory' ? 'inventory' : 'checkIn', tallies);
  tallies.put(kept);
  save(id, kept);
  if (source === 'check-ins') note();
  return true;
}

/** Mostly an inventory lists an agent again as it was, and no counter changes. */
function countsAlike(before: AgentRecord, after: AgentRecord | null): after is AgentRecord {
  if (!before.inventory || !after) return false;
  const [was, is] = [countersOf(before), countersOf(after)];
  return was.length === is.length && was.every((field, index) => field === is[index]);
}

type Tallies = Edit['tallies'];

/** Asked once the agent is taken out of the counters. */
function isWithin(limits: FleetLimits, tallies: Tallies, { enrolled }: Sighting, before: Sighting | null): boolean {
  if (before?.enrolled === enrolled) return true;
  if (enrolled) return tallies.get(AGENTS_OF_SHARD) < limits.agents;
  return tallies.get(STRANGERS_OF_SHARD) < limits.unenrolled;
}

const fieldOfLine = (channel: string, line: string) => `${channel} ${KINDS.uncounted}${line}`;

function noteUncounted(tallies: Tallies, { channel, line, at }: UncountedLine): void {
  const own = fieldOfLine(channel, line);
  const isTooMany = tallies.get(own) === 0 && tallies.size() >= MAX_COUNTERS;
  tallies.raise(isTooMany ? fieldOfLine(channel, UNREADABLE) : own, at);
}

const withoutTime = (packed: string) => packed.replace(/^(\S+ \S+) \S+/, '$1');
const timeIn = (packed: string) => Number.parseInt(packed.split(' ', 3)[2] ?? '', 36);

/** All ids, a slice of at most `AT_ONCE` at a time, between which other work is done. */
async function* slices(files: EmbeddedFiles, after: (last: string) => string[]) {
  let last = '';
  while (true) {
    const ids = await files.read(() => after(last));
    if (ids.length > 0) yield ids;
    if (ids.length < AT_ONCE) return;
    last = ids.at(-1) ?? '';
    await nextTurn();
  }
}

/** Agents in the order of their ids; the cursor is the last id looked at. */
async function readPage(files: EmbeddedFiles, records: Records, query: AgentQuery): Promise<AgentPage> {
  const mayMatch = createSieve(query);
  const isOver = limitSearch();
  const agents: Agent[] = [];
  let last = query.cursor ?? '';
  while (true) {
    const slice = await files.read(() => recordsAfter(records, last));
    for (const { id, packed } of slice) {
      last = id;
      const agent = mayMatch(packed) ? agentOf(id, packed) : null;
      if (agent && isWanted(agent, query)) agents.push(agent);
      if (agents.length === query.limit) return { agents, cursor: last };
    }
    if (slice.length < AT_ONCE) return { agents, cursor: null };
    if (isOver(slice.length)) return { agents, cursor: last };
    await nextTurn();
  }
}

/**
 * The next agents that any source knows, in the order of their ids: three runs of rows cost less than a look at each.
 */
function recordsAfter({ parts }: Records, last: string): { id: string; packed: Packed }[] {
  const rowsOf = (table: Table<string, string>) =>
    new Map(table.entries({ start: last, exclusiveStart: true, limit: AT_ONCE }).map(({ key, value }) => [key, value]));
  const [checkIns, inventories, pasts] = [parts.checkIn, parts.inventory, parts.past].map(rowsOf) as [Rows, Rows, Rows];
  const ids = [...new Set([...checkIns.keys(), ...inventories.keys()])].sort().slice(0, AT_ONCE);
  return ids.map((id) => ({
    id,
    packed: {
      checkIn: checkIns.get(id) ?? null,
      inventory: inventories.get(id) ?? null,
      past: pasts.get(id) ?? null,
    },
  }));
}

type Rows = Map<string, string>;
