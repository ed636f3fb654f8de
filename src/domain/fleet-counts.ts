import type { AgentMark } from './agent.ts';
import type { Survey } from './survey.ts';

/** Agents of one version on one channel. The version is as `readAgentVersion` or `lineOfAgent` gives it. */
export interface VersionTally {
  channel: string;
  version: string;
  agents: number;
}

/** Agents in dispute: some of those that count at `low`, which count at `high` as well (`countedVersions`). */
export interface DisputeTally {
  channel: string;
  low: string;
  high: string;
  agents: number;
}

/** Agents with one label, a group or an updater kind, on one channel. */
export interface LabelTally {
  channel: string;
  label: string;
  agents: number;
}

/** All that the store counts, for every channel. The size is that of the distinct versions, not of the agents. */
export interface FleetCounts {
  surveys: Survey[];
  /**
   * Every agent with an id, from whatever source, once on each channel that it counts on, at the version that counts.
   */
  known: VersionTally[];
  /** The agents in `known` whose sources disagree, by their lowest and highest version. */
  disputed: DisputeTally[];
  /** The account of check-ins alone, at the version that each reported. */
  checkIns: VersionTally[];
  /** The agents in `known` by group. */
  groups: LabelTally[];
  updaters: LabelTally[];
  marks: { channel: string; mark: AgentMark; agents: number }[];
  /** Agents that are seen and not enrolled. */
  unenrolled: { channel: string; agents: number }[];
  /** The newest check-in that was recorded; epoch milliseconds. */
  latest: { channel: string; at: number }[];
  /** What check-ins could not be counted. */
  uncounted: UncountedLine[];
}

/**
 * A release line (`lineOfAgent`) of check-ins that were refused for the limits of the store or dropped before they got
 * there, and when one last was; epoch milliseconds.
 */
export interface UncountedLine {
  channel: string;
  line: string;
  at: number;
}

/** What all agents together count, without the surveys of sources. */
export type Tallies = Omit<FleetCounts, 'surveys'>;

export function emptyTallies(): Tallies {
  return {
    known: [],
    disputed: [],
    checkIns: [],
    groups: [],
    updaters: [],
    marks: [],
    unenrolled: [],
    latest: [],
    uncounted: [],
  };
}
