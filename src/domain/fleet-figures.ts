import { derivedOnce } from './derived.ts';
import { emptyTallies, type FleetCounts, type Tallies } from './fleet-counts.ts';
import type { ResolveGroup } from './membership.ts';
import type { Survey } from './survey.ts';

/** What a store counts, arranged once for a census of every channel. */
export interface FleetFigures {
  /** In the store's order. */
  readonly surveys: readonly Survey[];
  /** The counts of one channel; empty lists where there are none. */
  of(channel: string): Readonly<Tallies>;
  /** The surveys under a channel's own name. */
  surveysOf(channel: string): readonly Survey[];
  /**
   * Figures without ids of a cluster: those under `@` and the name of its control plane, and those of each channel that
   * `planeOf` gives the same control plane.
   */
  clusterSurveys(controlPlane: string, planeOf: PlaneOf): readonly Survey[];
  /**
   * Other channels on which agents are counted that belong to this one now: their group led elsewhere when they were
   * imported, or nowhere.
   */
  holders(channel: string, resolve: ResolveGroup): readonly string[];
}

/** The control plane of a channel; null if it has none, or there is no such channel. */
export type PlaneOf = (channel: string) => string | null;

const NOTHING: Readonly<Tallies> = emptyTallies();
const NO_SURVEYS: readonly Survey[] = [];

export function arrangeCounts({ surveys, ...tallies }: FleetCounts): FleetFigures {
  const byChannel = new Map<string, Tallies>();
  for (const kind of Object.keys(NOTHING) as (keyof Tallies)[]) {
    for (const tally of tallies[kind]) {
      const own = byChannel.get(tally.channel) ?? emptyTallies();
      byChannel.set(tally.channel, own);
      (own[kind] as (typeof tally)[]).push(tally);
    }
  }
  const own = grouped(surveys, ({ channel }) => [channel]);
  // What a group leads to changes with the snapshot and the settings, not with the counts.
  const byMember = derivedOnce((resolve: ResolveGroup) => holdersOf(surveys, resolve));
  const withoutIds = surveys.filter(({ source }) => source !== 'inventory');
  // Which channels share a cluster changes with the snapshot, not with the counts.
  const byCluster = derivedOnce((planeOf: PlaneOf) => grouped(withoutIds, (survey) => clusterOf(survey, planeOf)));
  return {
    surveys,
    of: (channel) => byChannel.get(channel) ?? NOTHING,
    surveysOf: (channel) => own.get(channel) ?? NO_SURVEYS,
    clusterSurveys: (controlPlane, planeOf) => byCluster(planeOf).get(controlPlane) ?? NO_SURVEYS,
    holders: (channel, resolve) => [...(byMember(resolve).get(channel) ?? [])],
  };
}

function holdersOf(surveys: readonly Survey[], resolve: ResolveGroup): ReadonlyMap<string, ReadonlySet<string>> {
  const holders = new Map<string, Set<string>>();
  const add = (group: string, holder: string, wasNamed: boolean) => {
    const { channel, named } = resolve(group);
    // A group that led nowhere and still does has not moved.
    if (channel === holder || (!named && !wasNamed)) return;
    const known = holders.get(channel) ?? new Set();
    holders.set(channel, known.add(holder));
  };
  for (const { channel, groups = {}, unmappedGroups } of surveys) {
    for (const [group, holder] of Object.entries(groups)) add(group, holder, true);
    for (const group of Object.keys(unmappedGroups)) add(group, channel, false);
  }
  return holders;
}

function clusterOf({ channel }: Survey, planeOf: PlaneOf): string[] {
  const plane = channel.startsWith('@') ? channel.slice(1) : planeOf(channel);
  return plane === null ? [] : [plane];
}

function grouped<T>(items: readonly T[], keysOf: (item: T) => readonly string[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    for (const key of keysOf(item)) {
      const group = groups.get(key);
      if (group) group.push(item);
      else groups.set(key, [item]);
    }
  }
  return groups;
}
