import type { AgentMark } from './agent.ts';
import { compareAgentVersions, UNREADABLE } from './agent-version.ts';
import type { ServedTarget } from './channel.ts';
import type { DisputeTally, FleetCounts, LabelTally } from './fleet-counts.ts';
import type { FleetFigures, PlaneOf } from './fleet-figures.ts';
import type { ResolveGroup } from './membership.ts';
import type { Rollout } from './rollout.ts';
import { anonymousPeak, fallOf, isFirstOfNobody, readingsPeak, type SettlePolicy, type Survey } from './survey.ts';

/** Where a count of agents comes from. */
export const EVIDENCE_SOURCES = ['inventory', 'teleport-metrics', 'check-ins', 'presumed'] as const;
export type EvidenceSource = (typeof EVIDENCE_SOURCES)[number];

/** Agents by version, as `readAgentVersion` gives it; `UNREADABLE` counts those whose version cannot be read. */
export type VersionCounts = ReadonlyMap<string, number>;
/** Agents by group, or by updater kind. */
export type LabelCounts = ReadonlyMap<string, number>;

/** One source's account of a channel. */
export interface Evidence {
  source: EvidenceSource;
  /** Does it know every enrolled agent? */
  complete: boolean;
  /** Old evidence can refuse a target; it is never the reason why one is allowed. */
  fresh: boolean;
  /** The moment that it describes, ISO 8601, and the seconds since; null where that has no meaning. */
  at: string | null;
  age: number | null;
  /** The newest reading has clearly fewer agents than one before, which counts until the fall is confirmed. */
  settling: { from: number; to: number; since: string } | null;
  /** Since when it cannot be read, and why. */
  failing: { since: string; fault: string } | null;
  versions: VersionCounts;
  /** Agents whose version cannot be read; part of `versions`. */
  skipped: number;
}

/** The enrolled agents of a channel. */
export interface Population {
  evidence: Evidence[];
  /**
   * Rival counts of the agents that sources know of; each counts an agent once. One has agents in dispute at their
   * highest version.
   */
  known: VersionCounts[];
  /**
   * The same, and a count of presumed agents where no fresh source knows them all. A target must be safe for every one.
   */
  headcounts: VersionCounts[];
  /** Agents that are known to follow this very channel, not only some channel of its cluster. */
  followers: number;
  /** By group and by updater kind; agents without are left out. */
  groups: LabelCounts;
  updaters: LabelCounts;
  /** Agents with a mark, by mark. */
  marks: Readonly<Record<AgentMark, number>>;
  /** Agents that check in without being enrolled; no part of any other count. */
  unenrolled: number;
  /** Connected agents of the channel's cluster that have no updater; no part of any other count. */
  unmanaged: VersionCounts;
  /** Agents of groups that are no channel of their own. */
  unmappedGroups: LabelCounts;
  /** Release lines of agents that could not be counted; they count in `headcounts` as one agent each. */
  uncounted: string[];
}

export interface CensusPolicy extends SettlePolicy {
  /** Milliseconds for which a complete source is fresh. */
  evidenceFreshFor: number;
  /** Milliseconds for which a served target counts as one agent where no complete source is fresh. */
  presumeServedFor: number;
}

/** The channel of which a census is taken. */
export interface CensusChannel {
  name: string;
  controlPlane: string | null;
  target: string | null;
  served: readonly ServedTarget[];
  /** The rollout that leads to the target. */
  progress?: Rollout | null | undefined;
}

/** So far ahead of the store's time, in milliseconds, may evidence be: clocks are corrected to less. */
const CLOCK_TOLERANCE = 60_000;

/**
 * What is known of a channel's agents at `now` (epoch milliseconds). All ways in which a count may fall are elsewhere:
 * an agent that is seen at another version or forgotten (the store), a reading that no longer lists it and is confirmed
 * (`readingsAfter`). Here nothing is left out for its age: without a fresh complete source, every target that the
 * channel served recently is presumed to run somewhere in addition. `planeOf` gives the control plane of another
 * channel, `resolve` the channel that a group leads to now.
 */
export function takeCensus(
  channel: CensusChannel,
  figures: FleetFigures,
  policy: CensusPolicy,
  now: number,
  planeOf: PlaneOf,
  resolve: ResolveGroup,
): Population {
  const surveys = surveysAbout(figures, channel, planeOf);
  const counts = figures.of(channel.name);
  const checkIns = tally(counts.checkIns.map(({ version, agents }) => [version, agents]));
  const latest = counts.latest[0]?.at ?? null;
  const uncounted = counts.uncounted.map(({ line }) => line);

  const presumed = tally(servedWithin(channel, policy.presumeServedFor, now).map((version) => [version, 1]));
  const evidence: Evidence[] = surveys.map((survey) => {
    const described = describeSurvey(survey, policy, now);
    if (presumed.size === 0 || !isFirstOfNobody(survey, policy)) return described;
    const settling = { from: presumed.size, to: 0, since: iso(survey.readings[0]?.from ?? survey.at) };
    return { ...described, fresh: false, settling };
  });
  if (checkIns.size > 0) evidence.push(describeCheckIns(checkIns, latest, now));

  const withIds = counts.known.map(({ version, agents }): [string, number] => [version, agents]);
  const withoutIds = surveys.filter(({ source }) => source === 'inventory').flatMap(anonymousAgents);
  const missed = uncounted.map((line): [string, number] => [line, 1]);
  const counted = tally([...withIds, ...withoutIds]);
  const metrics = surveys.filter(({ source }) => source === 'teleport-metrics');
  const clusters = metrics.map((survey) => ({ survey, counts: tally(anonymousAgents(survey)) }));
  const followed = clusters.filter(({ survey }) => survey.channel === channel.name).map(({ counts }) => total(counts));
  // While a fall settles, what the inventory listed before stands beside what is known now.
  const fallen = surveys.filter((survey) => survey.source === 'inventory' && fallOf(survey, policy) !== null);
  const known = [
    ...rivals(counted, counts.disputed),
    ...clusters.map((each) => each.counts),
    ...fallen.map((survey) => tally(Object.entries(readingsPeak(survey)))),
    ...strays(channel.name, figures, resolve),
  ].filter(({ size }) => size > 0);

  const isKnown = evidence.some(({ complete, fresh }) => complete && fresh) && uncounted.length === 0;
  if (!isKnown) evidence.push(describePresumed(presumed));
  return {
    evidence,
    known,
    followers: Math.max(total(counted), ...followed),
    headcounts: isKnown ? known : [...known, tally([...checkIns, ...missed, ...presumed])],
    groups: labels(counts.groups),
    updaters: labels(counts.updaters),
    marks: marksOf(counts.marks, surveys, channel.name),
    unenrolled: counts.unenrolled[0]?.agents ?? 0,
    unmanaged: highestCounts(surveys.map(({ unmanaged }) => new Map(Object.entries(unmanaged)))),
    unmappedGroups: highestCounts(surveys.map(({ unmappedGroups }) => new Map(Object.entries(unmappedGroups)))),
    uncounted,
  };
}

/**
 * The surveys that describe the channel's agents, those under its own name first. Figures without ids cannot be spread
 * over the channels of a cluster, so each channel of its control plane is judged by all of them.
 */
export function surveysAbout(
  figures: FleetFigures,
  { name, controlPlane }: Pick<CensusChannel, 'name' | 'controlPlane'>,
  planeOf: PlaneOf,
): readonly Survey[] {
  const own = figures.surveysOf(name);
  if (controlPlane === null) return own;
  const shared = figures.clusterSurveys(controlPlane, planeOf);
  return shared.length === 0 ? own : [...own, ...shared.filter(({ channel }) => channel !== name)];
}

/**
 * Agents that belong to the channel now and are counted elsewhere, because their group led elsewhere when its inventory
 * was imported: until the next import, the channel is judged by all agents of those channels.
 */
function strays(name: string, figures: FleetFigures, resolve: ResolveGroup): VersionCounts[] {
  return figures.holders(name, resolve).flatMap((holder) => {
    const { known, disputed } = figures.of(holder);
    const inventories = figures.surveysOf(holder).filter(({ source }) => source === 'inventory');
    const counted = tally([
      ...known.map(({ version, agents }): [string, number] => [version, agents]),
      ...inventories.flatMap(anonymousAgents),
    ]);
    return rivals(counted, disputed);
  });
}

/**
 * The count, the same agents with those in dispute at their highest version, and with those of them at an unreadable one
 * that may be. A target must be safe for each.
 */
function rivals(counted: VersionCounts, disputed: readonly DisputeTally[]): VersionCounts[] {
  const higher = disputed.filter(({ high }) => high !== UNREADABLE);
  const unreadable = disputed.filter(({ high }) => high === UNREADABLE);
  return [counted, ...[higher, unreadable].filter(({ length }) => length > 0).map((some) => moved(counted, some))];
}

function moved(counted: VersionCounts, disputed: readonly DisputeTally[]): VersionCounts {
  const after = new Map(counted);
  for (const { low, high, agents } of disputed) {
    after.set(low, (after.get(low) ?? 0) - agents);
    after.set(high, (after.get(high) ?? 0) + agents);
  }
  return tally(after);
}

function describeSurvey(survey: Survey, policy: CensusPolicy, now: number): Evidence {
  const fall = fallOf(survey, policy);
  const { source, complete, at, failing } = survey;
  const versions = tally(Object.entries(survey.versions));
  const wasRead = survey.readings.length > 0;
  return {
    source,
    complete,
    fresh: wasRead && isWithin(at, policy.evidenceFreshFor, now),
    at: wasRead ? iso(at) : null,
    age: wasRead ? ageOf(at, now) : null,
    settling: fall && { from: fall.from, to: fall.to, since: iso(fall.since) },
    failing: failing && { since: iso(failing.since), fault: failing.fault },
    versions,
    skipped: versions.get(UNREADABLE) ?? 0,
  };
}

/** What is dated in the future is not fresh: a clock was wrong when it was recorded. */
const isWithin = (at: number, window: number, now: number) => now - at <= window && at - now <= CLOCK_TOLERANCE;

const UNSURVEYED = { complete: false, fresh: true, settling: null, failing: null } as const;

function describeCheckIns(versions: VersionCounts, latest: number | null, now: number): Evidence {
  const [at, age] = latest === null ? [null, null] : [iso(latest), ageOf(latest, now)];
  return { source: 'check-ins', ...UNSURVEYED, at, age, versions, skipped: versions.get(UNREADABLE) ?? 0 };
}

const describePresumed = (versions: VersionCounts): Evidence => {
  return { source: 'presumed', ...UNSURVEYED, at: null, age: null, versions, skipped: 0 };
};

const anonymousAgents = (survey: Survey): [string, number][] => Object.entries(anonymousPeak(survey));

function marksOf(marks: FleetCounts['marks'], surveys: readonly Survey[], channel: string): Population['marks'] {
  const count = (mark: AgentMark) => marks.find((each) => each.mark === mark)?.agents ?? 0;
  const expired = surveys.find((survey) => survey.channel === channel && survey.source === 'inventory')?.expired ?? 0;
  return {
    contested: count('contested'),
    reverted: count('reverted'),
    expired: Math.max(count('expired'), expired),
    pinned: count('pinned'),
    disabled: count('disabled'),
    unreadable: count('unreadable'),
    failing: count('failing'),
  };
}

const labels = (tallies: LabelTally[]): LabelCounts => tally(tallies.map(({ label, agents }) => [label, agents]));

const ageOf = (at: number, now: number) => Math.max(0, Math.round((now - at) / 1000));
const iso = (at: number) => new Date(at).toISOString();

/** The versions that the channel served within the last `window` milliseconds, the present one included. */
export function servedWithin(
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

/** The lowest version of a count that can be read, and how many agents run it; null where there is none. */
export function oldestOf(counts: VersionCounts): { version: string; count: number } | null {
  let oldest: { version: string; count: number } | null = null;
  for (const [version, count] of counts) {
    if (version === UNREADABLE) continue;
    if (oldest === null || compareAgentVersions(version, oldest.version) < 0) oldest = { version, count };
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
