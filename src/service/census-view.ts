import { strandedBy } from '../domain/agent-findings.ts';
import { compareAgentVersions, UNREADABLE } from '../domain/agent-version.ts';
import {
  type Evidence,
  highestCounts,
  type LabelCounts,
  oldestOf,
  type Population,
  total,
  type VersionCounts,
} from '../domain/census.ts';
import { createIsCutOff, cutOffBy, type ReportedPlane } from '../domain/cut-off.ts';
import { type Distance, measureDistance } from '../domain/distance.ts';
import type { Catalogue } from '../domain/release.ts';
import { requireVersion } from '../domain/version.ts';
import type { WatchScope } from '../domain/watch-scope.ts';

interface VersionCount {
  version: string;
  count: number;
}

/** A channel's agents, by source and version. */
export interface Census {
  channel: string;
  target: string | null;
  /** Agents that some source knows of, each counted once. */
  agents: number;
  oldest: VersionCount | null;
  /**
   * Newest version first; where sources differ, the highest count. Agents whose version cannot be read are left out.
   */
  versions: VersionCount[];
  /** Agents of those whose version cannot be read. */
  unreadable: number;
  /** The same agents by their way to the target; null without a target. */
  distance: Distance | null;
  /** Agents that the present target strands, as the gate counts them. */
  stranded: number;
  /** Agents that the channel's control plane refuses where it was reported. */
  cutOff: number;
  /** Most agents first, as far as a source reports them; null: agents that name none. */
  groups: { group: string | null; count: number }[];
  updaters: { updater: string | null; count: number }[];
  /** Agents that go back and forth between versions, and those that went back by themselves. */
  contested: number;
  reverted: number;
  /** Agents whose updater is pinned, disabled or unreadable on its host. */
  updaterStates: { pinned: number; disabled: number; unreadable: number; failing: number };
  /** Instances that had expired when their inventory was taken; no part of any other count. */
  expired: number;
  /** Agents that check in without being enrolled; no part of any other count. */
  unenrolled: number;
  /** Connected agents of the cluster that have no updater; no part of any other count. */
  unmanaged: number;
  /** Agents of groups that are no channel of their own. */
  unmappedGroups: { group: string; count: number }[];
  /** Release lines of agents whose check-ins were too many to be counted; mostly empty. */
  uncounted: string[];
  /** What is watched of the last move; null if no move is watched. */
  watch: WatchScope | null;
  sources: (Omit<Evidence, 'versions'> & { agents: number; oldest: VersionCount | null; versions: VersionCount[] })[];
}

export function viewCensus(
  channel: { name: string; target: string | null },
  population: Population,
  catalogue: Catalogue,
  plane: ReportedPlane | undefined,
  watch: WatchScope | null,
): Census {
  const { evidence, known, unenrolled, marks } = population;
  const counts = highestCounts(known);
  const agents = Math.max(0, ...known.map(total));
  return {
    channel: channel.name,
    target: channel.target,
    agents,
    oldest: oldestOf(counts),
    versions: newestFirst(counts),
    unreadable: counts.get(UNREADABLE) ?? 0,
    distance:
      channel.target === null
        ? null
        : measureDistance(counts, requireVersion(channel.target), catalogue, createIsCutOff(plane)),
    stranded: strandedBy(channel.target, population),
    cutOff: cutOffBy(plane, population),
    groups: byLabel(population.groups, agents).map(([group, count]) => ({ group, count })),
    updaters: byLabel(population.updaters, agents).map(([updater, count]) => ({ updater, count })),
    contested: marks.contested,
    reverted: marks.reverted,
    updaterStates: {
      ...{ pinned: marks.pinned, disabled: marks.disabled, unreadable: marks.unreadable },
      failing: marks.failing,
    },
    expired: marks.expired,
    unenrolled,
    unmanaged: total(population.unmanaged),
    unmappedGroups: mostFirst(population.unmappedGroups).map(([group, count]) => ({ group, count })),
    uncounted: population.uncounted,
    watch,
    sources: evidence.map(({ versions, ...source }) => {
      return { ...source, agents: total(versions), oldest: oldestOf(versions), versions: newestFirst(versions) };
    }),
  };
}

/** Most first, and last, by null, those of the agents that have no label. */
function byLabel(counts: LabelCounts, agents: number): [string | null, number][] {
  const rest = agents - total(counts);
  return rest > 0 ? [...mostFirst(counts), [null, rest]] : mostFirst(counts);
}

const mostFirst = (counts: LabelCounts): [string, number][] =>
  [...counts].sort(([a, most], [b, more]) => more - most || (a < b ? -1 : 1));

const newestFirst = (counts: VersionCounts): VersionCount[] =>
  [...counts]
    .filter(([version]) => version !== UNREADABLE)
    .sort(([a], [b]) => compareAgentVersions(b, a))
    .map(([version, count]) => ({ version, count }));
