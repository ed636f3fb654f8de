import { agentFaults } from './agent-findings.ts';
import { agentVersion } from './agent-version.ts';
import type { VersionCounts } from './census.ts';
import type { IsCutOff } from './cut-off.ts';
import type { Catalogue } from './release.ts';
import { oldestSupportedMajor, SUPPORTED_MAJORS } from './support.ts';
import { compareVersions, type Version } from './version.ts';

/** How far agents are from a target. Each agent is in exactly one class; `stranded` is counted separately. */
export interface Distance {
  atTarget: number;
  /** Behind, in the target's major. */
  behind: number;
  /** Behind by a major or more, and still supported. */
  majorBehind: number;
  outOfSupport: number;
  ahead: number;
  /** Refused by their control plane, at whatever version. */
  cutOff: number;
  /** Agents that must not go to the target in one hop. */
  stranded: number;
}

/** The classes of `Distance`, the farthest ahead first; those that are cut off last. */
export const STANDINGS = ['ahead', 'atTarget', 'behind', 'majorBehind', 'outOfSupport', 'cutOff'] as const;
export type Standing = (typeof STANDINGS)[number];

export function measureDistance(
  counts: VersionCounts,
  target: Version,
  catalogue: Catalogue,
  isCutOff: IsCutOff,
): Distance {
  const standingOf = createStandingOf(target, catalogue, isCutOff);
  const none = { atTarget: 0, behind: 0, majorBehind: 0, outOfSupport: 0, ahead: 0, cutOff: 0 };
  const distance: Distance = { ...none, stranded: 0 };
  for (const [version, count] of counts) {
    distance[standingOf(version)] += count;
    if (agentFaults(version, target, target).length > 0) distance.stranded += count;
  }
  return distance;
}

/** Returns the class of a version. Support is counted from the latest known major, or the target's if that is later. */
export function createStandingOf(
  target: Version,
  catalogue: Catalogue,
  isCutOff: IsCutOff,
): (version: string) => Standing {
  const supported = Math.max(oldestSupportedMajor(catalogue) ?? 0, target.major - SUPPORTED_MAJORS + 1);
  return (text) => {
    if (isCutOff(text)) return 'cutOff';
    const version = agentVersion(text);
    // An agent whose place is not known is at worst far behind.
    if (!version) return 'outOfSupport';
    const order = compareVersions(version, target);
    if (order === 0) return 'atTarget';
    if (order > 0) return 'ahead';
    if (version.major < supported) return 'outOfSupport';
    return version.major === target.major ? 'behind' : 'majorBehind';
  };
}
