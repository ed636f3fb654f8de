import type { CheckInCount, Evidence, FleetCounts, Population, Survey } from '../../src/domain/census.ts';
import { type ArtifactState, type Catalogue, listedRelease, type Release } from '../../src/domain/release.ts';
import { requireVersion } from '../../src/domain/version.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const CHANNEL = 'stable/cloud';

export const v = requireVersion;

/** A population of which each rival source gives a count, all of them complete and fresh. */
export function population(...rivals: Record<string, number>[]): Population {
  const headcounts = rivals.map((versions) => new Map(Object.entries(versions)));
  const evidence = headcounts.map(
    (versions): Evidence => ({ source: 'inventory', complete: true, fresh: true, age: 60, versions, skipped: 0 }),
  );
  return { evidence, known: headcounts, headcounts, groups: [], updaters: [], unenrolled: 0 };
}

export function survey(versions: Record<string, number>, over: Partial<Survey> = {}): Survey {
  return { channel: CHANNEL, source: 'inventory', at: NOW - HOUR, versions, skipped: 0, settled: true, ...over };
}

/** Agents that checked in; all of them beyond the inventory unless told otherwise. */
export function seen(version: string, agents: number, beyondInventory = agents, channel = CHANNEL): CheckInCount {
  return { channel, version, agents, beyondInventory };
}

export const fleet = (surveys: Survey[] = [], checkIns: CheckInCount[] = []): FleetCounts => ({
  surveys,
  checkIns,
  groups: [],
  updaters: [],
  unenrolled: [],
  latest: [],
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
