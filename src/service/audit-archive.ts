import { type AuditEntry, type AuditHead, follows } from '../domain/audit.ts';
import { ARCHIVE_ACTION } from '../domain/audit-check.ts';
import { FairwayError } from '../domain/errors.ts';
import type { Actor } from '../domain/role.ts';
import type { ControlLog } from '../domain/store.ts';
import { nextTurn } from '../process/turns.ts';
import type { State } from './state.ts';

export interface ArchiveInput {
  /** The last entry of the archive. */
  head: AuditHead;
  reason: string;
}

export interface ArchiveResult {
  /** How many entries are archived by this. */
  entries: number;
  anchor: AuditHead;
  /** Null on a dry run. */
  audit: AuditEntry | null;
}

export interface Archive {
  /** The entry that the archive goes on from. */
  anchor(): Promise<AuditHead>;
  /** The entries that are older than `before`, oldest first, some at a time; the newest 100 are never among them. */
  read(before: Date): AsyncGenerator<AuditEntry[]>;
  /**
   * Replaces the entries up to `head` by their hashes. Throws `invalid` if that is no entry of the log that may be
   * archived, and `refused` where the chain is broken.
   */
  archive(input: ArchiveInput, actor: Actor, dryRun: boolean): Promise<ArchiveResult>;
}

type ArchivedStore = Pick<ControlLog, 'audit' | 'anchor' | 'archive'>;

/** Servers that are behind, and people who look for what happened last, find these in the log. */
export const KEPT = 100;
const AT_ONCE = 100;

export function createArchive(store: ArchivedStore, state: Pick<State, 'snapshot' | 'commit'>, now: () => Date) {
  const oldestKept = () => state.snapshot().revision - KEPT + 1;

  /** The entries after `head` and below `end`, oldest first. */
  async function* readFrom(head: AuditHead, end: number): AsyncGenerator<AuditEntry[]> {
    for (let next = head.id + 1; next < end; next += AT_ONCE) {
      const before = Math.min(next + AT_ONCE, end);
      yield (await store.audit({ before, limit: before - next })).reverse();
      await nextTurn();
    }
  }

  const archive: Archive = {
    anchor: store.anchor,

    async *read(before) {
      const isOld = ({ at }: AuditEntry) => Date.parse(at) < before.getTime();
      for await (const entries of readFrom(await store.anchor(), oldestKept())) {
        const end = entries.findIndex((entry) => !isOld(entry));
        yield end === -1 ? entries : entries.slice(0, end);
        if (end !== -1) return;
      }
    },

    async archive({ head, reason }, actor, dryRun) {
      const before = await store.anchor();
      if (head.id <= before.id)
        throw new FairwayError('invalid', `the entries up to ${before.id} are archived already`);
      if (head.id >= oldestKept()) {
        throw new FairwayError('invalid', `the newest ${KEPT} entries stay in the log; archive up to an older one`);
      }
      const [last] = await store.audit({ before: head.id + 1, limit: 1 });
      if (last?.id !== head.id || last.hash !== head.hash) {
        throw new FairwayError('invalid', `entry ${head.id} of this archive is not in the log; make the archive again`);
      }
      const entries = head.id - before.id;
      if (dryRun) return { entries, anchor: head, audit: null };
      const audit = await state.commit([], {
        at: now().toISOString(),
        actor: actor.name,
        action: ARCHIVE_ACTION,
        subject: 'audit',
        reason,
        before,
        after: head,
      });
      await remove(before, head);
      return { entries, anchor: head, audit };
    },
  };

  /** Archives slice by slice. Another server that does the same goes on where this one is. */
  async function remove(from: AuditHead, to: AuditHead): Promise<void> {
    let anchor = from;
    for await (const entries of readFrom(from, to.id + 1)) {
      requireChain(anchor, entries);
      if (!(await store.archive(anchor, entries))) {
        const done = await store.anchor();
        if (done.id < to.id) await remove(done, to);
        return;
      }
      anchor = entries.at(-1) ?? anchor;
    }
  }

  return archive;
}

/** Throws `refused` unless the entries follow the anchor, one after the other. */
function requireChain(anchor: AuditHead, entries: AuditEntry[]): void {
  let last = anchor;
  for (const entry of entries) {
    if (!follows(last, entry)) {
      const todo = 'nothing from there on was archived; see fairway audit verify';
      throw new FairwayError('refused', `entry ${last.id + 1} is missing or damaged; ${todo}`);
    }
    last = entry;
  }
}
