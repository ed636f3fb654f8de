import { createHash } from 'node:crypto';
import { atOnce, type Steps } from './steps.ts';

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

/**
 * The documents that a change wrote, by key: a digest of each (`digestOf`), or null where it was deleted. Entries that an
 * older release wrote have none.
 */
export type WrittenDigests = Readonly<Record<string, string | null>>;

/** `id` counts from 1 without gaps; it equals the global revision that the change made. */
export interface AuditEntry extends AuditDraft {
  id: number;
  revision: number;
  writes?: WrittenDigests;
  /** SHA-256 over the previous entry's hash and this entry, hex. */
  hash: string;
}

const FIELDS = ['at', 'actor', 'action', 'subject', 'reason', 'hash'] as const;

/** The entry that was stored under `id`; one that cannot be read stands in for it, and follows from nothing. */
export function readEntry(id: number, read: () => unknown): AuditEntry {
  try {
    const entry = read() as AuditEntry;
    const { id: own, writes = {} } = entry;
    const isWhole = Number.isSafeInteger(own) && typeof writes === 'object' && writes !== null;
    if (isWhole && FIELDS.every((name) => typeof entry[name] === 'string')) return entry;
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

/**
 * The keys that an entry is indexed by: the documents that it wrote, and the channel that it is about. Entries of
 * releases before `writes` name their documents in other fields.
 */
export function keysOf(entry: Pick<AuditEntry, 'subject' | 'before' | 'after' | 'writes'>): string[] {
  const { subject, before, after, writes } = entry;
  if (writes) return [...new Set([...Object.keys(writes), ...channelKeyOf(entry)])];
  return [...new Set([subject, ...fieldsOf(before), ...fieldsOf(after)])].filter((key) => key.includes('/'));
}

/** Is the entry indexed by the key? */
export const isAbout = (entry: AuditEntry, key: string): boolean =>
  entry.writes ? Object.hasOwn(entry.writes, key) || channelKeyOf(entry).includes(key) : keysOf(entry).includes(key);

/** Its channel, or that of the agent that it is about. */
function channelKeyOf({ subject, before }: Pick<AuditEntry, 'subject' | 'before'>): string[] {
  if (subject.startsWith('channel/')) return [subject];
  const channel = subject.startsWith('agent/') && (before as { channel?: unknown } | null)?.channel;
  return typeof channel === 'string' ? [`channel/${channel}`] : [];
}

const fieldsOf = (value: unknown): string[] => (typeof value === 'object' && value !== null ? Object.keys(value) : []);

/** `ID:HASH` of the entry that made the state, to be noted outside of Fairway; null if it is not known. */
export const headText = ({ revision, hash }: { revision: number; hash: string | null }): string | null =>
  hash === null ? null : `${revision}:${hash}`;

/** The entry that follows `head`. */
export function chain(
  head: AuditHead,
  { at, actor, action, subject, reason, before, after }: AuditDraft,
  writes?: WrittenDigests,
): AuditEntry {
  const id = head.id + 1;
  const entry = { id, at, actor, action, subject, reason, before, after, revision: id, ...(writes && { writes }) };
  return { ...entry, hash: hashOf(`${head.hash}\n${JSON.stringify(entry)}`) };
}

/** Does `entry` follow `head`, unaltered? */
export function follows(head: AuditHead, entry: AuditEntry): boolean {
  const isNext = entry.id === head.id + 1 && entry.revision === entry.id;
  return isNext && chain(head, entry, entry.writes).hash === entry.hash;
}

/** The first 128 bits of the SHA-256 of the document's JSON, hex. */
export const digestOf = (value: object): string => hashOf(JSON.stringify(value)).slice(0, 32);

/** What an entry records of the documents that its change wrote. */
export const digestsOf = (writes: readonly { key: string; value: object | null }[]): WrittenDigests =>
  atOnce(digestsInSteps(writes));

/** As `digestsOf`, with a pause wherever polls may be answered. */
export function* digestsInSteps(writes: readonly { key: string; value: object | null }[]): Steps<WrittenDigests> {
  const digests: [string, string | null][] = [];
  for (const { key, value } of writes) {
    digests.push([key, value && digestOf(value)]);
    yield;
  }
  return Object.fromEntries(digests);
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
