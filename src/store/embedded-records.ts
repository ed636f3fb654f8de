import type { AgentRecord } from '../domain/agent.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import { type Packed, packRecord, scopeOfPacked, unpackRecord } from './packing.ts';
import { createTallies, type Tallies } from './tallies.ts';

type Parts = Record<keyof Packed, Table<string, string>>;

/** The agents' records and their counters, in LMDB. */
export interface Records {
  parts: Parts;
  counts: Table<number, string>;
  /** Which agents inventories list, by scope, so that an import finds those that it no longer lists. */
  listings: Listings;
  packed(id: string): Packed;
  /** Changes to some agents; the counters are written by `settle`. */
  edit(): Edit;
}

export interface Listings {
  /** The ids of some agents that inventories of a scope list, in their order, after `last`. */
  after(scope: string, last: string, limit: number): string[];
  /** Is the agent missing here, because an older release recorded it? */
  lacks(id: string): boolean;
  /** Adds an agent that is missing. */
  add(id: string): void;
  /** Were all agents looked through, so that none is missing? */
  isComplete(): boolean;
  complete(): void;
}

export interface Edit {
  tallies: Tallies;
  load(id: string): AgentRecord;
  save(id: string, after: AgentRecord): void;
  settle(): void;
}

const COMPLETE = 'complete';
const PARTS = ['checkIn', 'inventory', 'past'] as const;

export function openRecords(files: EmbeddedFiles): Records {
  const parts: Parts = { checkIn: files.table('seen'), inventory: files.table('listed'), past: files.table('past') };
  const counts: Table<number, string> = files.table('tallies');
  /** By `scope id`, neither of which has a space; also `COMPLETE`, which is not such a key. */
  const listed: Table<true, string> = files.table('listed-in');
  const keyOf = (packed: string, id: string) => `${scopeOfPacked(packed)} ${id}`;
  const packed = (id: string): Packed => ({
    checkIn: parts.checkIn.get(id) ?? null,
    inventory: parts.inventory.get(id) ?? null,
    past: parts.past.get(id) ?? null,
  });

  function save(id: string, after: AgentRecord): void {
    const is = packRecord(after);
    for (const part of PARTS) {
      const was = parts[part].get(id) ?? null;
      if (is[part] === was) continue;
      if (part === 'inventory') moveListing(id, was, is[part]);
      if (is[part] === null) parts[part].remove(id);
      else parts[part].put(id, is[part]);
    }
  }

  function moveListing(id: string, was: string | null, is: string | null): void {
    const [from, to] = [was, is].map((packed) => packed && keyOf(packed, id));
    if (from === to) return;
    if (from) listed.remove(from);
    if (to) listed.put(to, true);
  }

  const listings: Listings = {
    after(scope, last, limit) {
      const from = `${scope} `;
      // The character after a space.
      const keys = listed.keys({ start: from + last, exclusiveStart: true, end: `${scope}!`, limit });
      return keys.map((key) => key.slice(from.length));
    },
    lacks(id) {
      const packed = parts.inventory.get(id);
      return packed !== undefined && listed.get(keyOf(packed, id)) === undefined;
    },
    add(id) {
      const packed = parts.inventory.get(id);
      if (packed !== undefined) listed.put(keyOf(packed, id), true);
    },
    isComplete: () => listed.get(COMPLETE) === true,
    complete: () => listed.put(COMPLETE, true),
  };

  return {
    parts,
    counts,
    listings,
    packed,
    edit() {
      const tallies = createTallies(counts);
      return { tallies, load: (id) => unpackRecord(id, packed(id)), save, settle: tallies.settle };
    },
  };
}
