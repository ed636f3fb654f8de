import { UNREADABLE } from '../../src/domain/agent-version.ts';
import { type Evidence, type Population, total } from '../../src/domain/census.ts';
import type { FleetCounts, VersionTally } from '../../src/domain/fleet-counts.ts';
import { type ArtifactState, type Catalogue, listedRelease, type Release } from '../../src/domain/release.ts';
import type { Survey } from '../../src/domain/survey.ts';
import { requireVersion } from '../../src/domain/version.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const CHANNEL = 'stable/cloud';

export const v = requireVersion;
export const iso = (at: number): string => new Date(at).toISOString();

export const NO_MARKS = { contested: 0, reverted: 0, expired: 0, pinned: 0, disabled: 0, unreadable: 0, failing: 0 };

/** What a source says of which nothing is in doubt. */
export const sound = { complete: true, fresh: true, at: iso(NOW - 60_000), age: 60, settling: null, failing: null };

/** A population of which each rival source gives a count, all of them complete and fresh. */
export function population(...rivals: Record<string, number>[]): Population {
  const headcounts = rivals.map((versions) => new Map(Object.entries(versions)));
  const evidence = headcounts.map(
    (versions): Evidence => ({ source: 'inventory', ...sound, versions, skipped: versions.get(UNREADABLE) ?? 0 }),
  );
  return {
    evidence,
    known: headcounts,
    followers: Math.max(0, ...headcounts.map(total)),
    headcounts,
    groups: new Map(),
    updaters: new Map(),
    marks: NO_MARKS,
    unenrolled: 0,
    unmanaged: new Map(),
    unmappedGroups: new Map(),
    uncounted: [],
  };
}

/** A survey of one reading, an hour old. An inventory's agents have ids, so they are counted by the store. */
export function survey(versions: Record<string, number>, over: Partial<Survey> = {}): Survey {
  const { source = 'inventory', at = NOW - HOUR, channel = CHANNEL } = over;
  const agents = Object.values(versions).reduce((sum, count) => sum + count, 0);
  const anonymous = source === 'teleport-metrics' ? versions : {};
  return {
    ...{ channel, source, at, readAt: at, scope: channel, complete: true, versions, unmanaged: {}, expired: 0 },
    ...{ unmappedGroups: {}, readings: [{ from: at, until: at, agents, anonymous }], failing: null, revision: 1 },
    ...over,
  };
}

/** Agents that count at a version. */
export const seen = (version: string, agents: number, channel = CHANNEL): VersionTally => ({
  channel,
  version,
  agents,
});

/** What the store counts: agents with an id from any source, and the account of check-ins alone. */
export const fleet = (surveys: Survey[] = [], known: VersionTally[] = [], checkIns = known): FleetCounts => ({
  ...{
    surveys,
    known,
    disputed: [],
    checkIns,
    groups: [],
    updaters: [],
    marks: [],
    unenrolled: [],
    latest: [],
    uncounted: [],
  },
});

/** Artifacts that are out, but for the packages. */
export function artifacts(packages: ArtifactState, helm: ArtifactState = 'published'): Release['artifacts'] {
  const at = null;
  return { controlPlane: { state: 'published', at }, packages: { state: packages, at }, helm: { state: helm, at } };
}

/** Releases by version; a string stands for a published one. */
export function catalogue(...releases: (string | (Partial<Release> & { version: string }))[]): Catalogue {
  const full = releases.map((one): Release => {
    const over = typeof one === 'string' ? { version: one } : one;
    return { ...listedRelease({ version: over.version, cutAt: null, security: false }), ...over };
  });
  return new Map(full.map((release) => [release.version, release]));
}

export const PULLED = { reason: 'it eats disks', by: 'token:ann', at: '2026-02-01T00:00:00.000Z' };
