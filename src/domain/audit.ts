import { createHash } from 'node:crypto';

/** An entry of the audit log before the store numbers and chains it. */
export interface AuditDraft {
  /** ISO 8601. */
  at: string;
  /** `token:NAME` or `system:PART`. */
  actor: string;
  action: string;
  /** The key of the document that the change is about. */
  subject: string;
  reason: string;
  before: unknown;
  after: unknown;
}

/** `id` counts from 1 without gaps; it equals the global revision that the change made. */
export interface AuditEntry extends AuditDraft {
  id: number;
  revision: number;
  /** SHA-256 over the previous entry's hash and this entry, hex. */
  hash: string;
}

const FIELDS = ['at', 'actor', 'action', 'subject', 'reason', 'hash'] as const;

/** The entry that was stored under `id`; one that cannot be read stands in for it, and follows from nothing. */
export function readEntry(id: number, read: () => unknown): AuditEntry {
  try {
    const entry = read() as AuditEntry;
    if (Number.isSafeInteger(entry.id) && FIELDS.every((name) => typeof entry[name] === 'string')) return entry;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  const reason = 'this entry is damaged; restore it from a backup';
  const rest = { actor: 'unknown', action: 'damaged', subject: '', reason, before: null, after: null };
  return { id, at: new Date(0).toISOString(), ...rest, revision: id, hash: '' };
}

/** The newest entry of the chain, which the next entry continues. */
export interface AuditHead {
  id: number;
  hash: string;
}

/** The head of an empty log. */
export const GENESIS: AuditHead = { id: 0, hash: '0'.repeat(64) };

/** The entry that follows `head`. */
export function chain(head: AuditHead, { at, actor, action, subject, reason, before, after }: AuditDraft): AuditEntry {
  const id = head.id + 1;
  const entry = { id, at, actor, action, subject, reason, before, after, revision: id };
  return { ...entry, hash: digest(head.hash, entry) };
}

/** Does `entry` follow `head`, unaltered? */
export function follows(head: AuditHead, entry: AuditEntry): boolean {
  return chain(head, entry).hash === entry.hash && entry.id === head.id + 1 && entry.revision === entry.id;
}

function digest(previous: string, entry: Omit<AuditEntry, 'hash'>): string {
  return createHash('sha256').update(previous).update('\n').update(JSON.stringify(entry)).digest('hex');
}
