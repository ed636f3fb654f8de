import { type Act, retreat } from './channel.ts';
import type { Release } from './release.ts';
import { channelKey, releaseKey, type Snapshot, takeSnapshot, withoutRevision } from './snapshot.ts';

/** A channel whose target is not the same in both histories, or does not stay what it is. */
export interface RecoveredChannel {
  channel: string;
  /** Null where there is no target, or no such channel. */
  served: string | null;
  stored: string | null;
  /** What its agents get afterwards; null: none. */
  to: string | null;
}

/** What keeping one of two histories leads to. */
export interface RecoveryPlan {
  /** The state afterwards; its documents have the revisions of the kept history. */
  after: Snapshot;
  channels: RecoveredChannel[];
  /** Releases that only the other history has as pulled. They stay pulled: a pull is never taken back. */
  pulled: string[];
}

/**
 * Plans to keep `kept`, without losing the pulls of `other`. A channel whose target such a pull concerns becomes what it
 * is in `other`, where the pull moved it, or gets no target.
 */
export function planRecovery(kept: Snapshot, other: Snapshot, keep: 'served' | 'stored', act: Act): RecoveryPlan {
  const documents = new Map(kept.documents);
  const pulled: string[] = [];
  for (const [version, release] of other.releases) {
    const known = kept.releases.get(version);
    if (!release.pulled || known?.pulled) continue;
    pulled.push(version);
    const key = releaseKey(version);
    const value: Release = { ...withoutRevision(known ?? release), pulled: release.pulled };
    documents.set(key, { key, revision: known?.revision ?? 0, value });
  }
  for (const channel of kept.channels.values()) {
    if (channel.target === null || !pulled.includes(channel.target)) continue;
    const { name, revision } = channel;
    const moved = shownTarget(other, name) === null ? undefined : other.channels.get(name);
    const value = withoutRevision(moved ?? retreat(channel, null, false, act));
    documents.set(channelKey(name), { key: channelKey(name), revision, value });
  }
  const after = takeSnapshot({ revision: kept.revision, hash: kept.hash, documents: [...documents.values()] });
  const [served, stored] = keep === 'served' ? [kept, other] : [other, kept];
  const names = [...new Set([...served.channels.keys(), ...stored.channels.keys()])].sort();
  const channels = names.flatMap((channel) => {
    const [was, is, to] = [served, stored, after].map((snapshot) => shownTarget(snapshot, channel));
    return was === to && is === to ? [] : [{ channel, served: was ?? null, stored: is ?? null, to: to ?? null }];
  });
  return { after, channels, pulled };
}

/** The target that agents get: a pulled release is served to no one. */
export function shownTarget({ channels, releases }: Snapshot, name: string): string | null {
  const target = channels.get(name)?.target ?? null;
  return target === null || releases.get(target)?.pulled ? null : target;
}
