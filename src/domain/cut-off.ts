import { countStrictest } from './agent-findings.ts';
import { agentVersion } from './agent-version.ts';
import type { Population } from './census.ts';
import { type ControlPlane, highestOf, lowestOf } from './control-plane.ts';
import { hopFaults } from './release-line.ts';
import { requireVersion } from './version.ts';

/** What a control plane runs, as far as it was reported. */
export type ReportedPlane = Pick<ControlPlane, 'version' | 'highest'>;

/**
 * Does the control plane refuse agents at a version? An agent whose version cannot be read is not said to be refused.
 */
export type IsCutOff = (agent: string) => boolean;

const NONE: IsCutOff = () => false;

/**
 * Which agents the control plane refuses where it runs now: those that are not of its own major or the one before (RFD
 * 12), for each of its parts. A report of a control plane is a fact and passes no gate, so it may be where it should
 * not be. One that was not reported cuts no agent off.
 */
export function createIsCutOff(plane: ReportedPlane | undefined): IsCutOff {
  if (!plane) return NONE;
  const parts = [...new Set([lowestOf(plane), highestOf(plane)])].map(requireVersion);
  return (agent) => {
    const version = agentVersion(agent);
    return version !== null && parts.some((part) => hopFaults(version, part).length > 0);
  };
}

/** The agents that the control plane cuts off; each count believed where it cuts off most. */
export const cutOffBy = (plane: ReportedPlane | undefined, { headcounts }: Pick<Population, 'headcounts'>): number =>
  plane ? countStrictest(headcounts, createIsCutOff(plane)).stranded : 0;
