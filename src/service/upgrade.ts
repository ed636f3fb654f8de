import type { Logger } from 'pino';
import { schemaGuard, upgradeEntry, upgradesOf } from '../domain/schema.ts';
import { applyWrites, type Snapshot, stateOf, takeSnapshot } from '../domain/snapshot.ts';
import type { Change, SavedState, Store } from '../domain/store.ts';

export interface UpgradeOptions {
  store: Pick<Store, 'load' | 'commit'>;
  now: () => Date;
  log: Logger;
}

/** What the store holds, after it was brought to this release's form. Throws `NewerForm`, `store_unavailable`. */
export async function loadUpgraded({ store, now, log }: UpgradeOptions): Promise<Snapshot> {
  const state = await store.load();
  const writes = upgradesOf(state, 'the state in the store');
  // An empty state says its form with its first change.
  if (writes.length === 0 || state.documents.length === 0) return takeSnapshot(state);
  const audit = upgradeEntry(state, now());
  const result = await store.commit({ writes, audit });
  // Another server was first, or somebody changed something.
  if (!('entry' in result)) return loadUpgraded({ store, now, log });
  log.info({ before: audit.before, after: audit.after }, 'upgraded the state to the form of this release');
  return applyWrites(takeSnapshot(state), writes, result.entry);
}

/** What was saved, in this release's form; the store is asked before anything is changed by it. Throws `NewerForm`. */
export function readUpgraded(saved: SavedState): Snapshot | null {
  const state = saved.read();
  return state && applyWrites(takeSnapshot(state), upgradesOf(state, 'the state in the data directory'), state);
}

/** The change, held to the form of `base`; the first one of all says the form. */
export const inForm = (base: Snapshot, { writes, guards = [], ...change }: Change): Change => ({
  ...change,
  writes: [...upgradesOf(stateOf(base), 'the state'), ...writes],
  guards: [...guards, schemaGuard(base.documents)],
});
