import { type AuditEntry, type AuditHead, digestOf, follows, GENESIS } from './audit.ts';
import type { BadDocument, Document } from './store.ts';

/** The action of the entry that records an archive; its `after` is the anchor. */
export const ARCHIVE_ACTION = 'archive';

/** What a document is that is not as the log recorded it. */
export interface EditedDocument {
  key: string;
  /** For people: `it has another content than entry 7 recorded`. */
  fault: string;
}

/** The last write of a document that the log records: the entry's id and the digest, null for a deletion. */
interface LastWrite {
  id: number;
  digest: string | null;
}

/** What the entries of the log, taken newest first, say together. */
export interface LogCheck {
  add(entry: AuditEntry): void;
  /** Call it after the last entry. */
  result(): LogResult;
}

export interface LogResult {
  entries: number;
  /** The newest entry, or the anchor. */
  head: AuditHead;
  /** The id of the first entry that is missing, damaged, or not the expected one. */
  brokenAt: number | null;
  documents: {
    /** Every key that the log says was written. */
    keys: Iterable<string>;
    /** Compares a document as it is stored; null stands for a missing one. */
    compare(key: string, stored: Document | null): Compared;
  };
}

/** `unknown`: an older release made the last change, or it is archived; `newer`: it changed after the log was read. */
export type Compared = 'same' | 'unknown' | 'newer' | EditedDocument;

/**
 * Checks a log that goes on from `anchor`. Each of the `expected` heads, which were seen before, must be in it unless it
 * is archived.
 */
export function checkLog(anchor: AuditHead, expected: readonly AuditHead[]): LogCheck {
  const heads = [...expected];
  const written = new Map<string, LastWrite>();
  let entries = 0;
  let head = anchor;
  let newer: AuditEntry | null = null;
  let brokenAt: number | null = null;
  /** The anchor that the newest archive recorded. */
  let archived: AuditHead | null = null;
  /** The newest entry that does not say what it wrote. */
  let silent = anchor.id;

  const isAnother = ({ id, hash }: AuditHead) => heads.some((each) => each.id === id && each.hash !== hash);

  function add(entry: AuditEntry): void {
    if (entries++ === 0) head = { id: entry.id, hash: entry.hash };
    if (newer && !follows(entry, newer)) brokenAt = newer.id;
    if (isAnother(entry)) brokenAt = entry.id;
    newer = entry;
    archived ??= archiveOf(entry);
    if (archived && !heads.includes(archived)) heads.push(archived);
    if (!entry.writes) silent = Math.max(silent, entry.id);
    for (const [key, digest] of Object.entries(entry.writes ?? {})) {
      if (!written.has(key)) written.set(key, { id: entry.id, digest });
    }
  }

  function compare(key: string, stored: Document | null): Compared {
    const last = written.get(key);
    const edited = (fault: string) => ({ key, fault });
    if (stored === null) {
      if (!last || last.digest === null) return 'same';
      return last.id < silent ? 'unknown' : edited(`it is missing, and entry ${last.id} wrote it`);
    }
    const { revision, value } = stored;
    if (revision > head.id) return 'newer';
    if (last?.id === revision) {
      return last.digest === digestOf(value) ? 'same' : edited(`it is not what entry ${revision} wrote`);
    }
    if (last && last.id > revision) return edited(`it is older than entry ${last.id}, which wrote it`);
    return revision <= silent ? 'unknown' : edited(`entry ${revision}, which it names, did not write it`);
  }

  return {
    add,
    result() {
      if (newer && !follows(anchor, newer)) brokenAt = newer.id;
      if (isAnother(anchor)) brokenAt = anchor.id;
      // Only an archive, which the log records, takes entries away.
      if (anchor.id > (archived?.id ?? GENESIS.id)) brokenAt = anchor.id;
      for (const { id } of heads) if (id > head.id) brokenAt ??= head.id + 1;
      return { entries, head, brokenAt, documents: { keys: written.keys(), compare } };
    },
  };
}

/** The anchor that the entry records; null unless it is of an archive. */
function archiveOf({ action, after }: AuditEntry): AuditHead | null {
  const { id, hash } = (after ?? {}) as Partial<AuditHead>;
  return action === ARCHIVE_ACTION && Number.isSafeInteger(id) ? { id: id as number, hash: String(hash) } : null;
}

/** A document that cannot be read is edited, unless it was written after the log was read. */
export const compareBad = ({ key, revision, fault }: BadDocument, head: AuditHead): Compared =>
  revision > head.id ? 'newer' : { key, fault: `it is damaged: ${fault}` };
