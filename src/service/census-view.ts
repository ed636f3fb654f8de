import type { EvidenceSource } from '../domain/census.ts';
import {
  highestCounts,
  type LabelCounts,
  oldestOf,
  type Population,
  total,
  type VersionCounts,
} from '../domain/census.ts';
import type { Channel } from '../domain/channel.ts';
import { type Distance, measureDistance } from '../domain/distance.ts';
import type { Catalogue } from '../domain/release.ts';
import { compareVersions, requireVersion } from '../domain/version.ts';

interface VersionCount {
  version: string;
  count: number;
}

/** A channel's agents, by source and version. */
export interface Census {
  channel: string;
  target: string | null;
  /** Agents that fresh evidence knows of, nobody counted twice. */
  agents: number;
  oldest: VersionCount | null;
  /** Newest version first; where sources differ, the highest count. */
  versions: VersionCount[];
  /** Of the same agents; null without a target. */
  distance: Distance | null;
  /** Most agents first, as far as a source tells; null: agents that name none. */
  groups: { group: string | null; count: number }[];
  updaters: { updater: string | null; count: number }[];
  /** Agents that check in without being enrolled; no part of any other count. */
  unenrolled: number;
  sources: {
    source: EvidenceSource;
    complete: boolean;
    fresh: boolean;
    /** Seconds since it was gathered, or since the last check-in; null where that has no meaning. */
    age: number | null;
    agents: number;
    skipped: number;
    oldest: VersionCount | null;
    versions: VersionCount[];
  }[];
}

export function viewCensus(channel: Channel, population: Population, catalogue: Catalogue): Census {
  const { evidence, known, unenrolled } = population;
  const counts = highestCounts(known);
  const agents = Math.max(0, ...known.map(total));
  return {
    channel: channel.name,
    target: channel.target,
    agents,
    oldest: oldestOf(counts),
    versions: newestFirst(counts),
    distance: channel.target === null ? null : measureDistance(counts, requireVersion(channel.target), catalogue),
    groups: byLabel(population.groups, agents).map(([group, count]) => ({ group, count })),
    updaters: byLabel(population.updaters, agents).map(([updater, count]) => ({ updater, count })),
    unenrolled,
    sources: evidence.map(({ versions, ...source }) => {
      return { ...source, agents: total(versions), oldest: oldestOf(versions), versions: newestFirst(versions) };
    }),
  };
}

/** Most first, and last, by null, those of the agents that have no label. */
function byLabel(rivals: LabelCounts[], agents: number): [string | null, number][] {
  const counts = highestCounts(rivals);
  const labelled = [...counts].sort(([a, most], [b, more]) => more - most || (a < b ? -1 : 1));
  const rest = agents - total(counts);
  return rest > 0 ? [...labelled, [null, rest]] : labelled;
}

const newestFirst = (counts: VersionCounts): VersionCount[] =>
  [...counts].sort(([a], [b]) => compareVersions(b, a)).map(([version, count]) => ({ version, count }));
