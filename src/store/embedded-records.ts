import type { AgentRecord } from '../domain/agent.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import { type Packed, packRecord, unpackRecord } from './packing.ts';
import { createTallies, type Tallies } from './tallies.ts';

type Parts = Record<keyof Packed, Table<string, string>>;

/** The agents' records and their counters, in LMDB. */
export interface Records {
  parts: Parts;
  counts: Table<number, string>;
  packed(id: string): Packed;
  /** Changes to some agents; the counters are written by `settle`. */
  edit(): Edit;
}

export interface Edit {
  tallies: Tallies;
  load(id: string): AgentRecord;
  save(id: string, after: AgentRecord): void;
  settle(): void;
}

const PARTS = ['checkIn', 'inventory', 'past'] as const;

export function openRecords(files: EmbeddedFiles): Records {
  const parts: Parts = { checkIn: files.table('seen'), inventory: files.table('listed'), past: files.table('past') };
  const counts: Table<number, string> = files.table('tallies');
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
      if (is[part] === null) parts[part].remove(id);
      else parts[part].put(id, is[part]);
    }
  }

  return {
    parts,
    counts,
    packed,
    edit() {
      const tallies = createTallies(counts);
      return { tallies, load: (id) => unpackRecord(id, packed(id)), save, settle: tallies.settle };
    },
  };
}
