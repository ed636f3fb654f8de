import { type EvidenceSource, highestCounts, oldestOf, type Population, total, type VersionCounts } from './census.ts';
import { type ArtifactSet, type Catalogue, missingArtifacts, newestFirst } from './release.ts';
import { HOP_FAULTS, type HopFault, hopFaults } from './release-line.ts';
import { oldestSupportedMajor } from './support.ts';
import { compareVersions, requireVersion, type Version, type VersionKind } from './version.ts';

export const REFUSAL_REASONS = [
  ...HOP_FAULTS,
  'target_ahead_of_control_plane',
  'target_behind_control_plane',
  'kind_not_accepted',
  'release_pulled',
  'release_embargoed',
  'artifacts_missing',
  'unknown_release',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** What no one may override, however many agents he accepts to strand. */
const UNBREAKABLE: ReadonlySet<RefusalReason> = new Set(['release_pulled', 'release_embargoed']);

export const WARNING_REASONS = [
  'target_ahead_of_control_plane',
  'control_plane_unknown',
  'route_behind_control_plane',
  'out_of_support',
  'unknown_agent_version',
] as const;
export type WarningReason = (typeof WARNING_REASONS)[number];

/** One finding: what is wrong, for which agents, and what to do about it. */
export interface Finding<R = RefusalReason | WarningReason> {
  reason: R;
  /** The version of the agents concerned; of the stop, where a route is. */
  version?: string;
  /** How many agents are concerned. */
  count?: number;
  detail: string;
}

export function unknownRelease(version: string): Finding<'unknown_release'> {
  return { reason: 'unknown_release', detail: `${version} is not in the catalogue of releases; register it first` };
}

/** The verdict on a target, with all that led to it. */
export interface Report {
  allowed: boolean;
  target: string;
  controlPlane: string | null;
  /** Enrolled agents, nobody counted twice. */
  agents: number;
  oldest: { version: string; count: number } | null;
  /** Agents for which at least one refusing reason holds. */
  stranded: number;
  reasons: Finding<RefusalReason>[];
  warnings: Finding<WarningReason>[];
  evidence: {
    source: EvidenceSource;
    complete: boolean;
    fresh: boolean;
    agents: number;
    oldest: { version: string; count: number } | null;
    /** Seconds. */
    age: number | null;
  }[];
  /** Releases to go through, the target last, when the oldest agent cannot go there in one hop. */
  route: string[] | null;
}

export interface Policy {
  /** The kinds of version that the channel accepts. */
  accepts: readonly VersionKind[];
  /** Do the channel's agents install Helm charts? */
  needsHelm: boolean;
  catalogue: Catalogue;
  /** Refuse what the catalogue does not hold. */
  strict: boolean;
}

/** The control plane that a channel's agents connect to; `version` is null while nobody has reported it. */
export interface ControlPlaneState {
  name: string;
  version: Version | null;
}

/**
 * May the channel tell its agents to run `target`? Answers with every reason, not the first.
 * The rules are RFD 12's (Compatibility), RFD 134's ("any Cloud release must be always compatible with the oldest
 * version of an agent that's connected to Cloud and enrolled in automatic upgrades") and RFD 109's for the control plane.
 * `controlPlane` is null where the channel has none.
 */
export function assess(
  target: Version,
  population: Population,
  controlPlane: ControlPlaneState | null,
  policy: Policy,
): Report {
  const agents = highestCounts(population.headcounts);
  const agentReasons = findHopFaults(target, agents);
  const planeReasons = findControlPlaneFaults(target, controlPlane);
  const reasons = [...agentReasons, ...planeReasons, ...findReleaseFaults(target, policy)];
  const strandedVersions = new Set(agentReasons.map(({ version }) => version));
  const oldest = oldestOf(agents);
  const route = oldest && findRoute(requireVersion(oldest.version), target, policy);
  return {
    allowed: reasons.length === 0,
    target: target.text,
    controlPlane: controlPlane?.version?.text ?? null,
    ...countStrictest(population.headcounts, (version) => planeReasons.length > 0 || strandedVersions.has(version)),
    oldest,
    reasons,
    warnings: [
      ...findWarnings(target, agents, population, controlPlane, policy.catalogue),
      ...findRouteWarnings(route, controlPlane),
    ],
    evidence: summarise(population),
    route,
  };
}

/**
 * May the target be set in spite of the report? `accepted` is the number of agents that the operator accepts to strand:
 * it must be the report's, so that nobody breaks the glass over a population that he has not seen.
 */
export function mayOverride(report: Report, accepted: number): boolean {
  return accepted === report.stranded && !report.reasons.some(({ reason }) => UNBREAKABLE.has(reason));
}

/** What each source says, in short. */
export function summarise(population: Population): Report['evidence'] {
  return population.evidence.map(({ source, complete, fresh, age, versions }) => {
    return { source, complete, fresh, agents: total(versions), oldest: oldestOf(versions), age };
  });
}

/** Where headcounts differ the one that strands most agents is believed. */
export function countStrictest(
  headcounts: readonly VersionCounts[],
  strands: (version: string) => boolean,
): { agents: number; stranded: number } {
  let agents = 0;
  let stranded = 0;
  for (const counts of headcounts) {
    agents = Math.max(agents, total(counts));
    stranded = Math.max(stranded, total(new Map([...counts].filter(([version]) => strands(version)))));
  }
  return { agents, stranded };
}

const HOP_DETAILS: Record<HopFault, (agents: string, target: Version) => string> = {
  agent_too_old: (agents, target) =>
    `${agents} would skip a major on the way to ${target.text}; bring them to ${target.major - 1}.x first`,
  major_downgrade: (agents, target) =>
    `${agents} would go back a major to ${target.text}; choose a target of their major or later`,
  legacy_skip: (agents, target) =>
    `${agents} would skip a release line on the way to ${target.text}; before 6.0 go through every X.Y`,
};

function findHopFaults(target: Version, agents: VersionCounts): Finding<HopFault>[] {
  return ascending(agents).flatMap(([version, count]) =>
    hopFaults(requireVersion(version), target).map((reason) => {
      return { reason, version, count, detail: HOP_DETAILS[reason](describeAgents(count, version), target) };
    }),
  );
}

function findControlPlaneFaults(target: Version, plane: ControlPlaneState | null): Finding<RefusalReason>[] {
  if (!plane?.version) return [];
  const { name, version } = plane;
  if (target.major > version.major) {
    const detail = `${target.text} is a major ahead of control plane ${name} (${version.text}), which would refuse its agents; upgrade the control plane first`;
    return [{ reason: 'target_ahead_of_control_plane', detail }];
  }
  if (version.major - target.major > 1) {
    const detail = `${target.text} is more than a major behind control plane ${name} (${version.text}), which would refuse its agents; choose ${version.major - 1}.x or later`;
    return [{ reason: 'target_behind_control_plane', detail }];
  }
  return [];
}

/** What the channel's settings and the catalogue have against a release, whoever its agents are. */
export function findReleaseFaults(
  target: Version,
  { accepts, needsHelm, catalogue, strict }: Policy,
): Finding<RefusalReason>[] {
  const findings: Finding<RefusalReason>[] = [];
  if (!accepts.includes(target.kind)) {
    const detail = `the channel accepts ${accepts.join(' and ')} versions, and ${target.text} is of kind ${target.kind}`;
    findings.push({ reason: 'kind_not_accepted', detail });
  }
  const release = catalogue.get(target.text);
  if (!release) {
    return strict ? [...findings, unknownRelease(target.text)] : findings;
  }
  if (release.pulled) {
    const detail = `${target.text} was pulled by ${release.pulled.by}: ${release.pulled.reason}; choose another release`;
    findings.push({ reason: 'release_pulled', detail });
  }
  if (release.embargoed) {
    const detail = `${target.text} is under embargo; lift the embargo first`;
    findings.push({ reason: 'release_embargoed', detail });
  }
  for (const set of missingArtifacts(release, needsHelm)) {
    const { state } = release.artifacts[set];
    const detail = `${ARTIFACT_NAMES[set]} of ${target.text} are ${state}, so agents could not install it; publish them first`;
    findings.push({ reason: 'artifacts_missing', detail });
  }
  return findings;
}

const ARTIFACT_NAMES: Record<ArtifactSet, string> = {
  controlPlane: "the control plane's artifacts",
  packages: 'the packages',
  helm: 'the Helm charts',
};

function findWarnings(
  target: Version,
  agents: VersionCounts,
  population: Population,
  plane: ControlPlaneState | null,
  catalogue: Catalogue,
): Finding<WarningReason>[] {
  const warnings: Finding<WarningReason>[] = [];
  if (plane && !plane.version) {
    const detail = `nobody has reported the version of control plane ${plane.name}; whether it accepts ${target.text} is unknown`;
    warnings.push({ reason: 'control_plane_unknown', detail });
  }
  if (plane?.version?.major === target.major && compareVersions(target, plane.version) > 0) {
    const detail = `${target.text} is newer than control plane ${plane.name} (${plane.version.text}); the control plane should go first`;
    warnings.push({ reason: 'target_ahead_of_control_plane', detail });
  }
  const supported = oldestSupportedMajor(catalogue);
  for (const [version, count] of ascending(agents)) {
    if (supported !== null && requireVersion(version).major < supported) {
      const detail = `${describeAgents(count, version)} ${count === 1 ? 'is' : 'are'} out of support, which begins at ${supported}.0.0`;
      warnings.push({ reason: 'out_of_support', version, count, detail });
    }
  }
  for (const { source, skipped } of population.evidence) {
    if (skipped === 0) continue;
    const detail = `the version of ${skipped} enrolled ${plural(skipped)} in ${source} could not be read; they count for nothing here`;
    warnings.push({ reason: 'unknown_agent_version', count: skipped, detail });
  }
  return warnings;
}

/**
 * A stop that is too far behind the control plane stays in the route: agents that follow the channel do go there where it
 * is the target already, or where an admin accepts what it strands.
 */
function findRouteWarnings(route: string[] | null, plane: ControlPlaneState | null): Finding<WarningReason>[] {
  return (route ?? []).slice(0, -1).flatMap((version) => {
    const [fault] = findControlPlaneFaults(requireVersion(version), plane);
    if (fault?.reason !== 'target_behind_control_plane') return [];
    const where = `more than a major behind control plane ${plane?.name} (${plane?.version?.text})`;
    const detail = `${version}, on the way there, is ${where}, so the gate refuses it as well; upgrade those agents by hand`;
    return [{ reason: 'route_behind_control_plane', version, detail }];
  });
}

/**
 * The shortest list of known releases that brings an agent from `from` to `target` in legal hops, the target last;
 * null when it needs no stop on the way, and when the catalogue knows none.
 */
export function findRoute(from: Version, target: Version, policy: Policy): string[] | null {
  const stops = newestFirst(policy.catalogue.values()).filter((stop) => {
    // A stop is a target on the way, so the gate must let it pass too.
    const servable = findReleaseFaults(stop, policy).length === 0;
    return servable && compareVersions(stop, target) < 0 && compareVersions(stop, from) > 0;
  });
  const route: string[] = [];
  let at = from;
  while (hopFaults(at, target).length > 0) {
    // Lines are ordered, so the farthest legal hop is never the wrong one.
    const next = stops.find((stop) => compareVersions(stop, at) > 0 && hopFaults(at, stop).length === 0);
    if (!next) return null;
    route.push(next.text);
    at = next;
  }
  return route.length === 0 ? null : [...route, target.text];
}

/** Counts, the lowest version first. */
export const ascending = (counts: VersionCounts): [string, number][] =>
  [...counts].sort(([a], [b]) => compareVersions(a, b));

export const describeAgents = (count: number, version: string): string => `${count} ${plural(count)} at ${version}`;

const plural = (count: number): string => (count === 1 ? 'agent' : 'agents');
