import type { Channel, RetiredChannel } from './channel.ts';
import type { ControlPlane, RetiredControlPlane } from './control-plane.ts';
import { derivedOnce } from './derived.ts';
import { FairwayError } from './errors.ts';
import { FREEZES_KEY, type GlobalFreezes } from './global-freeze.ts';
import { OrderedMap } from './ordered-map.ts';
import type { Promotion } from './promotion.ts';
import type { Release } from './release.ts';
import { SIGN_OFFS_KEY, type SignOffs } from './sign-off.ts';
import { atOnce, type Steps } from './steps.ts';
import type { BadDocument, ControlState, Difference, Document, Guard, Write } from './store.ts';

/** A document's value with the global revision that wrote it. */
export type Stored<T> = T & { readonly revision: number };

/** All control data at one revision. A snapshot never changes; each commit makes a new one, which shares the rest. */
export interface Snapshot {
  readonly revision: number;
  /** The hash of the audit entry that made the revision; null if unknown. */
  readonly hash: string | null;
  readonly documents: OrderedMap<Document>;
  readonly channels: OrderedMap<Stored<Channel>>;
  readonly controlPlanes: OrderedMap<Stored<ControlPlane>>;
  readonly releases: OrderedMap<Stored<Release>>;
  /** By version. */
  readonly promotions: OrderedMap<Stored<Promotion>>;
  readonly signOffs: Stored<SignOffs> | null;
  /** What is remembered of deleted channels, by name. */
  readonly retired: OrderedMap<Stored<RetiredChannel>>;
  /** Control planes that were deleted, by name. */
  readonly retiredControlPlanes: OrderedMap<Stored<RetiredControlPlane>>;
  /** Documents of the store that cannot be served, by key; the others hold their last good states, if known. */
  readonly bad: ReadonlyMap<string, BadDocument>;
}

export const channelKey = (name: string): string => `channel/${name}`;
export const retiredKey = (name: string): string => `retired/${name}`;
export const controlPlaneKey = (name: string): string => `control-plane/${name}`;
export const retiredControlPlaneKey = (name: string): string => `retired-control-plane/${name}`;
export const releaseKey = (version: string): string => `release/${version}`;
/** What the watch of a channel compares with. */
export const watchKey = (channel: string): string => `watch/${channel}`;
export const promotionKey = (version: string): string => `promotion/${version}`;

/** Throws `not_found`. */
export function requireChannel({ channels }: Snapshot, name: string): Stored<Channel> {
  const channel = channels.get(name);
  if (channel) return channel;
  throw new FairwayError('not_found', `there is no channel ${name}; to list them: fairway channels`);
}

/** Throws `not_found`. */
export function requireControlPlane({ controlPlanes }: Snapshot, name: string): Stored<ControlPlane> {
  const controlPlane = controlPlanes.get(name);
  if (controlPlane) return controlPlane;
  const todo = `to report its version: fairway control-planes report ${name} VERSION`;
  throw new FairwayError('not_found', `there is no control plane ${name}; ${todo}`);
}

/** A channel that an older release wrote has no `hold`. */
const readChannel = (stored: Stored<Channel>): Stored<Channel> => ({ ...stored, hold: stored.hold ?? null });

/** The kinds of documents that a snapshot indexes, by the first part of their keys. */
const INDEXES = {
  channel: 'channels',
  'control-plane': 'controlPlanes',
  release: 'releases',
  promotion: 'promotions',
  retired: 'retired',
  'retired-control-plane': 'retiredControlPlanes',
} as const;
type Index = (typeof INDEXES)[keyof typeof INDEXES];

/** The index that a document is in, and its name there; null for the others. */
export function indexOf(key: string): { index: Index; name: string } | null {
  const cut = key.indexOf('/');
  const index = (INDEXES as Record<string, Index | undefined>)[key.slice(0, cut)];
  return index ? { index, name: key.slice(cut + 1) } : null;
}

function readStored({ key, revision, value }: Document): Stored<object> {
  const stored = { ...value, revision };
  return key.startsWith('channel/') ? readChannel(stored as Stored<Channel>) : stored;
}

/** Indexes the documents that a store loaded. */
export function takeSnapshot({ revision, hash, documents, bad = [] }: ControlState): Snapshot {
  const indexed: Record<Index, [string, Stored<object>][]> = {
    channels: [],
    controlPlanes: [],
    releases: [],
    promotions: [],
    retired: [],
    retiredControlPlanes: [],
  };
  for (const document of documents) {
    const place = indexOf(document.key);
    if (place) indexed[place.index].push([place.name, readStored(document)]);
  }
  const signOffs = documents.find(({ key }) => key === SIGN_OFFS_KEY);
  return {
    revision,
    hash,
    documents: OrderedMap.of(documents.map((document): [string, Document] => [document.key, document])),
    channels: OrderedMap.of(indexed.channels as [string, Stored<Channel>][]),
    controlPlanes: OrderedMap.of(indexed.controlPlanes as [string, Stored<ControlPlane>][]),
    releases: OrderedMap.of(indexed.releases as [string, Stored<Release>][]),
    promotions: OrderedMap.of(indexed.promotions as [string, Stored<Promotion>][]),
    retired: OrderedMap.of(indexed.retired as [string, Stored<RetiredChannel>][]),
    retiredControlPlanes: OrderedMap.of(indexed.retiredControlPlanes as [string, Stored<RetiredControlPlane>][]),
    signOffs: signOffs ? (readStored(signOffs) as Stored<SignOffs>) : null,
    bad: new Map(bad.map((each) => [each.key, each])),
  };
}

const NO_CHANNELS = OrderedMap.of<Stored<Channel>>([]);

/** The version that each channel serves; channels without a target are left out. */
export const targetsOf = (snapshot: Snapshot | null): ReadonlyMap<string, string> =>
  servedBy(snapshot?.channels ?? NO_CHANNELS);

const servedBy = derivedOnce((channels: Snapshot['channels']) => {
  const targets = new Map<string, string>();
  for (const { name, target } of channels.values()) if (target !== null) targets.set(name, target);
  return targets;
});

/** The channels whose agents connect to a control plane. */
export const channelsOfPlane = ({ channels }: Snapshot, plane: string): readonly Stored<Channel>[] =>
  byPlane(channels).get(plane) ?? [];

const byPlane = derivedOnce((channels: Snapshot['channels']) => {
  const planes = new Map<string, Stored<Channel>[]>();
  for (const channel of channels.values()) {
    if (channel.controlPlane === null) continue;
    const own = planes.get(channel.controlPlane);
    if (own) own.push(channel);
    else planes.set(channel.controlPlane, [channel]);
  }
  return planes;
});

/** The freezes of all channels that people added; undefined if none ever was. */
export const storedFreezes = ({ documents }: Snapshot): Stored<GlobalFreezes> | undefined => {
  const document = documents.get(FREEZES_KEY);
  return document && { ...(document.value as GlobalFreezes), revision: document.revision };
};

/** The state that the snapshot was made from. */
export const stateOf = ({ revision, hash, documents, bad }: Snapshot): ControlState => ({
  revision,
  hash,
  documents: [...documents.values()],
  ...(bad.size > 0 ? { bad: [...bad.values()] } : {}),
});

/** The snapshot after a commit; `revision` and `hash` are those of its audit entry. */
export const applyWrites = (
  snapshot: Snapshot,
  writes: readonly Write[],
  head: Pick<Snapshot, 'revision' | 'hash'>,
): Snapshot => applyDifference(snapshot, differenceOfWrites(writes, head));

export function differenceOfWrites(
  writes: readonly Write[],
  { revision, hash }: Pick<Snapshot, 'revision' | 'hash'>,
): Difference {
  const documents = writes.flatMap(({ key, value }) => (value === null ? [] : [{ key, revision, value }]));
  const gone = writes.flatMap(({ key, value }) => (value === null ? [key] : []));
  return { revision, hash, documents, gone };
}

/** The snapshot with some documents replaced and others taken away. It costs what differs. */
export const applyDifference = (snapshot: Snapshot, difference: Difference): Snapshot =>
  atOnce(applyInSteps(snapshot, difference));

/** As `applyDifference`, with a pause wherever polls may be answered. */
export function* applyInSteps(
  snapshot: Snapshot,
  { revision, hash, documents, gone, bad = [] }: Difference,
): Steps<Snapshot> {
  const after: { -readonly [Key in keyof Snapshot]: Snapshot[Key] } = { ...snapshot, revision, hash };
  const changes = new Map<Index, Map<string, Stored<object> | undefined>>();
  const note = (key: string, value: Stored<object> | undefined) => {
    const place = indexOf(key);
    if (!place) return;
    const own = changes.get(place.index) ?? new Map();
    changes.set(place.index, own.set(place.name, value));
  };
  for (const [n, document] of documents.entries()) {
    note(document.key, readStored(document));
    if (document.key === SIGN_OFFS_KEY) after.signOffs = readStored(document) as Stored<SignOffs>;
    if (n % DOCUMENTS_A_STEP === DOCUMENTS_A_STEP - 1) yield;
  }
  for (const key of gone) {
    note(key, undefined);
    if (key === SIGN_OFFS_KEY) after.signOffs = null;
  }
  const all = [
    ...documents.map((document) => [document.key, document] as const),
    ...gone.map((key) => [key, undefined] as const),
  ];
  after.documents = snapshot.documents.withAll(all);
  for (const [index, entries] of changes) {
    yield;
    Object.assign(after, { [index]: snapshot[index].withAll(entries as never) });
  }
  if (snapshot.bad.size > 0 || bad.length > 0) {
    const still = new Map(snapshot.bad);
    for (const { key } of documents) still.delete(key);
    for (const key of gone) still.delete(key);
    for (const each of bad) still.set(each.key, each);
    after.bad = still;
  }
  return after;
}

/** Documents that take well under a millisecond. */
const DOCUMENTS_A_STEP = 100;

/** What turns one snapshot into the other. It costs what differs. */
export function differenceOf(before: Snapshot, { revision, hash, documents, bad }: Snapshot): Difference {
  const changed = OrderedMap.changedKeys(before.documents, documents);
  // A damaged document without a good state is in neither, so that what was damaged is told again.
  const keys = new Set([...changed, ...before.bad.keys()]);
  return {
    revision,
    hash,
    documents: [...keys].flatMap((key) => documents.get(key) ?? []),
    gone: [...keys].filter((key) => !documents.has(key)),
    ...(bad.size > 0 ? { bad: [...bad.values()] } : {}),
  };
}

/** What turns a snapshot into a state that was loaded, in steps. Documents that are served already are left out. */
export function* differenceToLoaded(
  { documents, bad: served }: Snapshot,
  { revision, hash, documents: loaded, bad = [] }: ControlState,
): Steps<Difference> {
  const changed: Document[] = [];
  const there = new Set<string>();
  for (const [n, document] of loaded.entries()) {
    there.add(document.key);
    // One that was damaged counts as changed, so that it is not taken for damaged any more.
    if (documents.get(document.key) !== document || served.has(document.key)) changed.push(document);
    if (n % DOCUMENTS_A_STEP === DOCUMENTS_A_STEP - 1) yield;
  }
  const gone = [...documents.keys(), ...served.keys()].filter((key) => !there.has(key));
  return { revision, hash, documents: changed, gone, ...(bad.length > 0 ? { bad } : {}) };
}

/** The write that replaces `before`, or creates the document if there was none. A null `value` deletes it. */
export function replace<T extends object>(key: string, before: Stored<T> | undefined, value: T | null): Write {
  return { key, ifRevision: before?.revision ?? 0, value: value && withoutRevision(value) };
}

/** Makes a commit fail unless the document under `key` is still the one that was seen, or still absent. */
export const guard = (key: string, seen: { revision: number } | undefined): Guard => ({
  key,
  ifRevision: seen?.revision ?? 0,
});

/** Lets a change replace a document that cannot be served, and so seems to be absent. */
export const overBad = ({ bad, documents }: Snapshot, writes: readonly Write[]): Write[] =>
  writes.map((each) => {
    const revision = documents.has(each.key) ? undefined : bad.get(each.key)?.revision;
    return revision !== undefined && each.ifRevision === 0 ? { ...each, ifRevision: revision } : each;
  });

/** A document's value as it is stored. */
export function withoutRevision<T extends object>(value: T): Omit<T, 'revision'> {
  const { revision: _, ...rest } = value as T & { revision?: number };
  return rest;
}
