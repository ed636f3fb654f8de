import type { Logger } from 'pino';
import { GENESIS } from '../domain/audit.ts';
import { keepOutBad } from '../domain/documents.ts';
import { describeLoss, recoveryOf } from '../domain/recovery.ts';
import type { Confirmation } from '../domain/saved-state.ts';
import { NewerForm, SCHEMA_KEY } from '../domain/schema.ts';
import { applyInSteps, differenceToLoaded, type Snapshot, stateOf, takeSnapshot } from '../domain/snapshot.ts';
import type { Steps } from '../domain/steps.ts';
import type { ControlLog, ControlState, Difference } from '../domain/store.ts';
import { nextState, type StoreState } from '../domain/store-state.ts';
import { repeat } from '../process/repeat.ts';
import { newsIn } from './difference.ts';
import type { Serving } from './serving.ts';
import { keepGood, loadUpgraded } from './upgrade.ts';

export interface FollowOptions {
  store: Pick<ControlLog, 'load' | 'revision' | 'since' | 'commit' | 'audit' | 'onChange' | 'announce'>;
  /** What this server serves, kept in step with the store. */
  mirror: Pick<Serving, 'peek' | 'serve'>;
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
  /** As `refresh`, and loads everything: a document was changed by hand. */
  reload(): Promise<void>;
  /** Milliseconds since the mirror was last known to agree with the store; Infinity before the first time. */
  age(): number;
  /** Waits for the comparison that is under way. */
  close(): Promise<void>;
}

/** Comparisons that an announcement outlasts: each one renews it. */
const ANNOUNCED_FOR = 3;

/**
 * Documents that each comparison at intervals reads again, so that one that was damaged or changed by hand is found
 * within a round through all of them.
 */
const READ_AGAIN = 25;
/** The damaged ones among them. */
const BAD_READ_AGAIN = 10;

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
  /** When documents were read again last, and the last key of them. */
  let readAgainAt = performance.now();
  let readAgainTo = '';
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
    const found = served ? await compared(served) : 'all';
    if (served && found === 'lost') {
      const stored = keepOutBad(await store.load(), served.documents);
      // Another history never replaces the served one on its own: agents would go back without anyone's decision.
      if (!(await followDecision(served, stored))) {
        // A server that knows nothing would take an empty store for a new one.
        if (stored.revision === 0) await announce(served);
        const there = await identify();
        const other = identity !== null && there !== null && there !== identity;
        const loss = { stored: stored.revision, served: served.revision };
        return { is: 'lost', loss: other ? { ...loss, other } : loss };
      }
      identity = null;
    }
    if (served && typeof found === 'object' && isConfirmed && !isDoubted && !isOtherForm(served, found)) {
      const good = await keepGood(found, { store, served, log });
      // A commit of this server was served: what was found is compared with what is not served any more.
      if (mirror.peek() !== served) return look();
      const news = newsIn(served, good);
      const build = function* (now: Snapshot | null) {
        return now === served && news ? yield* applyInSteps(served, news) : null;
      };
      if (news && !(await mirror.serve(build))) return look();
    } else if (found !== 'lost') {
      const wasDoubted = isDoubted;
      isDoubted = false;
      await adopt(await load(), wasDoubted);
    }
    identity ??= await identify();
    confirmedAt = performance.now();
    isConfirmed = true;
    onConfirmed(identity);
    return { is: 'up' };
  }

  /** The log must hold what is served. A first release did not save the hash. */
  async function compared(served: Snapshot): Promise<Difference | 'lost' | 'all'> {
    const { revision: id, hash } = served;
    if (hash === null) return (await store.revision()) < id ? 'lost' : 'all';
    return store.since({ id, hash }, isConfirmed ? keysToRead(served) : []);
  }

  function keysToRead({ documents, bad }: Snapshot): string[] {
    const at = performance.now();
    if (at - readAgainAt < compareEvery) return [];
    readAgainAt = at;
    const keys = [...documents.keysAfter(readAgainTo, READ_AGAIN)];
    readAgainTo = keys.length === READ_AGAIN ? (keys.at(-1) as string) : '';
    return [...keys, ...[...bad.keys()].slice(0, BAD_READ_AGAIN)];
  }

  const identify = async () => (await store.audit({ before: 2, limit: 1 }))[0]?.hash ?? null;

  const sinceConfirmed = () => performance.now() - confirmedAt;

  const announce = ({ revision, hash }: Snapshot) =>
    store.announce({ id: revision, hash: hash ?? GENESIS.hash }, ANNOUNCED_FOR * compareEvery);

  /** Serves the stored history if an admin chose it and knew of every change that this server would give up. */
  async function followDecision(served: Snapshot, stored: ControlState): Promise<boolean> {
    const decision = recoveryOf(stored);
    const known = recoveryOf(stateOf(served));
    const isNew = decision !== null && decision.at !== known?.at;
    if (!isNew || decision.revision < served.revision || mirror.peek() !== served) return false;
    log.warn({ ...decision, served: served.revision, stored: stored.revision }, 'an admin has decided on the loss');
    const loaded = await load();
    await mirror.serve((now) => snapshotOf(now, loaded));
    return true;
  }

  /** A commit of this server may have been served while the state was loaded. */
  async function adopt(loaded: ControlState, wasDoubted: boolean): Promise<void> {
    const more = isConfirmed && !wasDoubted ? 1 : 0;
    await mirror.serve(function* (served) {
      if (served && loaded.revision < served.revision + more) return null;
      return yield* snapshotOf(served, loaded);
    });
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
 * The snapshot of a state that was loaded. What is served already stays the same objects, which need no new answers.
 */
function* snapshotOf(served: Snapshot | null, loaded: ControlState): Steps<Snapshot> {
  if (!served) return takeSnapshot(loaded);
  return yield* applyInSteps(served, yield* differenceToLoaded(served, loaded));
}

/** Has another release written what was found? Then everything is looked at, not what differs. */
const isOtherForm = ({ documents }: Snapshot, found: Difference): boolean =>
  found.documents.some(({ key, revision }) => key === SCHEMA_KEY && documents.get(key)?.revision !== revision) ||
  found.gone.includes(SCHEMA_KEY) ||
  (found.bad ?? []).some(({ key }) => key === SCHEMA_KEY);

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
