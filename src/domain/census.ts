import type { ServedTarget } from './channel.ts';
import { compareVersions } from './version.ts';

/** Where a count of agents comes from. */
export const EVIDENCE_SOURCES = ['inventory', 'teleport-metrics', 'check-ins', 'presumed'] as const;
export type EvidenceSource = (typeof EVIDENCE_SOURCES)[number];

/** Agents by canonical version. */
export type VersionCounts = ReadonlyMap<string, number>;
/** Agents by group, or by updater kind. */
export type LabelCounts = ReadonlyMap<string, number>;

/** The figures of a source that knows the whole enrolled population of a channel, as of one moment. */
export interface Survey {
  channel: string;
  source: 'inventory' | 'teleport-metrics';
  /** Epoch milliseconds. */
  at: number;
  versions: Record<string, number>;
  /** Enrolled agents whose version could not be read; not part of `versions`. */
  skipped: number;
  /** Agents by group and by updater kind, where the source tells; those without are left out. */
  groups?: Record<string, number> | undefined;
  updaters?: Record<string, number> | undefined;
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

/** Agents with one label, a group or an updater kind, that checked in on one channel. */
export interface LabelCount extends Omit<CheckInCount, 'version'> {
  label: string;
}

/** All that the store counts, for every channel. */
export interface FleetCounts {
  surveys: Survey[];
  checkIns: CheckInCount[];
  groups: LabelCount[];
  updaters: LabelCount[];
  /** Agents that are seen and not enrolled. */
  unenrolled: { channel: string; agents: number }[];
  /** The newest check-in that was recorded (epoch milliseconds). */
  latest: { channel: string; at: number }[];
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
  /** Rival counts by group and by updater kind; agents without are left out. */
  groups: LabelCounts[];
  updaters: LabelCounts[];
  /** Agents that check in without being enrolled; no part of any other count. */
  unenrolled: number;
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
  const latest = counts.latest.find((last) => last.channel === channel.name)?.at;
  const ofChannel = (labels: LabelCount[]) => labels.filter((count) => count.channel === channel.name);
  const isFresh = (survey: Survey) => now - survey.at <= policy.evidenceFreshFor;

  const evidence: Evidence[] = surveys.map((survey) => {
    const { source, skipped } = survey;
    const versions = tally(Object.entries(survey.versions));
    const complete = knowsAgents(survey);
    return { source, complete, fresh: isFresh(survey), age: ageOf(survey.at, now), versions, skipped };
  });
  if (checkIns.size > 0) {
    const age = latest === undefined ? null : ageOf(latest, now);
    evidence.push({ source: 'check-ins', complete: false, fresh: true, age, versions: checkIns, skipped: 0 });
  }
  const believed = surveys.filter((survey) => isFresh(survey) && knowsAgents(survey));
  const inventories = believed.filter(({ source }) => source === 'inventory');
  const known = rivals(
    believed,
    ({ versions }) => versions,
    seen.map(({ version, ...count }) => ({ label: version, ...count })),
  );
  const census = {
    evidence,
    known,
    groups: rivals(inventories, ({ groups = {} }) => groups, ofChannel(counts.groups)),
    updaters: rivals(inventories, ({ updaters = {} }) => updaters, ofChannel(counts.updaters)),
    unenrolled: counts.unenrolled.find((strangers) => strangers.channel === channel.name)?.agents ?? 0,
  };
  if (believed.length > 0) return { ...census, headcounts: known };
  const presumed = tally(servedWithin(channel, policy.presumeServedFor, now).map((version) => [version, 1]));
  evidence.push({ source: 'presumed', complete: false, fresh: true, age: null, versions: presumed, skipped: 0 });
  return { ...census, headcounts: [...known, tally([...checkIns, ...presumed])] };
}

/** A source of which no version at all could be read says nothing of its agents. */
const knowsAgents = ({ versions, skipped }: Survey) => skipped === 0 || Object.keys(versions).length > 0;

const ageOf = (at: number, now: number) => Math.max(0, Math.round((now - at) / 1000));

/** A count for each survey, with the check-ins that it does not count already, and one for the check-ins alone. */
function rivals(
  surveys: Survey[],
  read: (survey: Survey) => Record<string, number>,
  checkIns: Omit<LabelCount, 'channel'>[],
): Map<string, number>[] {
  const all = tally(checkIns.map(({ label, agents }) => [label, agents]));
  const beyond = tally(checkIns.map(({ label, beyondInventory }) => [label, beyondInventory]));
  const counts = surveys.map((survey) => {
    // Only an inventory has ids by which a check-in can be told to be counted already.
    const uncounted = survey.source === 'inventory' ? (survey.settled ? beyond : all) : [];
    return tally([...Object.entries(read(survey)), ...uncounted]);
  });
  return all.size > 0 ? [...counts, all] : counts;
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
