import type { ServedTarget } from './channel.ts';
import { compareVersions } from './version.ts';

/** Where a count of agents comes from. */
export type EvidenceSource = 'inventory' | 'teleport-metrics' | 'check-ins' | 'presumed';

/** Agents by canonical version. */
export type VersionCounts = ReadonlyMap<string, number>;

/** The figures of a source that knows the whole enrolled population of a channel, as of one moment. */
export interface Survey {
  channel: string;
  source: 'inventory' | 'teleport-metrics';
  /** Epoch milliseconds. */
  at: number;
  versions: Record<string, number>;
  /** Enrolled agents whose version could not be read; not part of `versions`. */
  skipped: number;
  /** False while the agents behind it are still being written: then nobody knows which check-ins it already counts. */
  settled: boolean;
}

/** Agents of one version that checked in on one channel. */
export interface CheckInCount {
  channel: string;
  version: string;
  agents: number;
  /** Those of them that the channel's inventory does not hold. */
  beyondInventory: number;
}

/** All that the store counts, for every channel. */
export interface FleetCounts {
  surveys: Survey[];
  checkIns: CheckInCount[];
}

/** One source's account of a channel. */
export interface Evidence {
  source: EvidenceSource;
  /** Does it know every enrolled agent? */
  complete: boolean;
  /** Stale evidence is shown, and decides nothing. */
  fresh: boolean;
  /** Seconds since it was gathered; null where that has no meaning. */
  age: number | null;
  versions: VersionCounts;
  skipped: number;
}

/** The enrolled agents of a channel. */
export interface Population {
  evidence: Evidence[];
  /** Rival counts of the agents that fresh evidence knows of; each counts nobody twice. */
  known: VersionCounts[];
  /** The same, and a count of presumed agents where nobody knows them all. A target must be safe for every one. */
  headcounts: VersionCounts[];
}

export interface CensusPolicy {
  /** Milliseconds for which a complete source is believed. */
  evidenceFreshFor: number;
  /** Milliseconds for which a served target counts as one agent where no complete source is fresh. */
  presumeServedFor: number;
}

/**
 * What is known of a channel's agents at `now` (epoch milliseconds).
 * Where no complete source is fresh, every target that the channel served lately is presumed to run somewhere.
 */
export function takeCensus(
  channel: { name: string; target: string | null; served: readonly ServedTarget[] },
  counts: FleetCounts,
  policy: CensusPolicy,
  now: number,
): Population {
  const surveys = counts.surveys.filter((survey) => survey.channel === channel.name);
  const seen = counts.checkIns.filter((count) => count.channel === channel.name);
  const checkIns = tally(seen.map(({ version, agents }) => [version, agents]));
  const beyondInventory = tally(seen.map((count) => [count.version, count.beyondInventory]));

  const evidence: Evidence[] = [];
  const known: VersionCounts[] = [];
  for (const survey of surveys) {
    const fresh = now - survey.at <= policy.evidenceFreshFor;
    const versions = tally(Object.entries(survey.versions));
    const age = Math.max(0, Math.round((now - survey.at) / 1000));
    evidence.push({ source: survey.source, complete: true, fresh, age, versions, skipped: survey.skipped });
    if (!fresh) continue;
    // Only an inventory has ids by which a check-in can be told to be counted already.
    const uncounted = survey.source === 'inventory' ? (survey.settled ? beyondInventory : checkIns) : tally([]);
    known.push(tally([...versions, ...uncounted]));
  }
  if (checkIns.size > 0) {
    evidence.push({ source: 'check-ins', complete: false, fresh: true, age: null, versions: checkIns, skipped: 0 });
    known.push(checkIns);
  }
  if (evidence.some(({ complete, fresh }) => complete && fresh)) return { evidence, known, headcounts: known };
  const presumed = tally(servedWithin(channel, policy.presumeServedFor, now).map((version) => [version, 1]));
  evidence.push({ source: 'presumed', complete: false, fresh: true, age: null, versions: presumed, skipped: 0 });
  return { evidence, known, headcounts: [...known, tally([...checkIns, ...presumed])] };
}

/** The versions that the channel told agents to run within the last `window` milliseconds, the present one included. */
function servedWithin(
  channel: { target: string | null; served: readonly ServedTarget[] },
  window: number,
  now: number,
): string[] {
  const recent = channel.served.filter(({ until }) => now - Date.parse(until) <= window).map(({ version }) => version);
  return [...new Set(channel.target === null ? recent : [...recent, channel.target])];
}

function tally(entries: Iterable<readonly [string, number]>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [version, count] of entries) {
    if (count > 0) counts.set(version, (counts.get(version) ?? 0) + count);
  }
  return counts;
}

/** How many agents a count holds. */
export function total(counts: VersionCounts): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

/** The lowest version of a count and how many agents run it, or null when it is empty. */
export function oldestOf(counts: VersionCounts): { version: string; count: number } | null {
  let oldest: { version: string; count: number } | null = null;
  for (const [version, count] of counts) {
    if (oldest === null || compareVersions(version, oldest.version) < 0) oldest = { version, count };
  }
  return oldest;
}

/** The counts of all headcounts, for each version the highest that any of them gives. */
export function highestCounts(headcounts: readonly VersionCounts[]): Map<string, number> {
  const highest = new Map<string, number>();
  for (const counts of headcounts) {
    for (const [version, count] of counts) highest.set(version, Math.max(count, highest.get(version) ?? 0));
  }
  return highest;
}
