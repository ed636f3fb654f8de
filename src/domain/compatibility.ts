import {
  AGENT_REASONS,
  agentFaults,
  countStrictest,
  findAgentFaults,
  findAgentWarnings,
  findDoubts,
  findExpired,
} from './agent-findings.ts';
import { agentVersion } from './agent-version.ts';
import { type Evidence, highestCounts, oldestOf, type Population, total } from './census.ts';
import type { Finding } from './finding.ts';
import { describeMissing, missingFixes } from './fixes.ts';
import { describeOverride, type Purpose } from './purpose.ts';
import { type ArtifactSet, type Catalogue, missingArtifacts, versionsOf } from './release.ts';
import { findRoute } from './route.ts';
import { oldestSupportedMajor } from './support.ts';
import { compareVersions, requireVersion, type Version, type VersionKind } from './version.ts';
import { clock, who } from './words.ts';

export const REFUSAL_REASONS = [
  ...AGENT_REASONS,
  'target_ahead_of_control_plane',
  'target_behind_control_plane',
  'kind_not_accepted',
  'release_pulled',
  'release_embargoed',
  'artifacts_missing',
  'fix_missing',
  'not_promoted',
  'unknown_release',
  'control_plane_unknown',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The reasons that no one may override, however many agents they accept to strand. */
const UNBREAKABLE: ReadonlySet<RefusalReason> = new Set(['release_pulled', 'release_embargoed']);

export const WARNING_REASONS = [
  'target_ahead_of_control_plane',
  'control_plane_unknown',
  'route_behind_control_plane',
  'out_of_support',
  'unknown_agent_version',
  'already_stranded',
  'evidence_stale',
  'evidence_settling',
  'agents_uncounted',
  'expired',
  'frozen',
  'not_promoted',
  'beyond_purpose',
] as const;
export type WarningReason = (typeof WARNING_REASONS)[number];

export function unknownRelease(version: string): Finding<'unknown_release'> {
  return { reason: 'unknown_release', detail: `${version} is not in the catalogue of releases; register it first` };
}

/** What one source says of a channel, in short. */
export interface EvidenceSummary extends Omit<Evidence, 'versions'> {
  agents: number;
  oldest: { version: string; count: number } | null;
}

/** The verdict on a target, with all that led to it. */
export interface Report {
  allowed: boolean;
  target: string;
  controlPlane: string | null;
  /** Enrolled agents, each counted once. */
  agents: number;
  oldest: { version: string; count: number } | null;
  /** Agents for which at least one refusing reason holds. */
  stranded: number;
  reasons: Finding<RefusalReason>[];
  warnings: Finding<WarningReason>[];
  evidence: EvidenceSummary[];
  /** Releases to go through, the target last, when the oldest agent cannot go there in one hop. */
  route: string[] | null;
}

export interface Policy {
  /** The kinds of version that the channel accepts. */
  accepts: readonly VersionKind[];
  /** What the channel is for. */
  purpose?: Purpose | null | undefined;
  /** Do the channel's agents install Helm charts? */
  needsHelm: boolean;
  catalogue: Catalogue;
  /** Refuse what the catalogue does not hold. */
  strict: boolean;
  /**
   * The versions of the control plane, and what is wanted of it: fixes under embargo that it runs must not get lost.
   */
  running?: readonly string[] | undefined;
}

/** The control plane that a channel's agents connect to; `version` is null while it is not known. */
export interface ControlPlaneState {
  name: string;
  /** The lowest that any of its components runs. */
  version: Version | null;
  /** The highest one; left out where they all run the same. */
  highest?: Version | undefined;
  /** Since when it runs that, ISO 8601; null if it never changed. */
  changedAt?: string | null | undefined;
}

/** What a target is judged beside. */
export interface Situation {
  channel: string;
  /** The target that the channel's agents are served, or were served last; null if there never was one. */
  present: Version | null;
  /**
   * Is this the way out of a bad target: a roll-back, a pull, a pin where the target is? Then agents that the present
   * target strands as well are no reason against it.
   */
  wayOut: boolean;
  /** The control plane that the channel leaves, if it leaves one; null: it had none. */
  former?: ControlPlaneState | null;
  /** Milliseconds for which what sources say is in doubt after the control plane changed. */
  settleFor: number;
  /** Epoch milliseconds. */
  now: number;
}

/**
 * May the channel serve `target` to its agents? Answers with every reason, not the first. The rules are RFD 12's
 * (Compatibility), RFD 134's ("any Cloud release must be always compatible with the oldest version of an agent that's
 * connected to Cloud and enrolled in automatic upgrades") and RFD 109's for the control plane. `controlPlane` is null
 * where the channel has none.
 */
export function assess(
  target: Version,
  population: Population,
  controlPlane: ControlPlaneState | null,
  policy: Policy,
  situation: Situation,
): Report {
  const { channel, present, wayOut, former = controlPlane } = situation;
  const agents = highestCounts(population.headcounts);
  const isStranded = (version: string) =>
    wayOut && present !== null && (agentVersion(version) === null || agentFaults(version, present, present).length > 0);
  const found = findAgentFaults(target, agents, present);
  const agentReasons = found.filter(({ version = '' }) => !isStranded(version));
  const planeFaults = findControlPlaneFaults(target, controlPlane);
  const planeBars = !(wayOut && present && findControlPlaneFaults(present, former).length > 0);
  const planeReasons = [...(planeBars ? planeFaults : []), ...findUnknownPlane(channel, controlPlane, situation)];
  const reasons = [...agentReasons, ...planeReasons, ...findReleaseFaults(target, policy)];
  const strandedVersions = new Set(agentReasons.map(({ version }) => version));
  const oldest = oldestOf(agents);
  const route = oldest && findRoute(requireAgentVersion(oldest.version), target, () => stopsOf(policy));
  return {
    allowed: reasons.length === 0,
    target: target.text,
    controlPlane: controlPlane?.version?.text ?? null,
    ...countStrictest(population.headcounts, (version) => planeReasons.length > 0 || strandedVersions.has(version)),
    oldest,
    reasons,
    warnings: [
      ...findControlPlaneWarnings(target, controlPlane),
      ...findSupportWarnings(target, policy.catalogue),
      ...findPurposeWarnings(target, policy),
      ...findAgentWarnings(target, agents, present, policy.catalogue),
      ...found.filter((each) => !agentReasons.includes(each)).map(alreadyStranded),
      ...(planeBars ? [] : planeFaults.map(alreadyStranded)),
      ...findDoubts(population, channel),
      ...findPlaneDoubts(population, controlPlane, situation),
      ...findExpired(population, channel),
      ...findRouteWarnings(route, controlPlane),
    ],
    evidence: summarise(population),
    route,
  };
}

/** The version of a readable agent. */
const requireAgentVersion = (text: string): Version => agentVersion(text) ?? requireVersion(text);

const alreadyStranded = ({ version, count, detail }: Finding): Finding<'already_stranded'> => ({
  reason: 'already_stranded',
  ...(version === undefined ? {} : { version }),
  ...(count === undefined ? {} : { count }),
  detail: `the present target strands them as well, so they do not hold up the way back: ${detail}`,
});

/**
 * May the target be set in spite of the report? `accepted` is the number of agents that the operator accepts to strand:
 * it must be the report's, so that a refusal is overridden only for agents that the operator has seen.
 */
export function mayOverride(report: Report, accepted: number): boolean {
  return accepted === report.stranded && !report.reasons.some(({ reason }) => UNBREAKABLE.has(reason));
}

/** What a target does to agents that follow it already: the report without what stands against installing it. */
export function strandingOf(report: Report): Report {
  const reasons = report.reasons.filter(({ reason }) => CUTS_OFF.has(reason));
  return { ...report, reasons, allowed: reasons.length === 0 };
}

const CUTS_OFF: ReadonlySet<RefusalReason> = new Set([
  ...AGENT_REASONS,
  'target_ahead_of_control_plane',
  'target_behind_control_plane',
]);

/** What automatic moves wait for, although it refuses nothing to a person. */
const DOUBTS: ReadonlySet<WarningReason> = new Set(['evidence_stale', 'evidence_settling', 'agents_uncounted']);

/** The warnings of a report that leave in doubt what it rests on. */
export const doubtsOf = (report: Pick<Report, 'warnings'> | null): Finding<WarningReason>[] =>
  (report?.warnings ?? []).filter(({ reason }) => DOUBTS.has(reason));

/** What each source says, in short. */
export function summarise(population: Population): EvidenceSummary[] {
  return population.evidence.map(({ versions, ...source }) => {
    return { ...source, agents: total(versions), oldest: oldestOf(versions) };
  });
}

/** Why a control plane refuses clients at `target`: its agents, or the tools of people. */
export function findControlPlaneFaults(
  target: Version,
  plane: ControlPlaneState | null,
  clients = 'its agents',
): Finding<RefusalReason>[] {
  if (!plane?.version) return [];
  const { name, version: lowest, highest } = plane;
  if (target.major > lowest.major) {
    const detail = `${target.text} is a major ahead of control plane ${name} (${lowest.text}), which would refuse ${clients}; upgrade the control plane first`;
    return [{ reason: 'target_ahead_of_control_plane', detail }];
  }
  const latest = highest ?? lowest;
  if (latest.major - target.major > 1) {
    const detail = `${target.text} is more than a major behind control plane ${name} (${latest.text}), which would refuse ${clients}; choose ${latest.major - 1}.x or later`;
    return [{ reason: 'target_behind_control_plane', detail }];
  }
  return [];
}

/** Teleport supports the latest major and the two before it (RFD 12). */
function findSupportWarnings(target: Version, catalogue: Catalogue): Finding<'out_of_support'>[] {
  const supported = oldestSupportedMajor(catalogue);
  if (supported === null || target.major >= supported) return [];
  const detail = `${target.text} is out of support, which begins at ${supported}.0.0; choose a release of a supported major`;
  return [{ reason: 'out_of_support', detail }];
}

/** A channel that leaves its control plane must not leave what it is judged by. */
function findUnknownPlane(
  channel: string,
  plane: ControlPlaneState | null,
  { former }: Situation,
): Finding<'control_plane_unknown'>[] {
  if (former === undefined) return [];
  if (plane?.version) return [];
  const detail = plane
    ? `the version of control plane ${plane.name} is not known; record it first: fairway control-planes report ${plane.name} VERSION`
    : `${channel} follows control plane ${former?.name}, and without one its targets would be judged by none; name the control plane that its agents connect to`;
  return plane || former ? [{ reason: 'control_plane_unknown', detail }] : [];
}

/**
 * After a control plane changed, its agents reconnect, and sources show some of them late: plans and promotions wait
 * until every complete source was read again and `settleFor` has passed.
 */
function findPlaneDoubts(
  { evidence }: Population,
  plane: ControlPlaneState | null,
  { settleFor, now }: Situation,
): Finding<'evidence_settling'>[] {
  if (!plane?.changedAt) return [];
  const changed = Date.parse(plane.changedAt);
  const old = evidence.filter(({ complete, at }) => complete && at !== null && Date.parse(at) <= changed);
  const isNew = now - changed < settleFor;
  if (!isNew && old.length === 0) return [];
  if (!evidence.some(({ complete }) => complete)) return [];
  const wait = isNew
    ? `until ${clock(new Date(changed + settleFor).toISOString())}`
    : `until ${old.map(({ source }) => source).join(' and ')} was read again`;
  const detail = `control plane ${plane.name} changed at ${clock(plane.changedAt)}, so what sources say of its agents is in doubt ${wait}; plans and promotions wait`;
  return [{ reason: 'evidence_settling', detail }];
}

function findControlPlaneWarnings(target: Version, plane: ControlPlaneState | null): Finding<WarningReason>[] {
  if (!plane) return [];
  const { name, version } = plane;
  if (!version) {
    const detail = `the version of control plane ${name} is not known, so whether it accepts ${target.text} is not known either; record it: fairway control-planes report ${name} VERSION`;
    return [{ reason: 'control_plane_unknown', detail }];
  }
  if (version.major !== target.major || compareVersions(target, version) <= 0) return [];
  const detail = `${target.text} is newer than control plane ${name} (${version.text}); the control plane should go first`;
  return [{ reason: 'target_ahead_of_control_plane', detail }];
}

/** The kinds that a channel accepts override its purpose. */
function findPurposeWarnings({ kind }: Version, { accepts, purpose }: Policy): Finding<'beyond_purpose'>[] {
  const detail = accepts.includes(kind) ? describeOverride('the channel', { purpose, accepts: [kind] }) : null;
  return detail ? [{ reason: 'beyond_purpose', detail }] : [];
}

/** Why the channel's settings and the catalogue do not allow a release, for any agents. */
export function findReleaseFaults(
  target: Version,
  { accepts, purpose, needsHelm, catalogue, strict, running = [] }: Policy,
): Finding<RefusalReason>[] {
  const findings: Finding<RefusalReason>[] = [];
  if (!accepts.includes(target.kind)) {
    const why = purpose ? `is for ${purpose} (RFD 12, Suffixes) and accepts` : 'accepts';
    const detail = `the channel ${why} ${accepts.join(' and ')} versions, and ${target.text} is of kind ${target.kind}`;
    findings.push({ reason: 'kind_not_accepted', detail });
  }
  for (const fix of missingFixes(catalogue, target, running)) {
    findings.push({ reason: 'fix_missing', detail: describeMissing(target.text, fix, "the channel's control plane") });
  }
  const release = catalogue.get(target.text);
  if (!release) {
    return strict ? [...findings, unknownRelease(target.text)] : findings;
  }
  if (release.pulled) {
    const detail = `${target.text} was pulled by ${who(release.pulled.by)}: ${release.pulled.reason}; choose another release`;
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

/**
 * A stop that is too far behind the control plane stays in the route: agents that follow the channel do go there where
 * it is the target already, or where an admin accepts what it strands.
 */
function findRouteWarnings(route: string[] | null, plane: ControlPlaneState | null): Finding<WarningReason>[] {
  return (route ?? []).slice(0, -1).flatMap((version) => {
    const [fault] = findControlPlaneFaults(requireVersion(version), plane);
    if (fault?.reason !== 'target_behind_control_plane') return [];
    const highest = plane?.highest ?? plane?.version;
    const where = `more than a major behind control plane ${plane?.name} (${highest?.text})`;
    const detail = `${version}, on the way there, is ${where}, so the gate refuses it as well; upgrade those agents by hand`;
    return [{ reason: 'route_behind_control_plane', version, detail }];
  });
}

/**
 * The releases at which agents may stop on the way to a target, newest first: the gate must let each of them pass too.
 */
export const stopsOf = (policy: Policy): Version[] =>
  versionsOf(policy.catalogue).filter((stop) => findReleaseFaults(stop, policy).length === 0);
