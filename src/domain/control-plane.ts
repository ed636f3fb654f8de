import { highestCounts, type Population } from './census.ts';
import { ascending, countStrictest, describeAgents, type Finding, summarise } from './compatibility.ts';
import { hopFaults } from './release-line.ts';
import { compareVersions, requireVersion, type Version } from './version.ts';

/** A control plane as its operators last reported it. */
export interface ControlPlane {
  name: string;
  /** Canonical, without `v`. */
  version: string;
  updatedAt: string;
  updatedBy: string;
}

export const CONTROL_PLANE_REASONS = [
  'agent_too_old',
  'agent_too_new',
  'target_ahead_of_control_plane',
  'target_behind_control_plane',
  'recently_served',
  'control_plane_skips_major',
  'control_plane_major_downgrade',
] as const;
export type ControlPlaneReason = (typeof CONTROL_PLANE_REASONS)[number];

export type ControlPlaneFinding = Finding<ControlPlaneReason> & { channel?: string };

/** May this control plane be changed to `version`? */
export interface ControlPlaneReport {
  allowed: boolean;
  controlPlane: string;
  /** What it runs now; null while nobody has reported it. */
  current: string | null;
  version: string;
  agents: number;
  /** Agents that the changed control plane would refuse, or that would refuse it. */
  stranded: number;
  reasons: ControlPlaneFinding[];
  channels: { channel: string; target: string | null; evidence: ReturnType<typeof summarise> }[];
}

/** A channel whose agents connect to the control plane. */
export interface Fleet {
  channel: string;
  target: Version | null;
  population: Population;
  /** Former targets within their grace period: agents may still run them, whatever the evidence says (RFD 109). */
  recent: { version: string; until: string }[];
}

/**
 * May control plane `name`, now at `current`, go to `version`? Its agents must be of its own major or the one before
 * (RFD 12), an auth server starts at most one major up and none down, and what its channels serve must stay
 * connectable (RFD 109: the control plane keeps compatibility with the targets served).
 */
export function assessControlPlane(
  name: string,
  version: Version,
  current: Version | null,
  fleets: Fleet[],
): ControlPlaneReport {
  const assessments = fleets.map((fleet) => assessFleet(version, fleet));
  const reasons = [...findUpgradeFaults(version, current), ...assessments.flatMap((fleet) => fleet.reasons)];
  return {
    allowed: reasons.length === 0,
    controlPlane: name,
    current: current?.text ?? null,
    version: version.text,
    agents: assessments.reduce((sum, { agents }) => sum + agents, 0),
    stranded: assessments.reduce((sum, { stranded }) => sum + stranded, 0),
    reasons,
    channels: fleets.map(({ channel, target, population }) => {
      return { channel, target: target?.text ?? null, evidence: summarise(population) };
    }),
  };
}

function findUpgradeFaults(version: Version, current: Version | null): ControlPlaneFinding[] {
  if (!current) return [];
  if (version.major < current.major) {
    const detail = `an auth server refuses to go back from ${current.text} to ${version.text}; restore a backup of the older major instead`;
    return [{ reason: 'control_plane_major_downgrade', detail }];
  }
  if (version.major - current.major > 1) {
    const detail = `an auth server refuses to go from ${current.text} to ${version.text} at once; go to ${current.major + 1}.x first`;
    return [{ reason: 'control_plane_skips_major', detail }];
  }
  return [];
}

function assessFleet(version: Version, { channel, target, population, recent }: Fleet) {
  const strands = (agent: string) => hopFaults(requireVersion(agent), version).length > 0;
  const reasons: ControlPlaneFinding[] = ascending(highestCounts(population.headcounts))
    .filter(([agent]) => strands(agent))
    .map(([agent, count]) => {
      const tooOld = compareVersions(agent, version) < 0;
      const before =
        requireVersion(agent).major < version.major ? `${version.major - 1}.x` : 'the release line before it';
      const detail = tooOld
        ? `${describeAgents(count, agent)} on ${channel} would be refused by ${version.text}; bring them to ${before} first`
        : `${describeAgents(count, agent)} on ${channel} would refuse a control plane of a lower major`;
      return { reason: tooOld ? 'agent_too_old' : 'agent_too_new', channel, version: agent, count, detail };
    });
  if (target && target.major > version.major) {
    const detail = `${channel} serves ${target.text}, a major ahead of ${version.text}; roll it back first`;
    reasons.push({ reason: 'target_ahead_of_control_plane', channel, detail });
  }
  if (target && version.major - target.major > 1) {
    const detail = `${channel} serves ${target.text}, more than a major behind ${version.text}; roll it forward first`;
    reasons.push({ reason: 'target_behind_control_plane', channel, detail });
  }
  for (const former of recent.filter((each) => strands(each.version))) {
    const detail = `${channel} served ${former.version} until ${former.until}, and agents may still run it; wait until its grace period is over`;
    reasons.push({ reason: 'recently_served', channel, version: former.version, detail });
  }
  return { reasons, ...countStrictest(population.headcounts, strands) };
}
