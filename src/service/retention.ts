import type { Logger } from 'pino';
import { arrangeCounts } from '../domain/fleet-figures.ts';
import { type MembershipSettings, prepareMembership } from '../domain/membership.ts';
import {
  abandonedScopes,
  expiredMemories,
  expiredReleases,
  type RetentionPolicy,
  versionsOfAgents,
} from '../domain/retention.ts';
import {
  promotionKey,
  releaseKey,
  replace,
  retiredControlPlaneKey,
  retiredKey,
  type Snapshot,
  withoutRevision,
} from '../domain/snapshot.ts';
import type { FleetRecords, Write } from '../domain/store.ts';
import type { StagesAt } from '../domain/tenant.ts';
import { retryOnConflict } from './change.ts';
import type { State } from './state.ts';

/** Forgets what is not needed any more, so that years leave a state where it was. */
export interface Retention {
  /** The releases of a snapshot that may be forgotten; none while the store does not answer. */
  expired(snapshot: Snapshot): Promise<ReadonlySet<string>>;
  /**
   * Forgets old releases with their promotions, memories of what was deleted, and what the fleet still knows of those;
   * some hundreds a call, each with an entry in the audit log that names it.
   */
  forget(fence: number): Promise<void>;
}

export interface RetentionOptions {
  store: Pick<FleetRecords, 'counts' | 'prune' | 'dropSurvey' | 'forgetUncounted'>;
  state: Pick<State, 'snapshot' | 'storeState' | 'commit'>;
  policy: RetentionPolicy;
  /** Milliseconds for which former targets are presumed to run. */
  presumeServedFor: number;
  /** What a start would create again. */
  bootstrap: { channels: readonly { name: string }[]; controlPlanes: Readonly<Record<string, string>> };
  membership: MembershipSettings;
  stagesAt: StagesAt;
  now: () => Date;
  log: Logger;
}

const ACTOR = 'system:retention';
/** Documents that one commit forgets, and commits a call. */
const AT_ONCE = 100;
const MOST_COMMITS = 10;

export function createRetention(options: RetentionOptions): Retention {
  const { store, state, policy, presumeServedFor, bootstrap, membership, stagesAt, now, log } = options;
  const keptChannels = new Set(bootstrap.channels.map(({ name }) => name));
  const keptPlanes = new Set(Object.keys(bootstrap.controlPlanes));

  const before = (age: number) => new Date(now().getTime() - age);
  /** What was served before a deletion may still run for this long. */
  const deletedBefore = (age: number) => before(Math.max(age, presumeServedFor));

  async function expired(snapshot: Snapshot): Promise<ReadonlySet<string>> {
    if (policy.releases === null) return new Set();
    const stages = stagesAt(snapshot.controlPlanes);
    const input = { stages, before: before(policy.releases) };
    // Nearly always nothing is old enough, and then no agent has to be counted.
    if (expiredReleases(snapshot, { ...input, agents: [] }).length === 0) return new Set();
    return new Set(expiredReleases(snapshot, { ...input, agents: versionsOfAgents(await store.counts()) }));
  }

  async function commit(action: string, writes: Write[], forgotten: object, reason: string, fence: number) {
    const audit = { at: now().toISOString(), actor: ACTOR, action, subject: 'state', reason };
    return state.commit(writes, { ...audit, before: forgotten, after: null }, { fence });
  }

  async function forgetReleases(fence: number): Promise<boolean> {
    const snapshot = state.snapshot();
    const versions = [...(await expired(snapshot))].slice(0, AT_ONCE);
    if (versions.length === 0) return false;
    const writes = versions.flatMap((version) => {
      const promotion = snapshot.promotions.get(version);
      return [
        replace(releaseKey(version), snapshot.releases.get(version), null),
        ...(promotion ? [replace(promotionKey(version), promotion, null)] : []),
      ];
    });
    const reason = 'old, and no channel, control plane, agent or promotion needs them';
    const { revision } = await commit('forget-releases', writes, { releases: versions }, reason, fence);
    log.info({ releases: versions.length }, 'forgot old releases that nothing needs');
    // A channel may have moved to one of them in the moment before.
    if (revision !== snapshot.revision + 1) await putBack(snapshot, versions, fence);
    return versions.length === AT_ONCE;
  }

  /** Restores those that would not be forgotten in the state as it is now. */
  async function putBack(old: Snapshot, versions: readonly string[], fence: number): Promise<void> {
    const restored = versions.flatMap((version): [string, object][] => {
      const [release, promotion] = [old.releases.get(version), old.promotions.get(version)];
      return [
        ...(release ? [[releaseKey(version), withoutRevision(release)] as [string, object]] : []),
        ...(promotion ? [[promotionKey(version), withoutRevision(promotion)] as [string, object]] : []),
      ];
    });
    const present = state.snapshot();
    const known = versions.flatMap((version) => old.releases.get(version) ?? []);
    const whole = {
      ...present,
      releases: present.releases.withAll(known.map((release) => [release.version, release])),
    };
    const still = await expired(whole);
    const wanted = new Set(versions.filter((version) => !still.has(version)));
    const writes = restored
      .filter(([key]) => wanted.has(key.slice(key.indexOf('/') + 1)))
      .map(([key, value]): Write => ({ key, ifRevision: 0, value }));
    if (writes.length === 0) return;
    const audit = { at: now().toISOString(), actor: ACTOR, action: 'restore-releases', subject: 'state' };
    const reason = 'a change that was made at the same moment needs them';
    await state.commit(writes, { ...audit, reason, before: null, after: { releases: [...wanted] } }, { fence });
  }

  async function forgetMemories(fence: number): Promise<boolean> {
    if (policy.deleted === null) return false;
    const { retired, retiredControlPlanes } = state.snapshot();
    const until = deletedBefore(policy.deleted);
    const channels = expiredMemories(retired, { before: until, kept: keptChannels }).slice(0, AT_ONCE);
    const planes = expiredMemories(retiredControlPlanes, { before: until, kept: keptPlanes }).slice(0, AT_ONCE);
    const writes = [
      ...channels.map((name) => replace(retiredKey(name), retired.get(name), null)),
      ...planes.map((name) => replace(retiredControlPlaneKey(name), retiredControlPlanes.get(name), null)),
    ];
    if (writes.length === 0) return false;
    const reason = `deleted before ${until.toISOString().slice(0, 10)}, so the names may be used as if they were new`;
    await commit('forget-deleted', writes, { channels, controlPlanes: planes }, reason, fence);
    log.info({ channels: channels.length, controlPlanes: planes.length }, 'forgot what was deleted long ago');
    return Math.max(channels.length, planes.length) === AT_ONCE;
  }

  /** Sightings and figures of channels that neither exist nor are remembered; `deleted` old at least. */
  async function forgetAbandoned(): Promise<void> {
    if (policy.deleted === null) return;
    const until = deletedBefore(policy.deleted).getTime();
    const counts = await store.counts();
    const snapshot = state.snapshot();
    const figures = arrangeCounts(counts);
    const resolve = prepareMembership(snapshot.channels, membership);
    const holders = [...snapshot.channels.keys()].flatMap((name) => figures.holders(name, resolve));
    const scopes = abandonedScopes(counts, snapshot, holders).slice(0, AT_ONCE);
    if (scopes.length === 0) return;
    let sightings = 0;
    for (const { channel, source, scope, readAt } of counts.surveys) {
      if (!scopes.includes(channel) || readAt >= until) continue;
      if (source === 'inventory') sightings += await store.prune({ unlisted: { scope, before: until, only: channel } });
      // Last, so that what was not forgotten before a crash is found again.
      await store.dropSurvey(channel, source);
    }
    for (const { channel, line, at } of counts.uncounted) {
      if (scopes.includes(channel) && at < until) await store.forgetUncounted(channel, line);
    }
    const silent = counts.latest
      .filter(({ channel, at }) => scopes.includes(channel) && at < until)
      .map(({ channel }): [string, number] => [channel, until]);
    if (silent.length > 0) sightings += await store.prune({ checkIns: new Map(silent) });
    if (sightings > 0) log.info({ sightings, channels: scopes.length }, 'forgot agents of channels that are gone');
  }

  return {
    expired,

    async forget(fence) {
      if (state.storeState().is !== 'up') return;
      for (const work of [forgetReleases, forgetMemories]) {
        let more = true;
        for (let commits = 0; more && commits < MOST_COMMITS; commits++) {
          more = await retryOnConflict({ ifMatch: null }, () => work(fence));
        }
      }
      await forgetAbandoned();
    },
  };
}
