import { ascending, countStrictest, describeAgents, findDoubts, plural } from './agent-findings.ts';
import { agentVersion, UNREADABLE } from './agent-version.ts';
import { highestCounts, type Population } from './census.ts';
import { summarise, unknownRelease } from './compatibility.ts';
import { type Components, type ControlPlane, readControlPlaneVersion, runningAt } from './control-plane.ts';
import type { Finding } from './finding.ts';
import { describeMissing, missingFixes } from './fixes.ts';
import type { Catalogue } from './release.ts';
import { hopFaults } from './release-line.ts';
import { compareVersions, type Version } from './version.ts';
import { clock } from './words.ts';

export const CONTROL_PLANE_REASONS = [
  'agent_too_old',
  'agent_too_new',
  'target_ahead_of_control_plane',
  'target_behind_control_plane',
  'recently_served',
  'control_plane_skips_major',
  'control_plane_skips_line',
  'control_plane_major_downgrade',
  'unknown_agent_version',
  'unmanaged_agents',
  'tools_refused',
  'release_pulled',
  'artifacts_missing',
  'fix_missing',
  'unknown_release',
] as const;
export type ControlPlaneReason = (typeof CONTROL_PLANE_REASONS)[number];

/**
 * Why no control plane should be changed to a release, whatever its agents (RFD 134, Rollbacks and artifacts).
 * `catalogue` has what the caller may see; a strict one refuses what it does not hold. A release under embargo may run
 * on control planes (RFD 134, Security releases).
 */
export function findPlaneReleaseFaults(version: Version, catalogue: Catalogue, strict: boolean): ControlPlaneFinding[] {
  const release = catalogue.get(version.text);
  if (!release) return strict ? [unknownRelease(version.text)] : [];
  if (release.pulled) {
    const detail = `${version.text} was pulled by ${release.pulled.by}: ${release.pulled.reason}; choose another release`;
    return [{ reason: 'release_pulled', detail }];
  }
  const { state } = release.artifacts.controlPlane;
  if (state === 'published') return [];
  const detail = `the control plane's artifacts of ${version.text} are ${state}; publish them first`;
  return [{ reason: 'artifacts_missing', detail }];
}

/** Fixes under embargo that the control plane runs and would lose. */
export const findLostFixes = (plane: ControlPlane, target: Version, catalogue: Catalogue): ControlPlaneFinding[] =>
  missingFixes(catalogue, target, runningAt(plane)).map((fix) => {
    return { reason: 'fix_missing', detail: describeMissing(target.text, fix, plane.name) };
  });

/** What is worth knowing about a release that a control plane may be changed to. */
export function findPlaneReleaseWarnings(version: Version, catalogue: Catalogue): ControlPlaneDoubt[] {
  if (!catalogue.get(version.text)?.embargoed) return [];
  const lift = `fairway releases lift-embargo ${version.text} --reason WHY`;
  const detail = `${version.text} is under embargo: control planes may run it, and no channel serves it; to lift it: ${lift}`;
  return [{ reason: 'release_embargoed', detail }];
}

export const CONTROL_PLANE_WARNINGS = [
  'components_apart',
  'unmanaged_agents',
  'unknown_agent_version',
  'evidence_stale',
  'evidence_settling',
  'agents_uncounted',
  'release_embargoed',
] as const;
export type ControlPlaneWarning = (typeof CONTROL_PLANE_WARNINGS)[number];

export type ControlPlaneFinding = Finding<ControlPlaneReason> & { channel?: string };
export type ControlPlaneDoubt = Finding<ControlPlaneWarning> & { channel?: string };

/** Are connected agents without an updater, which no target moves, a reason against a version or a warning? */
export type UnmanagedPolicy = 'warn' | 'refuse';

/** May this control plane be changed to `version`? */
export interface ControlPlaneReport {
  allowed: boolean;
  controlPlane: string;
  /** The lowest version that it runs now, and the highest; null where that is not known. */
  current: string | null;
  currentHighest: string | null;
  version: string;
  agents: number;
  /** Agents that the changed control plane would refuse, or that would refuse it. */
  stranded: number;
  reasons: ControlPlaneFinding[];
  warnings: ControlPlaneDoubt[];
  channels: { channel: string; target: string | null; evidence: ReturnType<typeof summarise> }[];
}

/** A channel whose agents connect to the control plane. */
export interface Fleet {
  channel: string;
  target: Version | null;
  /** What client tools are served, where that is not the target. */
  tools?: Version | null;
  population: Population;
  /** Former targets within their grace period: agents may still run them, whatever the evidence says (RFD 109). */
  recent: { version: string; until: string }[];
}

/** What a control plane runs now: the lowest and the highest version. */
export interface CurrentVersions {
  lowest: Version;
  highest: Version;
  /** What its components run, where they were reported. */
  components?: Components | undefined;
}

/**
 * May control plane `name` go from `current` to `version`? Its agents and client tools must be of its own major or the
 * one before (RFD 12), an auth server starts at most one major up and none down, and what its channels serve must stay
 * connectable (RFD 109: the control plane keeps compatibility with the targets served). `current` is null where nothing
 * was reported.
 */
export function assessControlPlane(
  name: string,
  version: Version,
  current: CurrentVersions | null,
  fleets: Fleet[],
  unmanagedPolicy: UnmanagedPolicy,
): ControlPlaneReport {
  const assessments = fleets.map((fleet) => assessFleet(version, current, fleet));
  const unmanaged = findUnmanaged(version, current, fleets);
  const refused = unmanagedPolicy === 'refuse';
  const reasons: ControlPlaneFinding[] = [
    ...findUpgradeFaults(version, current),
    ...assessments.flatMap((fleet) => fleet.reasons),
    ...(refused ? unmanaged : []),
  ];
  return {
    allowed: reasons.length === 0,
    controlPlane: name,
    current: current?.lowest.text ?? null,
    currentHighest: current?.highest.text ?? null,
    version: version.text,
    agents: assessments.reduce((sum, { agents }) => sum + agents, 0),
    stranded: assessments.reduce((sum, { stranded }) => sum + stranded, 0),
    reasons,
    warnings: [
      ...findApart(name, current),
      ...assessments.flatMap((fleet) => fleet.warnings),
      ...(refused ? [] : unmanaged),
    ],
    channels: fleets.map(({ channel, target, population }) => {
      return { channel, target: target?.text ?? null, evidence: summarise(population) };
    }),
  };
}

/**
 * The component that is farthest behind is judged by how far it goes up, the one that is farthest ahead by going back.
 */
function findUpgradeFaults(version: Version, current: CurrentVersions | null): ControlPlaneFinding[] {
  if (!current) return [];
  const { lowest, highest } = current;
  const reasons: ControlPlaneFinding[] = [];
  if (version.major < highest.major) {
    const remedy = 'restore a backup of the older major instead';
    const detail = `an auth server refuses to go back from ${highest.text} to ${version.text}; ${remedy}`;
    reasons.push({ reason: 'control_plane_major_downgrade', detail });
  }
  if (version.major - lowest.major > 1) {
    const remedy = `go to ${lowest.major + 1}.x first`;
    const detail = `an auth server refuses to go from ${lowest.text} to ${version.text} at once; ${remedy}`;
    reasons.push({ reason: 'control_plane_skips_major', detail });
  }
  const skips = [lowest, highest].find((part) => hopFaults(part, version).join() === 'legacy_skip');
  if (skips) {
    const detail = `from ${skips.text} to ${version.text} a release line is skipped; before 6.0 go through every X.Y (RFD 12)`;
    reasons.push({ reason: 'control_plane_skips_line', detail });
  }
  return reasons;
}

/** The parts of one control plane against each other: each must accept the others (RFD 12). */
function findApart(name: string, current: CurrentVersions | null): ControlPlaneDoubt[] {
  if (!current) return [];
  const { lowest, highest, components = {} } = current;
  const faults = hopFaults(lowest, highest);
  const apart = faults.length > 0 ? 'too far apart to work together' : 'a major apart';
  const found: ControlPlaneDoubt[] = [];
  if (faults.length > 0 || lowest.major !== highest.major) {
    const detail = `parts of control plane ${name} run ${lowest.text} and ${highest.text}, ${apart}; finish its upgrade first`;
    found.push({ reason: 'components_apart', detail });
  }
  return [...found, ...findAheadOfAuth(name, components)];
}

/** All other components are clients of the auth server, which refuses those of a later major. */
function findAheadOfAuth(name: string, components: Components): ControlPlaneDoubt[] {
  const [auth] = sortedVersions(components.auth ?? []);
  if (!auth) return [];
  return Object.entries(components).flatMap(([component, versions]): ControlPlaneDoubt[] => {
    const highest = sortedVersions(versions).at(-1);
    if (component === 'auth' || !highest || highest.major <= auth.major) return [];
    const detail = `${component} of control plane ${name} runs ${highest.text}, and auth (${auth.text}) refuses a later major; upgrade auth first`;
    return [{ reason: 'components_apart', detail }];
  });
}

const sortedVersions = (versions: readonly string[]): Version[] =>
  versions.flatMap((text) => readControlPlaneVersion(text) ?? []).sort(compareVersions);

/** Within the major that the whole control plane runs, no agent is cut off that is not cut off already. */
const staysInMajor = (version: Version, current: CurrentVersions | null): boolean =>
  current?.lowest.major === version.major && current.highest.major === version.major;

/** Would the control plane at `version` refuse the agent, or the agent it? An unreadable agent may be any. */
function strandsAgent(agent: string, version: Version, current: CurrentVersions | null): boolean {
  const readable = agentVersion(agent);
  return readable ? hopFaults(readable, version).length > 0 : !staysInMajor(version, current);
}

/** Figures of the unmanaged are those of the whole cluster, so channels share them. */
function findUnmanaged(
  version: Version,
  current: CurrentVersions | null,
  fleets: Fleet[],
): Finding<'unmanaged_agents'>[] {
  return ascending(highestCounts(fleets.map(({ population }) => population.unmanaged)))
    .filter(([agent]) => strandsAgent(agent, version, current))
    .map(([agent, count]) => {
      const who = agentVersion(agent) ? describeAgents(count, agent) : `${count} ${plural(count)} of unknown version`;
      const todo = 'no target moves them, so upgrade them by hand';
      const detail = `${who} without an updater would be cut off by ${version.text}; ${todo}`;
      return { reason: 'unmanaged_agents', version: agent, count, detail };
    });
}

function assessFleet(
  version: Version,
  current: CurrentVersions | null,
  { channel, target, tools = null, population, recent }: Fleet,
) {
  const strands = (agent: string) => strandsAgent(agent, version, current);
  const agents = ascending(highestCounts(population.headcounts));
  const reasons: ControlPlaneFinding[] = agents
    .filter(([agent]) => strands(agent))
    .map(([agent, count]) => describeStranded(agent, count, channel, version));
  if (target && target.major > version.major) {
    const detail = `${channel} serves ${target.text}, a major ahead of ${version.text}; roll it back first`;
    reasons.push({ reason: 'target_ahead_of_control_plane', channel, detail });
  }
  if (target && version.major - target.major > 1) {
    const detail = `${channel} serves ${target.text}, more than a major behind ${version.text}; roll it forward first`;
    reasons.push({ reason: 'target_behind_control_plane', channel, detail });
  }
  if (tools && (tools.major > version.major || version.major - tools.major > 1)) {
    const todo = `set another version: fairway channel set ${channel} --tools-version VERSION`;
    const detail = `${channel} serves ${tools.text} to client tools, which ${version.text} would refuse; ${todo}`;
    reasons.push({ reason: 'tools_refused', channel, version: tools.text, detail });
  }
  for (const former of recent.filter((each) => strands(each.version))) {
    const remedy = 'wait until its grace period is over';
    const detail = `${channel} served ${former.version} until ${clock(former.until)}, and agents may still run it; ${remedy}`;
    reasons.push({ reason: 'recently_served', channel, version: former.version, detail });
  }
  const warnings: ControlPlaneDoubt[] = [
    ...agents
      .filter(([agent]) => agentVersion(agent) === null && !strands(agent))
      .map(([agent, count]): ControlPlaneDoubt => {
        const detail = describeUnreadable(count, channel, `and ${version.text} is of the major that runs now`);
        return { reason: 'unknown_agent_version', channel, version: agent, count, detail };
      }),
    ...findDoubts(population, channel).map((doubt) => ({ ...doubt, channel })),
  ];
  return { reasons, warnings, ...countStrictest(population.headcounts, strands) };
}

function describeStranded(agent: string, count: number, channel: string, version: Version): ControlPlaneFinding {
  const readable = agentVersion(agent);
  const finding = { channel, version: agent, count };
  if (!readable) {
    const detail = describeUnreadable(count, channel, `so ${version.text} may cut them off`);
    return { reason: 'unknown_agent_version', ...finding, detail };
  }
  const who = `${describeAgents(count, agent)} on ${channel}`;
  if (compareVersions(readable, version) > 0) {
    return { reason: 'agent_too_new', ...finding, detail: `${who} would refuse a control plane of a lower major` };
  }
  const before = readable.major < version.major ? `${version.major - 1}.x` : 'the release line before it';
  const detail = `${who} would be refused by ${version.text}; bring them to ${before} first`;
  return { reason: 'agent_too_old', ...finding, detail };
}

const describeUnreadable = (count: number, channel: string, so: string): string =>
  `the version of ${count} ${plural(count)} on ${channel} cannot be read, ${so}; find them with: fairway agents --version '${UNREADABLE}'`;
