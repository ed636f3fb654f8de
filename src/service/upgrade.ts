import type { Logger } from 'pino';
import { describeBad, faultOf, keepOutBad } from '../domain/documents.ts';
import { schemaGuard, upgradeEntry, upgradesOf } from '../domain/schema.ts';
import { applyWrites, type Snapshot, stateOf, takeSnapshot } from '../domain/snapshot.ts';
import type { BadDocument, Change, ControlLog, ControlState, Document, SavedState } from '../domain/store.ts';

export interface UpgradeOptions {
  store: Pick<ControlLog, 'load' | 'commit' | 'audit'>;
  /** What is served so far: the last good state of a document that is damaged now. */
  served: Snapshot | null;
  now: () => Date;
  log: Logger;
}

/** Loads the state, and upgrades it in the store if it has an older form. Throws `NewerForm`, `store_unavailable`. */
export async function loadUpgraded({ store, served, now, log }: UpgradeOptions): Promise<Snapshot> {
  const state = await loadGood(store, served, log);
  const writes = upgradesOf(state, 'the state in the store');
  // An empty state gets its form with the first change.
  if (writes.length === 0 || state.documents.length === 0) return takeSnapshot(state);
  const audit = upgradeEntry(state, now());
  const result = await store.commit({ writes, audit });
  // Another server upgraded it first, or something was changed.
  if (!('entry' in result)) return loadUpgraded({ store, served, now, log });
  log.info({ before: audit.before, after: audit.after }, 'upgraded the state to the form of this release');
  return applyWrites(takeSnapshot(state), writes, result.entry);
}

/** Loads the state without the documents that cannot be served, and logs each of these once. */
async function loadGood(store: UpgradeOptions['store'], served: Snapshot | null, log: Logger): Promise<ControlState> {
  const stored = await store.load();
  const known = new Map(served?.documents);
  const state = keepOutBad(stored, known);
  const { bad = [] } = state;
  if (bad.length === 0) return state;
  for (const { key } of bad.filter((each) => !known.has(each.key))) {
    const logged = await lastLogged(store, key);
    if (logged) known.set(key, logged);
  }
  for (const each of bad)
    if (isNews(each, served)) log.error({ document: each.key, fault: each.fault }, describeBad([each]));
  return keepOutBad(stored, known);
}

const isNews = ({ key, revision, fault }: BadDocument, served: Snapshot | null): boolean => {
  const before = served?.bad.get(key);
  return before?.revision !== revision || before.fault !== fault;
};

/** The document as the newest entry of the log about it recorded it; null if that entry recorded something else. */
async function lastLogged(store: UpgradeOptions['store'], key: string): Promise<Document | null> {
  const [entry] = await store.audit({ key, limit: 1 }).catch(() => []);
  if (!entry) return null;
  // The entry of a bootstrap has several documents by their keys.
  const value = entry.subject === key ? entry.after : (entry.after as Record<string, unknown> | null)?.[key];
  return faultOf(key, value) === null ? { key, revision: entry.revision, value: value as object } : null;
}

/** Reads the copy saved on this machine, in this release's form; null without one. Throws `NewerForm`. */
export function readUpgraded(saved: SavedState): Snapshot | null {
  const found = saved.read();
  const state = found && keepOutBad(found, new Map());
  return state && applyWrites(takeSnapshot(state), upgradesOf(state, 'the state in the data directory'), state);
}

/** Returns the change with a guard on the form of `base`. The first change of an empty state also writes the form. */
export const inForm = (base: Snapshot, { writes, guards = [], ...change }: Change): Change => ({
  ...change,
  writes: [...upgradesOf(stateOf(base), 'the state'), ...writes],
  guards: [...guards, schemaGuard(base.documents)],
});
