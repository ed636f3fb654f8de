import { earliestCuts } from './branch-cut.ts';
import type { Channel } from './channel.ts';
import type { FleetCounts } from './fleet-counts.ts';
import type { Promotion, Stage } from './promotion.ts';
import { runningStage } from './promotion-halves.ts';
import { ARTIFACT_SETS, type Catalogue, isPublic, type Release } from './release.ts';
import type { Snapshot } from './snapshot.ts';
import { compareVersions, parseVersion, type Version } from './version.ts';

/** How long things are kept that are not used any more; milliseconds, null: always. */
export interface RetentionPolicy {
  /** Releases and their promotions. */
  releases: number | null;
  /** What is remembered of deleted channels and control planes. */
  deleted: number | null;
}

/** The versions at which any source reports agents, those in dispute at both. */
export function versionsOfAgents({ surveys, known, disputed, checkIns }: FleetCounts): Set<string> {
  const read = surveys.flatMap(({ versions, readings }) => [
    versions,
    ...readings.flatMap((reading) => [reading.anonymous, reading.versions ?? {}]),
  ]);
  return new Set([
    ...read.flatMap(Object.keys),
    ...[...known, ...checkIns].map(({ version }) => version),
    ...disputed.flatMap(({ low, high }) => [low, high]),
  ]);
}

type Documents = Pick<Snapshot, 'channels' | 'controlPlanes' | 'releases' | 'promotions' | 'retired'>;

/**
 * The releases that may be forgotten, with their promotions: registered before `before`, and needed by nothing. A
 * history is kept, because it would be imported again. These are needed, however old they are:
 *
 * - what a channel serves, served, goes to, or goes back to; what a control plane or an agent (`agents`) runs;
 * - the newest of each `X.Y` and kind, by which routes, support, tags and backports are found;
 * - a release that refuses something: it is pulled, under embargo, or its artifacts are not published;
 * - one whose promotion is under way, or is the last that is complete in some stage;
 * - one with a significant change that is not signed off, and those through which a kept release was built on it;
 * - the first pre-release of a major from its branch, which shows that the branch was cut.
 */
export function expiredReleases(
  documents: Documents,
  { agents, stages, before }: { agents: Iterable<string>; stages: readonly Stage[]; before: Date },
): string[] {
  const { releases, promotions } = documents;
  const old = [...releases.values()].filter((release) => wasRegisteredBefore(release, before));
  if (old.length === 0) return [];
  const needed = new Set([
    ...agents,
    ...versionsInUse(documents),
    ...newestOfLines(releases),
    ...lastComplete(promotions),
    ...earliestCuts(releases),
  ]);
  const isKept = (release: Release): boolean => {
    const promotion = promotions.get(release.version);
    return (
      needed.has(release.version) ||
      !isPublic(release) ||
      ARTIFACT_SETS.some((set) => release.artifacts[set].state !== 'published') ||
      (promotion !== undefined && runningStage(promotion, release, stages) !== null) ||
      isUnsigned(release)
    );
  };
  const expired = new Map(old.filter((release) => !isKept(release)).map((release) => [release.version, release]));
  keepLinks(releases, expired);
  return [...expired.keys()];
}

const wasRegisteredBefore = ({ registered }: Release, time: Date): boolean =>
  registered !== null && Date.parse(registered.at) < time.getTime();

const isUnsigned = ({ changes }: Release): boolean =>
  changes.some(({ significant, signedOff }) => significant && !signedOff);

/** Takes those out of `expired` that link a kept release to one with a change that is not signed off. */
function keepLinks(releases: Catalogue, expired: Map<string, Release>): void {
  const leads = new Map<string, boolean>();
  /** Is the release, or one that it was built on, not signed off? */
  const leadsToUnsigned = (first: string): boolean => {
    const path: string[] = [];
    let found = false;
    for (let version: string | null = first; version !== null; version = releases.get(version)?.previous ?? null) {
      const release = releases.get(version);
      const known = leads.get(version);
      if (known !== undefined || !release) {
        found = known ?? false;
        break;
      }
      leads.set(version, false);
      path.push(version);
    }
    for (const version of path.toReversed()) {
      const release = releases.get(version);
      found ||= release !== undefined && isUnsigned(release);
      leads.set(version, found);
    }
    return leads.get(first) ?? false;
  };
  const kept = [...releases.values()].filter(({ version }) => !expired.has(version));
  for (let release = kept.pop(); release; release = kept.pop()) {
    const before = expired.get(release.previous ?? '');
    if (!before || !leadsToUnsigned(before.version)) continue;
    expired.delete(before.version);
    kept.push(before);
  }
}

/** The versions that a channel or a control plane has to do with. */
function versionsInUse({ channels, controlPlanes, retired }: Documents): Set<string> {
  const found = new Set<string | null | undefined>();
  for (const channel of channels.values()) for (const version of versionsOfChannel(channel)) found.add(version);
  for (const { served } of retired.values()) for (const { version } of served) found.add(version);
  for (const { version, highest, wanted } of controlPlanes.values()) {
    for (const each of [version, highest, wanted?.version]) found.add(each);
  }
  return found as Set<string>;
}

function versionsOfChannel(channel: Channel): (string | null)[] {
  const { target, toolsVersion, toolsFallback = null, lineage, served, plan, progress, scheduled } = channel;
  return [
    target,
    toolsVersion,
    toolsFallback,
    ...lineage,
    ...served.map(({ version }) => version),
    ...(plan ? [plan.target, ...plan.route] : []),
    ...(scheduled ?? []).map(({ input }) => input.version ?? null),
    ...(progress ? [progress.from, progress.to, ...progress.groups.map(({ from }) => from)] : []),
  ];
}

const lineOf = ({ kind, major, minor }: Version): string => `${kind} ${major}.${minor}`;

/** The newest public release of each `X.Y` and kind. */
function newestOfLines(releases: Catalogue): string[] {
  const newest = new Map<string, Version>();
  for (const release of releases.values()) {
    const version = isPublic(release) ? parseVersion(release.version) : null;
    const known = version && newest.get(lineOf(version));
    if (version && (!known || compareVersions(version, known) > 0)) newest.set(lineOf(version), version);
  }
  return [...newest.values()].map(({ text }) => text);
}

/** The newest release that has completed each stage. */
function lastComplete(promotions: ReadonlyMap<string, Promotion>): Set<string> {
  const last = new Map<string, string>();
  for (const { version, stages } of promotions.values()) {
    for (const [stage, { state }] of Object.entries(stages)) {
      const known = last.get(stage);
      if (state === 'complete' && (!known || compareVersions(version, known) > 0)) last.set(stage, version);
    }
  }
  return new Set(last.values());
}

/**
 * Why a release may not be registered because its number may be one of a release that was forgotten, or null: the
 * number of a release is never used again, and the newest of its line is old enough for the others to be forgotten.
 */
export function reusedFault(version: Version, releases: Catalogue, before: Date): string | null {
  if (version.cloud) return null;
  const later = [...releases.values()].find((release) => {
    const other = wasRegisteredBefore(release, before) ? parseVersion(release.version) : null;
    return other !== null && lineOf(other) === lineOf(version) && compareVersions(other, version) > 0;
  });
  if (!later) return null;
  const why = `${later.version} was registered before ${before.toISOString().slice(0, 10)}`;
  return `${version.text} may be the number of an earlier release, because ${why}; use the next number`;
}

/**
 * The names of what was deleted before `before`, and need not be remembered any more; none of `kept`, which a start
 * would create again.
 */
export function expiredMemories(
  memories: ReadonlyMap<string, { name: string; at: string }>,
  { before, kept }: { before: Date; kept: ReadonlySet<string> },
): string[] {
  return [...memories.values()]
    .filter(({ name, at }) => Date.parse(at) < before.getTime() && !kept.has(name))
    .map(({ name }) => name);
}

/**
 * The channels of which the fleet still has figures although there is neither such a channel nor a memory of one, and
 * which hold none of another channel's agents; `@` and a name for those of a control plane.
 */
export function abandonedScopes(
  counts: FleetCounts,
  { channels, controlPlanes, retired, retiredControlPlanes }: Snapshot,
  holders: Iterable<string>,
): string[] {
  const held = new Set(holders);
  const planes = new Set([...channels.values(), ...retired.values()].map(({ controlPlane }) => controlPlane));
  const isKnown = (scope: string): boolean => {
    if (held.has(scope)) return true;
    if (!scope.startsWith('@')) return channels.has(scope) || retired.has(scope);
    const name = scope.slice(1);
    return controlPlanes.has(name) || retiredControlPlanes.has(name) || planes.has(name);
  };
  const { surveys, known, checkIns, unenrolled, latest, uncounted } = counts;
  const all = [surveys, known, checkIns, unenrolled, latest, uncounted].flatMap((each) =>
    each.map(({ channel }: { channel: string }) => channel),
  );
  return [...new Set(all)].filter((scope) => !isKnown(scope));
}
