import type { AuditEntry } from '../domain/audit.ts';
import type { Channel } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import type { Release } from '../domain/release.ts';
import type { Actor } from '../domain/role.ts';
import { guard, releaseKey, replace, type Stored, withoutRevision } from '../domain/snapshot.ts';
import type { Guard } from '../domain/store.ts';
import type { State } from './state.ts';

/** Who asks for a change, and on what condition. */
export interface ChangeRequest {
  actor: Actor;
  /** The revision that the asker has seen, 0 for none, `*` for any; null: whether there is one or not. */
  ifMatch: number | '*' | null;
  /** Answer as if, and store nothing. */
  dryRun: boolean;
  /** Of the leader's lease, for background work. */
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
}

/** Commits the change with its audit entry. Throws `already_exists` where a new document is there meanwhile, else `revision_mismatch`. */
export async function commitDocument<T extends object>(state: State, change: DocumentChange<T>): Promise<AuditEntry> {
  const { key, before, after, action, reason, actor, at, fence, guards } = change;
  try {
    const entry = {
      at: at.toISOString(),
      actor: actor.name,
      action,
      subject: key,
      reason,
      before: before ? withoutRevision(before) : null,
      after: after && withoutRevision(after),
    };
    return await state.commit([replace(key, before, after)], entry, { fence, guards });
  } catch (error) {
    const lost = !before && error instanceof FairwayError && error.code === 'revision_mismatch';
    throw lost ? alreadyExists(key) : error;
  }
}

/** Holds a change to the state of the releases that it was judged by, so that it cannot race a pull; null: none. */
export const releaseGuards = (releases: ReadonlyMap<string, Stored<Release>>, versions: (string | null)[]): Guard[] =>
  [...new Set(versions.flatMap((version) => version ?? []))].map((version) =>
    guard(releaseKey(version), releases.get(version)),
  );

export const targetGuards = (releases: ReadonlyMap<string, Stored<Release>>, ...moved: Channel[]): Guard[] =>
  releaseGuards(
    releases,
    moved.map(({ target }) => target),
  );

/** Enough for changes that come at once; more of them are told that they lost. */
const MAX_TRIES = 5;

/** Decides anew where somebody else was faster, unless the asker insists on a revision. */
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

/** Throws unless the document is as the asker has seen it: `already_exists` where he expects none, else `revision_mismatch`. */
export function requireRevision(
  key: string,
  before: { revision: number } | undefined,
  ifMatch: ChangeRequest['ifMatch'],
): void {
  if (ifMatch === null || ifMatch === (before?.revision ?? 0)) return;
  if (ifMatch === '*' && before) return;
  if (ifMatch === 0) throw alreadyExists(key);
  const now = before ? `at revision ${before.revision}` : 'not there';
  throw new FairwayError(
    'revision_mismatch',
    `${key} is ${now}, and not as you have seen it; read it again, then repeat`,
  );
}

const alreadyExists = (key: string) =>
  new FairwayError('already_exists', `${key} exists already; read it, then change it`);
