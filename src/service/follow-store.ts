import type { Logger } from 'pino';
import { GENESIS } from '../domain/audit.ts';
import { keepOutBad } from '../domain/documents.ts';
import { describeLoss, recoveryOf } from '../domain/recovery.ts';
import { NewerForm } from '../domain/schema.ts';
import { type Snapshot, stateOf } from '../domain/snapshot.ts';
import type { Confirmation, ControlLog, ControlState } from '../domain/store.ts';
import { nextState, type StoreState } from '../domain/store-state.ts';
import { repeat } from '../process/repeat.ts';
import { loadUpgraded } from './upgrade.ts';

/** What this server serves, kept in step with the store. */
export interface Mirror {
  peek(): Snapshot | null;
  /** Serves `next` from now on. */
  serve(next: Snapshot): void;
}

export interface FollowOptions {
  store: Pick<ControlLog, 'load' | 'revision' | 'holds' | 'commit' | 'audit' | 'onChange' | 'announce'>;
  mirror: Mirror;
  /** Of the copy that the mirror begins with; null without one. */
  confirmed: Confirmation | null;
  /** Called when the store holds what is served, with the hash of its first audit entry, if that is known. */
  onConfirmed: (store: string | null) => void;
  /** Milliseconds between two comparisons with the store, in case a change message was lost. */
  compareEvery: number;
  now: () => Date;
  log: Logger;
}

/** Keeps a mirror in step with the store, and knows how the store stands. */
export interface Follower {
  storeState(): StoreState;
  /** Compares with the store. Resolves after a comparison that began after the call; never rejects. */
  refresh(): Promise<void>;
  /** As `refresh`, and loads the state even if the revision is the served one: a document was changed by hand. */
  reload(): Promise<void>;
  /** Milliseconds since the mirror was last known to agree with the store; Infinity before the first time. */
  age(): number;
  /** Waits for the comparison that is under way. */
  close(): Promise<void>;
}

/** Comparisons that an announcement outlasts: each one renews it. */
const ANNOUNCED_FOR = 3;

/** Compares the mirror with the store, and does so again at every change message and at intervals. */
export async function followStore(options: FollowOptions): Promise<Follower> {
  const { store, mirror, confirmed, onConfirmed, compareEvery, now, log } = options;
  let storeState: StoreState = { is: 'up' };
  /** By the monotonic time of this process, which setting the clock does not move. */
  let confirmedAt = confirmed
    ? performance.now() - Math.max(now().getTime() - confirmed.at, 0)
    : Number.NEGATIVE_INFINITY;
  /** False while only the saved state is known, which may be from another store that has the same revision. */
  let isConfirmed = false;
  let isDoubted = false;
  /** The hash of the store's first audit entry, which tells stores apart. */
  let identity = confirmed?.store ?? null;
  const load = () => loadUpgraded({ store, served: mirror.peek(), now, log });

  async function compare(): Promise<void> {
    try {
      move(await look());
    } catch (err) {
      move(err instanceof NewerForm ? { is: 'outdated', error: err } : { is: 'away' }, err);
    }
  }

  /** Compares once, and serves what is new in the store. Rejects with `store_unavailable` or `NewerForm`. */
  async function look(): Promise<StoreState> {
    const served = mirror.peek();
    const revision = await store.revision();
    if (served && !(await isHeld(served, revision))) {
      const stored = keepOutBad(await store.load(), served.documents);
      // Another history never replaces the served one on its own: agents would go back without anyone's decision.
      if (!(await followDecision(served, stored))) {
        // A server that knows nothing would take an empty store for a new one.
        if (stored.revision === 0) await announce(served);
        const found = await identify();
        const other = identity !== null && found !== null && found !== identity;
        const loss = { stored: stored.revision, served: served.revision };
        return { is: 'lost', loss: other ? { ...loss, other } : loss };
      }
      identity = null;
    }
    const current = mirror.peek();
    if (!current || isDoubted || !isConfirmed || revision > current.revision) {
      const wasDoubted = isDoubted;
      isDoubted = false;
      adopt(await load(), wasDoubted);
    }
    identity ??= await identify();
    confirmedAt = performance.now();
    isConfirmed = true;
    onConfirmed(identity);
    return { is: 'up' };
  }

  const identify = async () => (await store.audit({ before: 2, limit: 1 }))[0]?.hash ?? null;

  const sinceConfirmed = () => performance.now() - confirmedAt;

  const announce = ({ revision, hash }: Snapshot) =>
    store.announce({ id: revision, hash: hash ?? GENESIS.hash }, ANNOUNCED_FOR * compareEvery);

  async function isHeld({ revision, hash }: Snapshot, stored: number): Promise<boolean> {
    return revision <= stored && (hash === null || (await store.holds({ id: revision, hash })));
  }

  /** Serves the stored history if an admin chose it and knew of every change that this server would give up. */
  async function followDecision(served: Snapshot, stored: ControlState): Promise<boolean> {
    const decision = recoveryOf(stored);
    const known = recoveryOf(stateOf(served));
    const isNew = decision !== null && decision.at !== known?.at;
    if (!isNew || decision.revision < served.revision || mirror.peek() !== served) return false;
    log.warn({ ...decision, served: served.revision, stored: stored.revision }, 'an admin has decided on the loss');
    mirror.serve(await load());
    return true;
  }

  /** A commit of this server may have been served while `next` was loaded. */
  function adopt(next: Snapshot, wasDoubted: boolean): void {
    const served = mirror.peek();
    if (served && next.revision < served.revision + (isConfirmed && !wasDoubted ? 1 : 0)) return;
    mirror.serve(next);
  }

  /** Takes the move to `found`, if it is one, and logs it once. */
  function move(found: StoreState, err?: unknown): void {
    const before = storeState;
    storeState = nextState(before, found);
    if (storeState.is === before.is) return;
    switch (storeState.is) {
      case 'up':
        log.info({ revision: mirror.peek()?.revision, was: before.is }, 'the store is back');
        break;
      case 'away':
        log.warn({ err }, 'the store is away; the last state is served, changes are refused');
        break;
      case 'lost':
        log.error(storeState.loss, describeLoss(storeState.loss));
        break;
      case 'outdated':
        log.error({ err }, 'a newer release upgraded the state; the last known state is served, changes are refused');
    }
  }

  const comparison = inTurn(compare);
  await comparison.run();
  store.onChange(() => void comparison.run());
  const comparing = repeat('compare', compareEvery, log, comparison.run);

  return {
    storeState: () => storeState,
    refresh: comparison.run,
    reload() {
      isDoubted = true;
      return comparison.run();
    },
    // A copy of another store was never right here, however young it is.
    age: () => (storeState.is === 'lost' && storeState.loss.other && !isConfirmed ? Infinity : sinceConfirmed()),
    async close() {
      comparing.stop();
      await comparison.settled();
    },
  };
}

/**
 * Runs `task` once at a time. Callers during a run share the next one, because the present one may have missed the
 * change that they wait for.
 */
function inTurn(task: () => Promise<void>) {
  let current: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  function run(): Promise<void> {
    if (!current) {
      current = task().then(() => {
        current = null;
      });
      return current;
    }
    next ??= current.then(() => {
      next = null;
      return run();
    });
    return next;
  }

  return { run, settled: async () => void (await (next ?? current)) };
}
