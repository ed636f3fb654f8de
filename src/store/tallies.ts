import type { AgentRecord } from '../domain/agent.ts';
import { countersOf, KINDS } from './counters.ts';

/** Where counters are kept. */
export interface Counts {
  get(field: string): number | undefined;
  put(field: string, value: number): void;
  remove(field: string): void;
  size(): number;
}

/** The counters of a shard during one change, which `settle` writes. */
export interface Tallies {
  get(field: string): number;
  /** Takes the agent out of the counters, or puts it in. */
  take(record: AgentRecord): void;
  put(record: AgentRecord): void;
  /** Keeps the latest time. */
  raise(field: string, at: number): void;
  /** How many counters there are. */
  size(): number;
  settle(): void;
}

/** Letters of the kinds whose number of fields a channel is bounded in. */
export const BOUNDED_KINDS = [KINDS.known, KINDS.disputed, KINDS.reported, KINDS.group].map((kind) => kind[0]).join('');
const BOUNDED = new RegExp(`^(\\S+) ([${BOUNDED_KINDS}]):`);

export function createTallies(counts: Counts): Tallies {
  const stored = new Map<string, number>();
  const values = new Map<string, number>();
  let made = 0;

  function get(field: string): number {
    let value = values.get(field);
    if (value === undefined) {
      value = counts.get(field) ?? 0;
      stored.set(field, value);
      values.set(field, value);
    }
    return value;
  }

  function add(field: string, by: 1 | -1): void {
    const before = get(field);
    values.set(field, before + by);
    const isNew = before === 0 && by > 0;
    if (!isNew && before + by !== 0) return;
    made += by;
    const [, channel, kind] = BOUNDED.exec(field) ?? [];
    if (channel) add(fieldsOf(channel, kind ?? ''), by);
  }

  return {
    get,
    take: (record) => {
      for (const field of countersOf(record)) add(field, -1);
    },
    put: (record) => {
      for (const field of countersOf(record)) add(field, 1);
    },
    raise: (field, at) => void values.set(field, Math.max(at, get(field))),
    size: () => counts.size() + made,
    settle() {
      for (const [field, value] of values) {
        if (value === stored.get(field)) continue;
        if (value > 0) counts.put(field, value);
        else counts.remove(field);
      }
    },
  };
}

/** The counter of a channel's fields of one kind. */
export const fieldsOf = (channel: string, kind: string): string => `${channel} ${KINDS.fields}${kind}`;
