import type { Logger } from 'pino';
import { describeBad, faultOf, keepOutBad, keepOutInSteps } from '../domain/documents.ts';
import type { SavedState } from '../domain/saved-state.ts';
import { isInForm, schemaGuard, upgradeEntry, upgradesOf } from '../domain/schema.ts';
import { applyWrites, type Snapshot, stateOf, takeSnapshot } from '../domain/snapshot.ts';
import type { Steps } from '../domain/steps.ts';
import type { BadDocument, Change, ControlLog, ControlState, Document } from '../domain/store.ts';
import { inOwnTurns } from '../process/turns.ts';
import { sameAs } from './difference.ts';

export interface UpgradeOptions {
  store: Pick<ControlLog, 'load' | 'commit' | 'audit'>;
  /** What is served so far: the last good state of a document that is damaged now. */
  served: Snapshot | null;
  now: () => Date;
  log: Logger;
}

/** Loads the state, and upgrades it in the store if it has an older form. Throws `NewerForm`, `store_unavailable`. */
export async function loadUpgraded({ store, served, now, log }: UpgradeOptions): Promise<ControlState> {
  const loaded = await keepGood(await store.load(), { store, served, log });
  const state = served ? await inOwnTurns(sharing(served, loaded)) : loaded;
  const writes = upgradesOf(state, 'the state in the store');
  // An empty state gets its form with the first change.
  if (writes.length === 0 || state.documents.length === 0) return state;
  const audit = upgradeEntry(state, now());
  const result = await store.commit({ writes, audit });
  // Another server upgraded it first, or something was changed.
  if (!('entry' in result)) return loadUpgraded({ store, served, now, log });
  log.info({ before: audit.before, after: audit.after }, 'upgraded the state to the form of this release');
  return stateOf(applyWrites(takeSnapshot(state), writes, result.entry));
}

/** Documents that are compared in under a millisecond. */
const COMPARED_A_STEP = 20;

/** The state with the served documents where they are the same: what is the same object needs no new answers. */
function* sharing(served: Snapshot, { documents, ...state }: ControlState): Steps<ControlState> {
  const shared: Document[] = [];
  for (const document of documents) {
    shared.push(sameAs(served, document));
    if (shared.length % COMPARED_A_STEP === 0) yield;
  }
  return { ...state, documents: shared };
}

/** Takes out the documents that cannot be served, and logs each of these once. */
export async function keepGood<S extends Pick<ControlState, 'documents' | 'bad'>>(
  stored: S,
  { store, served, log }: Pick<UpgradeOptions, 'store' | 'served' | 'log'>,
): Promise<S> {
  const { bad = [] } = await inOwnTurns(keepOutInSteps(stored, NOTHING));
  if (bad.length === 0) return stored;
  const known = new Map<string, Document>();
  for (const { key, revision } of bad) {
    const before = served?.documents.get(key);
    // A server that missed the change that was damaged later finds it in the log.
    const last = before?.revision === revision ? before : ((await lastLogged(store, key)) ?? before);
    if (last) known.set(key, last);
  }
  for (const each of bad)
    if (isNews(each, served)) log.error({ document: each.key, fault: each.fault }, describeBad([each]));
  return keepOutBad(stored, known);
}

const NOTHING = new Map<string, Document>();

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
export const inForm = (base: Snapshot, { guards = [], ...change }: Change): Change => ({
  ...change,
  writes: isInForm(base.documents) ? change.writes : [...upgradesOf(stateOf(base), 'the state'), ...change.writes],
  guards: [...guards, schemaGuard(base.documents)],
});
