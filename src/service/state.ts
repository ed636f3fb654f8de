import type { Logger } from 'pino';
import type { AuditDraft, AuditEntry, AuditHead } from '../domain/audit.ts';
import { FairwayError } from '../domain/errors.ts';
import { describeLoss, type Loss, recoveryOf } from '../domain/recovery.ts';
import { describeShortfall, type Shortfall } from '../domain/replication.ts';
import { NewerForm, SCHEMA_KEY } from '../domain/schema.ts';
import { applyWrites, type Snapshot, stateOf } from '../domain/snapshot.ts';
import type { Guard, SavedState, Store, Write } from '../domain/store.ts';
import { inForm, loadUpgraded, readUpgraded } from './upgrade.ts';

export interface StateOptions {
  store: Store;
  saved: SavedState;
  /** Milliseconds between looks at the store's revision, in case a change message was lost. */
  compareEvery: number;
  now: () => Date;
  log: Logger;
}

/** What a commit is held to besides the revisions of what it writes. */
export interface CommitConditions {
  /** Of background work: the fence of its lease. */
  fence?: number | undefined;
  /** Documents that it was decided by. */
  guards?: readonly Guard[] | undefined;
}

/** The control state in memory: read without waiting, changed through the store. */
export interface State {
  /** Throws `store_unavailable` while nothing was ever loaded. */
  snapshot(): Snapshot;
  /** Null while nothing was ever loaded. */
  peek(): Snapshot | null;
  /** Calls back after every change of the snapshot, until the returned function is called. */
  onChange(listener: (snapshot: Snapshot) => void): () => void;
  /** Throws `revision_mismatch` if a written or guarded document has changed since or the fence has fallen, `store_unavailable`. */
  commit(writes: Write[], audit: AuditDraft, conditions?: CommitConditions): Promise<AuditEntry>;
  /** The last change, as long as fewer replicas have it than are wanted. Another object for each change. */
  shortfall(): Shortfall | null;
  /** Set while the store holds another history than is served, and nobody has decided which counts. */
  loss(): Loss | null;
  /** Looks at the store now. */
  refresh(): Promise<void>;
  /** Did the store answer when last asked, with a state that this server may change? */
  storeUp(): boolean;
  /** Has a newer release upgraded the state? Then this server serves what it knew before, and changes nothing any more. */
  isOutdated(): boolean;
  /** Milliseconds since the snapshot was last known to be the store's; Infinity before the first time. */
  age(): number;
  close(): Promise<void>;
}

/** Loads the state, from the saved copy if the store is away, and keeps it fresh. Rejects where a newer release made it. */
export async function openState({ store, saved, compareEvery, now, log }: StateOptions): Promise<State> {
  const listeners = new Set<(snapshot: Snapshot) => void>();
  let snapshot: Snapshot | null = null;
  let confirmedAt = Number.NEGATIVE_INFINITY;
  let up = true;
  let outdated: NewerForm | null = null;
  let loss: Loss | null = null;
  let shortfall: Shortfall | null = null;
  let rechecking = false;
  let comparing: Promise<void> | null = null;
  let comparingNext: Promise<void> | null = null;
  let saving = Promise.resolve();

  /** Not for a saved state, which may be another store's of the same revision. */
  const isConfirmed = () => confirmedAt !== Number.NEGATIVE_INFINITY;

  function adopt(next: Snapshot): void {
    if (snapshot && next.revision < snapshot.revision + (isConfirmed() ? 1 : 0)) return;
    serve(next);
  }

  function serve(next: Snapshot): void {
    snapshot = next;
    for (const listener of listeners) listener(next);
    saving = saved.write(stateOf(next));
  }

  async function compare(): Promise<void> {
    try {
      const revision = await store.revision();
      // Another history never replaces what is served: agents would be told to go back by nobody's decision.
      if (snapshot && !(await isHeld(snapshot, revision)) && !(await followDecision(snapshot))) {
        return reportLoss({ stored: revision, served: snapshot.revision });
      }
      loss = null;
      if (!snapshot || !isConfirmed() || revision > snapshot.revision) adopt(await loadUpgraded({ store, now, log }));
      confirmedAt = performance.now();
      if (!up) log.info({ revision }, 'the store is back');
      up = true;
    } catch (error) {
      if (error instanceof NewerForm) return reportOutdated(error);
      if (up) log.warn({ err: error }, 'the store is away; the last state is served, changes are refused');
      up = false;
    }
  }

  /** Replicas that come back take what they have missed. */
  async function recheckShortfall(): Promise<void> {
    const asked = shortfall;
    if (!asked || rechecking) return;
    rechecking = true;
    const { wanted, reached } = await store.replication().catch(() => asked);
    rechecking = false;
    if (reached < wanted || shortfall !== asked) return;
    shortfall = null;
    log.info({ revision: asked.revision, wanted, reached }, 'the last change is replicated by now');
  }

  async function isHeld({ revision, hash }: Snapshot, stored: number): Promise<boolean> {
    return revision <= stored && (hash === null || (await store.holds({ id: revision, hash })));
  }

  /** Takes another history where an operator has chosen it, knowing of all that this server would give up. */
  async function followDecision(served: Snapshot): Promise<boolean> {
    const stored = await store.load();
    const decision = recoveryOf(stored);
    const known = recoveryOf(stateOf(served));
    const isNew = decision !== null && decision.at !== known?.at;
    if (!isNew || decision.revision < served.revision || snapshot !== served) return false;
    log.warn({ ...decision, served: served.revision, stored: stored.revision }, 'an admin has decided on the loss');
    serve(await loadUpgraded({ store, now, log }));
    return true;
  }

  function reportLoss(found: Loss): void {
    if (!loss) log.error(found, describeLoss(found));
    loss = found;
    up = true;
  }

  function reportOutdated(error: NewerForm): void {
    if (!outdated) log.error({ err: error }, 'the last known state is served, changes are refused');
    outdated = error;
    up = true;
  }

  function refuseOutdated(): void {
    if (outdated) throw outdated;
  }

  /** One comparison at a time; all who ask during one share the next, for it may have missed what they ask about. */
  function refresh(): Promise<void> {
    if (!comparing) {
      comparing = compare().then(() => {
        comparing = null;
      });
      return comparing;
    }
    comparingNext ??= comparing.then(() => {
      comparingNext = null;
      return refresh();
    });
    return comparingNext;
  }

  // Read in any case: a store that lost changes while nobody served them is found out by it.
  snapshot = readUpgraded(saved);
  const revision = snapshot?.revision;
  await refresh();
  refuseOutdated();
  if (revision !== undefined && !up)
    log.warn({ revision }, 'the state saved on this machine is served until the store answers');
  store.onChange(() => void refresh());
  const timer = setInterval(() => {
    void refresh();
    void recheckShortfall();
  }, compareEvery);

  function current(): Snapshot {
    if (snapshot) return snapshot;
    throw new FairwayError(
      'store_unavailable',
      'the store has not answered since the start; try again when it is back',
      { retryAfter: 5 },
    );
  }

  async function commit(
    writes: Write[],
    audit: AuditDraft,
    { fence, guards }: CommitConditions = {},
  ): Promise<AuditEntry> {
    refuseOutdated();
    const base = current();
    if (loss) throw new FairwayError('store_unavailable', describeLoss(loss));
    const change = inForm(base, { writes, guards, audit, base: headOf(base), fence });
    const result = await store.commit(change);
    if ('lost' in result) {
      await refresh();
      throw new FairwayError(
        'store_unavailable',
        loss ? describeLoss(loss) : 'the store changed hands, so this was not made; look, then try again',
      );
    }
    if ('fenced' in result) {
      throw new FairwayError('revision_mismatch', 'another server leads by now, so this one changed nothing');
    }
    if ('conflict' in result) {
      // Whoever reads again after this must not be shown what he lost by.
      await refresh();
      refuseOutdated();
      if (loss) throw new FairwayError('store_unavailable', describeLoss(loss));
      if (result.conflict === SCHEMA_KEY && snapshot !== base) return commit(writes, audit, { fence, guards });
      throw new FairwayError(
        'revision_mismatch',
        `${result.conflict} was changed by somebody else meanwhile; read it again, then repeat`,
      );
    }
    const { entry, short } = result;
    shortfall = short ? { ...short, revision: entry.revision } : null;
    if (shortfall) log.warn(shortfall, describeShortfall(shortfall));
    // Whatever came between is loaded; if that fails the change is stored all the same, and seen later.
    if (snapshot === base && base.revision === entry.revision - 1) adopt(applyWrites(base, change.writes, entry));
    else await refresh();
    return entry;
  }

  return {
    snapshot: current,
    peek: () => snapshot,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    shortfall: () => shortfall,
    loss: () => loss,
    refresh,
    storeUp: () => up && !loss && !outdated,
    isOutdated: () => outdated !== null,
    age: () => performance.now() - confirmedAt,
    commit,
    async close() {
      clearInterval(timer);
      await (comparingNext ?? comparing);
      await saving;
    },
  };
}

/** Undefined for a state of a first release, which did not save the hash. */
const headOf = ({ revision, hash }: Snapshot): AuditHead | undefined =>
  hash === null ? undefined : { id: revision, hash };
