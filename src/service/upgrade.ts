import type { Logger } from 'pino';
import { schemaGuard, upgradeEntry, upgradesOf } from '../domain/schema.ts';
import { applyWrites, type Snapshot, stateOf, takeSnapshot } from '../domain/snapshot.ts';
import type { Change, ControlLog, SavedState } from '../domain/store.ts';

export interface UpgradeOptions {
  store: Pick<ControlLog, 'load' | 'commit'>;
  now: () => Date;
  log: Logger;
}

/** Loads the state, and upgrades it in the store if it has an older form. Throws `NewerForm`, `store_unavailable`. */
export async function loadUpgraded({ store, now, log }: UpgradeOptions): Promise<Snapshot> {
  const state = await store.load();
  const writes = upgradesOf(state, 'the state in the store');
  // An empty state gets its form with the first change.
  if (writes.length === 0 || state.documents.length === 0) return takeSnapshot(state);
  const audit = upgradeEntry(state, now());
  const result = await store.commit({ writes, audit });
  // Another server upgraded it first, or something was changed.
  if (!('entry' in result)) return loadUpgraded({ store, now, log });
  log.info({ before: audit.before, after: audit.after }, 'upgraded the state to the form of this release');
  return applyWrites(takeSnapshot(state), writes, result.entry);
}

/** Reads the copy saved on this machine, in this release's form; null without one. Throws `NewerForm`. */
export function readUpgraded(saved: SavedState): Snapshot | null {
  const state = saved.read();
  return state && applyWrites(takeSnapshot(state), upgradesOf(state, 'the state in the data directory'), state);
}

/** Returns the change with a guard on the form of `base`. The first change of an empty state also writes the form. */
export const inForm = (base: Snapshot, { writes, guards = [], ...change }: Change): Change => ({
  ...change,
  writes: [...upgradesOf(stateOf(base), 'the state'), ...writes],
  guards: [...guards, schemaGuard(base.documents)],
});
