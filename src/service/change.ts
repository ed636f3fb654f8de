import type { AuditEntry } from '../domain/audit.ts';
import type { Channel } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import type { Release } from '../domain/release.ts';
import type { Actor } from '../domain/role.ts';
import { guard, releaseKey, replace, type Stored, withoutRevision } from '../domain/snapshot.ts';
import type { Guard, Write } from '../domain/store.ts';
import type { Cleared } from './cleared.ts';
import type { State } from './state.ts';

/** Who asks for a change, and on what condition. */
export interface ChangeRequest {
  actor: Actor;
  /** The revision that the caller has seen: 0 for no document, `*` for any; null accepts every state. */
  ifMatch: number | '*' | null;
  /** Answers as if the change were made, and stores nothing. */
  dryRun: boolean;
  /** The fence of the leader's lease, for background work. */
  fence?: number | undefined;
}

/** The change of one document. */
export interface DocumentChange<T extends object> {
  key: string;
  before: Stored<T> | undefined;
  after: T | null;
  action: string;
  reason: string;
  actor: Actor;
  at: Date;
  fence?: number | undefined;
  /** Documents that the change was decided by. */
  guards?: Guard[];
  /** Other documents that change with it. */
  more?: Write[];
  /** The gate's permission, where a channel's target or control plane changes. */
  cleared?: Cleared | null;
  /** What the audit entry holds instead of the documents, where these are long. */
  entry?: Pick<AuditEntry, 'before' | 'after'>;
}

/**
 * Commits the change with its audit entry. Throws `already_exists` if someone else made the new document first, and
 * `revision_mismatch` for any other conflict.
 */
export async function commitDocument<T extends object>(state: State, change: DocumentChange<T>): Promise<AuditEntry> {
  const { key, before, after, action, reason, actor, at, fence, guards, more = [], cleared } = change;
  try {
    const entry = {
      at: at.toISOString(),
      actor: actor.name,
      action,
      subject: key,
      reason,
      before: before ? withoutRevision(before) : null,
      after: after && withoutRevision(after),
      ...change.entry,
    };
    const conditions = { fence, guards, cleared: cleared ? [cleared] : [] };
    return await state.commit([replace(key, before, after), ...more], entry, conditions);
  } catch (error) {
    const lost = !before && error instanceof FairwayError && error.code === 'revision_mismatch';
    throw lost ? alreadyExists(key) : error;
  }
}

/**
 * Makes a change depend on the releases that it was judged by, so that it cannot race a pull; null stands for no
 * release.
 */
export const releaseGuards = (releases: ReadonlyMap<string, Stored<Release>>, versions: (string | null)[]): Guard[] =>
  [...new Set(versions.flatMap((version) => version ?? []))].map((version) =>
    guard(releaseKey(version), releases.get(version)),
  );

export const targetGuards = (releases: ReadonlyMap<string, Stored<Release>>, ...moved: Channel[]): Guard[] =>
  releaseGuards(
    releases,
    moved.map(({ target }) => target),
  );

/** Enough for changes that come at the same time; with more of them, the last ones fail. */
const MAX_TRIES = 5;

/** Decides again if someone else was faster, unless the caller insists on a revision. */
export async function retryOnConflict<T>(
  { ifMatch }: Pick<ChangeRequest, 'ifMatch'>,
  change: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await change();
    } catch (error) {
      const lost = error instanceof FairwayError && error.code === 'revision_mismatch';
      if (!lost || typeof ifMatch === 'number' || tries === MAX_TRIES) throw error;
    }
  }
}

/**
 * Throws unless the document is as the caller has seen it: `already_exists` if the caller expects none, else
 * `revision_mismatch`.
 */
export function requireRevision(
  key: string,
  before: { revision: number } | undefined,
  ifMatch: ChangeRequest['ifMatch'],
): void {
  if (ifMatch === null || ifMatch === (before?.revision ?? 0)) return;
  if (ifMatch === '*' && before) return;
  if (ifMatch === 0) throw alreadyExists(key);
  const now = before ? `was changed by someone else (revision ${before.revision})` : 'was deleted';
  throw new FairwayError('revision_mismatch', `${key} ${now}; read it again and try again`);
}

const alreadyExists = (key: string) =>
  new FairwayError('already_exists', `${key} exists already; read it, then change it`);
