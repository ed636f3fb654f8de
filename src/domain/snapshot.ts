import type { Channel, RetiredChannel } from './channel.ts';
import type { ControlPlane, RetiredControlPlane } from './control-plane.ts';
import { derivedOnce } from './derived.ts';
import { FairwayError } from './errors.ts';
import type { Promotion } from './promotion.ts';
import type { Release } from './release.ts';
import { SIGN_OFFS_KEY, type SignOffs } from './sign-off.ts';
import type { BadDocument, ControlState, Document, Guard, Write } from './store.ts';

/** A document's value with the global revision that wrote it. */
export type Stored<T> = T & { readonly revision: number };

/** All control data at one revision. A snapshot never changes; each commit makes a new one. */
export interface Snapshot {
  readonly revision: number;
  /** The hash of the audit entry that made the revision; null if unknown. */
  readonly hash: string | null;
  readonly documents: ReadonlyMap<string, Document>;
  readonly channels: ReadonlyMap<string, Stored<Channel>>;
  readonly controlPlanes: ReadonlyMap<string, Stored<ControlPlane>>;
  readonly releases: ReadonlyMap<string, Stored<Release>>;
  /** By version. */
  readonly promotions: ReadonlyMap<string, Stored<Promotion>>;
  readonly signOffs: Stored<SignOffs> | null;
  /** What is remembered of deleted channels, by name. */
  readonly retired: ReadonlyMap<string, Stored<RetiredChannel>>;
  /** Control planes that were deleted, by name. */
  readonly retiredControlPlanes: ReadonlyMap<string, Stored<RetiredControlPlane>>;
  /** Documents of the store that cannot be served, by key; the others hold their last good states, if known. */
  readonly bad: ReadonlyMap<string, BadDocument>;
}

export const channelKey = (name: string): string => `channel/${name}`;
export const retiredKey = (name: string): string => `retired/${name}`;
export const controlPlaneKey = (name: string): string => `control-plane/${name}`;
export const retiredControlPlaneKey = (name: string): string => `retired-control-plane/${name}`;
export const releaseKey = (version: string): string => `release/${version}`;
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

/** Indexes the documents that a store loaded. */
export function takeSnapshot({ revision, hash, documents, bad = [] }: ControlState): Snapshot {
  const channels = new Map<string, Stored<Channel>>();
  const controlPlanes = new Map<string, Stored<ControlPlane>>();
  const releases = new Map<string, Stored<Release>>();
  const promotions = new Map<string, Stored<Promotion>>();
  const retired = new Map<string, Stored<RetiredChannel>>();
  const retiredControlPlanes = new Map<string, Stored<RetiredControlPlane>>();
  let signOffs: Stored<SignOffs> | null = null;
  for (const document of documents) {
    const { key, value } = document;
    const name = key.slice(key.indexOf('/') + 1);
    const stored = { ...value, revision: document.revision };
    if (key.startsWith('channel/')) channels.set(name, readChannel(stored as Stored<Channel>));
    else if (key.startsWith('control-plane/')) controlPlanes.set(name, stored as Stored<ControlPlane>);
    else if (key.startsWith('release/')) releases.set(name, stored as Stored<Release>);
    else if (key.startsWith('promotion/')) promotions.set(name, stored as Stored<Promotion>);
    else if (key.startsWith('retired/')) retired.set(name, stored as Stored<RetiredChannel>);
    else if (key.startsWith('retired-control-plane/'))
      retiredControlPlanes.set(name, stored as Stored<RetiredControlPlane>);
    else if (key === SIGN_OFFS_KEY) signOffs = stored as Stored<SignOffs>;
  }
  return {
    revision,
    hash,
    documents: new Map(documents.map((document) => [document.key, document])),
    channels,
    controlPlanes,
    releases,
    promotions,
    signOffs,
    retired,
    retiredControlPlanes,
    bad: new Map(bad.map((each) => [each.key, each])),
  };
}

/** The version that each channel serves; channels without a target are left out. */
export const targetsOf = (snapshot: Snapshot | null): Map<string, string> =>
  new Map(
    [...(snapshot?.channels.values() ?? [])].flatMap(({ name, target }) => (target === null ? [] : [[name, target]])),
  );

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

/** The state that the snapshot was made from. */
export const stateOf = ({ revision, hash, documents, bad }: Snapshot): ControlState => ({
  revision,
  hash,
  documents: [...documents.values()],
  ...(bad.size > 0 ? { bad: [...bad.values()] } : {}),
});

/** The snapshot after a commit; `revision` and `hash` are those of its audit entry. */
export function applyWrites(
  snapshot: Snapshot,
  writes: readonly Write[],
  { revision, hash }: Pick<Snapshot, 'revision' | 'hash'>,
): Snapshot {
  const documents = new Map(snapshot.documents);
  for (const { key, value } of writes) {
    if (value === null) documents.delete(key);
    else documents.set(key, { key, revision, value });
  }
  const written = new Set(writes.map(({ key }) => key));
  const bad = [...snapshot.bad.values()].filter(({ key }) => !written.has(key));
  return takeSnapshot({ revision, hash, documents: [...documents.values()], bad });
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
