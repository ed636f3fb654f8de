import type { Logger } from 'pino';
import { type AuditDraft, type AuditEntry, type AuditHead, follows } from '../domain/audit.ts';
import { FairwayError } from '../domain/errors.ts';
import type { Shortfall } from '../domain/replication.ts';
import type { Confirmation, SavedState } from '../domain/saved-state.ts';
import { SCHEMA_KEY } from '../domain/schema.ts';
import { applyInSteps, differenceOfWrites, overBad, type Snapshot } from '../domain/snapshot.ts';
import type { Change, ControlLog, Guard, Write } from '../domain/store.ts';
import { refusalOf, type StoreState } from '../domain/store-state.ts';
import { inOwnTurns } from '../process/turns.ts';
import { type Cleared, requireClearedInSteps } from './cleared.ts';
import { followStore } from './follow-store.ts';
import { watchRefusals } from './refusals.ts';
import { createServing, type Serving } from './serving.ts';
import { watchShortfall } from './shortfall.ts';
import { inForm, readUpgraded } from './upgrade.ts';

export interface StateOptions {
  store: ControlLog;
  saved: SavedState;
  /** Milliseconds between two comparisons with the store, in case a change message was lost. */
  compareEvery: number;
  /** Milliseconds without a comparison after which agents get no version; never if it is left out. */
  withheldAfter?: number;
  now: () => Date;
  log: Logger;
}

/** What a commit depends on, in addition to the revisions of the documents that it writes. */
export interface CommitConditions {
  /** The fence of the leader's lease, for background work. */
  fence?: number | undefined;
  /** Documents that the change was decided by. */
  guards?: readonly Guard[] | undefined;
  /** The gate's permission for each channel whose target or control plane the writes change. */
  cleared?: readonly Cleared[] | undefined;
}

/** The control state in memory: reads never wait, and changes go through the store. */
export interface State {
  /** Throws `store_unavailable` if no state was ever loaded. */
  snapshot(): Snapshot;
  /** Null if no state was ever loaded. */
  peek(): Snapshot | null;
  /** Calls `listener` after every change of the snapshot, until the returned function is called. */
  onChange: Serving['onChange'];
  /** Prepares for every next snapshot before it is served, until the returned function is called. */
  onNext: Serving['onNext'];
  /**
   * Throws `revision_mismatch` if a written or guarded document has changed or another server leads now, and
   * `store_unavailable` if the store does not answer or changes are refused.
   */
  commit(writes: Write[], audit: AuditDraft, conditions?: CommitConditions): Promise<AuditEntry>;
  /** The last change, while too few replicas have it; a different object for each change. */
  shortfall(): Shortfall | null;
  /** Why the store refuses changes although it answers; null if it takes them. */
  refusal(): string | null;
  /** The changes that the store has refused since the start. */
  refusedChanges(): number;
  /** How the store stood at the last comparison. */
  storeState(): StoreState;
  /** Compares with the store now. */
  refresh(): Promise<void>;
  /** Milliseconds since the snapshot was last known to agree with the store; Infinity before the first time. */
  age(): number;
  /** Is the snapshot so old that agents get no version, and stay where they are? */
  isWithheld(): boolean;
  close(): Promise<void>;
}

/**
 * Loads the state and keeps it fresh. While the store is away it serves the copy saved on this machine. Rejects with
 * `NewerForm` if a newer release wrote the state.
 */
export async function openState(options: StateOptions): Promise<State> {
  const { store, saved, compareEvery, withheldAfter = Number.POSITIVE_INFINITY, now, log } = options;
  // The saved copy is read even if the store answers: it shows whether the store lost changes in the meantime.
  const copy = readUpgraded(saved);
  const mirror = createServing(copy);
  mirror.onChange(saved.write);
  const confirmed = copy && saved.confirmation();
  const onConfirmed = keepConfirmations(mirror, saved, now);
  const follower = await followStore({ store, mirror, confirmed, onConfirmed, compareEvery, now, log });
  const shortfall = watchShortfall({ store, checkEvery: compareEvery, log });
  const { refresh, storeState } = follower;
  const answers = () => storeState().is !== 'away';
  const refusals = watchRefusals({ store, checkEvery: compareEvery, answers, log });

  async function close(): Promise<void> {
    shortfall.stop();
    refusals.stop();
    await follower.close();
    await saved.close();
    await onConfirmed.last();
  }

  const found = storeState();
  if (found.is === 'outdated') {
    await close();
    throw found.error;
  }
  if (copy && found.is === 'away') {
    log.warn({ revision: copy.revision }, 'the state saved on this machine is served until the store answers');
  }

  function current(): Snapshot {
    const snapshot = mirror.peek();
    if (snapshot) return snapshot;
    throw new FairwayError(
      'store_unavailable',
      'the store has not answered since this server started; try again when it is back',
      { retryAfter: 5 },
    );
  }

  function requireChangeable(): void {
    const refusal = refusalOf(storeState());
    if (refusal) throw refusal;
  }

  async function commit(
    writes: Write[],
    audit: AuditDraft,
    { fence, guards = [], cleared = [] }: CommitConditions = {},
  ): Promise<AuditEntry> {
    requireChangeable();
    const base = current();
    await inOwnTurns(requireClearedInSteps(base, writes, cleared));
    const change = inForm(base, {
      writes: overBad(base, writes),
      ...{ guards, audit, base: headOf(base), fence },
    });
    const result = await refusals.note(() => store.commit(change));
    if ('fenced' in result) {
      throw new FairwayError('revision_mismatch', 'another server is the leader now; nothing was changed');
    }
    if ('lost' in result) {
      await refresh();
      requireChangeable();
      throw new FairwayError(
        'store_unavailable',
        'the store was replaced, so nothing was changed; reload and try again',
      );
    }
    if ('conflict' in result) {
      // Refresh first, so that a retry sees the change that caused the conflict.
      await refresh();
      const { key, ifRevision } = seenIn(change, result.conflict);
      // The conflict has another cause than a change: the document was changed by hand.
      if (revisionOf(current(), key) === ifRevision) await follower.reload();
      requireChangeable();
      if (result.conflict === SCHEMA_KEY && mirror.peek() !== base)
        return commit(writes, audit, { fence, guards, cleared });
      throw new FairwayError(
        'revision_mismatch',
        `${result.conflict} was changed by someone else; read it again and try again`,
      );
    }
    const { entry, short } = result;
    shortfall.note(entry.revision, short);
    // Changes of other servers in between are fetched. If that fails this change is stored anyway, and is seen later.
    const isServed = await mirror.serve(function* (served) {
      const head = served && headOf(served);
      if (!head || !follows(head, entry)) return null;
      return yield* applyInSteps(served, differenceOfWrites(change.writes, entry));
    });
    if (!isServed) await refresh();
    return entry;
  }

  return {
    snapshot: current,
    peek: mirror.peek,
    onChange: mirror.onChange,
    onNext: mirror.onNext,
    shortfall: shortfall.peek,
    refusal: () => (answers() ? refusals.peek() : null),
    refusedChanges: refusals.count,
    storeState,
    refresh,
    age: follower.age,
    isWithheld: () => mirror.peek() !== null && follower.age() > withheldAfter,
    commit,
    close,
  };
}

/** Milliseconds. The age of the saved state may be wrong by as much after a crash. */
const CONFIRM_EVERY_MS = 10_000;

/** Keeps on this machine when the served state was confirmed, once the state itself is saved. */
function keepConfirmations(mirror: Pick<Serving, 'peek'>, copies: SavedState, now: () => Date) {
  let latest: Confirmation | null = null;
  let kept = Number.NEGATIVE_INFINITY;
  let keptStore: string | null = null;

  async function keep(): Promise<void> {
    const confirmation = latest;
    if (!confirmation) return;
    kept = performance.now();
    keptStore = confirmation.store;
    latest = null;
    await copies.confirm(confirmation);
  }

  function onConfirmed(store: string | null): void {
    latest = { store, revision: mirror.peek()?.revision ?? 0, at: now().getTime() };
    if (store !== keptStore || performance.now() - kept >= CONFIRM_EVERY_MS) void keep();
  }
  return Object.assign(onConfirmed, { last: keep });
}

/** What a change expects of a document. */
const seenIn = ({ writes, guards = [] }: Change, key: string): Guard =>
  [...writes, ...guards].find((each) => each.key === key) ?? { key, ifRevision: 0 };

const revisionOf = ({ documents, bad }: Snapshot, key: string): number =>
  documents.get(key)?.revision ?? bad.get(key)?.revision ?? 0;

/** Undefined for a state of a first release, which did not save the hash. */
const headOf = ({ revision, hash }: Snapshot): AuditHead | undefined =>
  hash === null ? undefined : { id: revision, hash };
