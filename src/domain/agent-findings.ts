import { agentVersion, compareAgentVersions, UNREADABLE } from './agent-version.ts';
import type { Population, VersionCounts } from './census.ts';
import type { Finding } from './finding.ts';
import type { Catalogue } from './release.ts';
import { HOP_FAULTS, type HopFault, hopFaults } from './release-line.ts';
import { oldestSupportedMajor } from './support.ts';
import { requireVersion, type Version } from './version.ts';
import { clock } from './words.ts';

/** Why agents cannot follow a target. */
export const AGENT_REASONS = [...HOP_FAULTS, 'unknown_agent_version'] as const;
export type AgentReason = (typeof AGENT_REASONS)[number];

const HOP_DETAILS: Record<HopFault, (agents: string, from: Version, target: Version) => string> = {
  agent_too_old: (agents, from, target) =>
    `${agents} would skip a major on the way to ${target.text}; bring them to ${from.major + 1}.x first`,
  major_downgrade: (agents, _, target) =>
    `${agents} would go back a major to ${target.text}; choose a target of their major or later`,
  legacy_skip: (agents, _, target) =>
    `${agents} would skip a release line on the way to ${target.text}; before 6.0 go through every X.Y`,
};

/**
 * Why agents at a version cannot go to `target`; empty where they can. The version may be unreadable: no hop within the
 * major of the present target strands anybody new, any other one might (`present` is null where nothing is known of
 * it).
 */
export function agentFaults(version: string, target: Version, present: Version | null): AgentReason[] {
  const from = agentVersion(version);
  if (from) return hopFaults(from, target);
  return present?.major === target.major ? [] : ['unknown_agent_version'];
}

/** What stands against `target` for the agents of a count, the oldest first. */
export function findAgentFaults(
  target: Version,
  agents: VersionCounts,
  present: Version | null,
): Finding<AgentReason>[] {
  return ascending(agents).flatMap(([version, count]) =>
    agentFaults(version, target, present).map((reason) => {
      const from = agentVersion(version);
      const detail =
        reason === 'unknown_agent_version' || !from
          ? unreadable(count, `so it is not known whether they can go to ${target.text}`)
          : HOP_DETAILS[reason](describeAgents(count, version), from, target);
      return { reason, version, count, detail };
    }),
  );
}

const unreadable = (count: number, so: string) =>
  `the version of ${count} ${plural(count)} cannot be read, ${so}; find them with: fairway agents --version '${UNREADABLE}'`;

/** What is not a reason against a target, and still worth knowing about its agents. */
export function findAgentWarnings(
  target: Version,
  agents: VersionCounts,
  present: Version | null,
  catalogue: Catalogue,
): Finding<'out_of_support' | 'unknown_agent_version'>[] {
  const supported = oldestSupportedMajor(catalogue);
  return ascending(agents).flatMap(([version, count]): Finding<'out_of_support' | 'unknown_agent_version'>[] => {
    const major = agentVersion(version)?.major;
    if (major === undefined) {
      if (agentFaults(version, target, present).length > 0) return [];
      const detail = unreadable(count, `and ${target.text} is of the major that they are served already`);
      return [{ reason: 'unknown_agent_version', count, detail }];
    }
    if (supported === null || major >= supported) return [];
    const detail = `${describeAgents(count, version)} ${count === 1 ? 'is' : 'are'} out of support, which begins at ${supported}.0.0`;
    return [{ reason: 'out_of_support', version, count, detail }];
  });
}

/** What the sources of a population leave in doubt; each says what to do about it. */
export function findDoubts(
  { evidence, uncounted }: Population,
  channel: string,
): Finding<'evidence_stale' | 'evidence_settling' | 'agents_uncounted'>[] {
  const complete = evidence.filter((source) => source.complete);
  const isConfirmed = complete.some(({ fresh }) => fresh);
  const stale = isConfirmed ? [] : complete;
  const unread = isConfirmed ? [] : evidence.filter(({ failing, at }) => failing !== null && at === null);
  return [
    ...unread.map(({ source, failing }) => {
      const why = `reading them fails since ${failing ? clock(failing.since) : ''}: ${failing?.fault}`;
      const detail = `the ${NAMES[source]} of ${channel} were never read, so they confirm nothing; ${why}; see: fairway evidence ${channel}`;
      return { reason: 'evidence_stale' as const, detail };
    }),
    ...stale.map(({ source, age, failing }) => {
      const why = failing ? `; reading it fails since ${clock(failing.since)}: ${failing.fault}` : '';
      const remedy =
        source === 'inventory'
          ? `import a new one: fairway inventory import FILE -c ${channel}`
          : `restore it, see: fairway evidence ${channel}`;
      const detail = `the ${NAMES[source]} of ${channel} ${was(source)} ${describeAge(age)} old${why}; what it says still counts, but it confirms nothing; ${remedy}`;
      return { reason: 'evidence_stale' as const, detail };
    }),
    ...evidence.flatMap(({ source, settling }) => {
      if (!settling) return [];
      const { from, to, since } = settling;
      const detail = `the ${NAMES[source]} of ${channel} fell from ${from} to ${to} agents at ${clock(since)}; both count until a later reading confirms it, or: fairway evidence accept ${channel} ${source} --reason WHY`;
      return [{ reason: 'evidence_settling' as const, count: from - to, detail }];
    }),
    ...uncounted.map((line) => {
      const what = line === UNREADABLE ? 'whose version cannot be read' : `at ${line}`;
      const detail = `check-ins of agents ${what} on ${channel} were too many to be counted, so the census is incomplete; see: fairway census ${channel}; if all of them have been counted since: fairway evidence forget ${channel} --version ${inShell(line)} --reason WHY`;
      return { reason: 'agents_uncounted' as const, version: line, detail };
    }),
  ];
}

/** A release line, as it is typed into a shell. */
const inShell = (line: string): string => (line === UNREADABLE ? `'${UNREADABLE}'` : line);

/** Agents that are left out because their instances had expired; they hold up nothing, and are named. */
export function findExpired({ marks: { expired } }: Population, channel: string): Finding<'expired'>[] {
  if (expired === 0) return [];
  const detail = `${expired} ${plural(expired)} had expired when the inventory was taken, so ${expired === 1 ? 'it is' : 'they are'} not counted; see: fairway census ${channel}`;
  return [{ reason: 'expired', count: expired, detail }];
}

const NAMES = {
  inventory: 'inventory',
  'teleport-metrics': 'metrics',
  'check-ins': 'check-ins',
  presumed: 'presumed agents',
} as const;
const was = (source: keyof typeof NAMES) => (source === 'inventory' ? 'is' : 'are');

function describeAge(seconds: number | null): string {
  if (seconds === null) return 'of unknown age';
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

/** Counts, the lowest version first. */
export const ascending = (counts: VersionCounts): [string, number][] =>
  [...counts].sort(([a], [b]) => compareAgentVersions(a, b));

export const describeAgents = (count: number, version: string): string => `${count} ${plural(count)} at ${version}`;

export const plural = (count: number): string => (count === 1 ? 'agent' : 'agents');

/** The agents that a target which is served already strands; each count believed where it strands most. */
export function strandedBy(target: string | null, { headcounts }: Pick<Population, 'headcounts'>): number {
  if (target === null) return 0;
  const version = requireVersion(target);
  const strands = (agent: string) => agentFaults(agent, version, version).length > 0;
  return countStrictest(headcounts, strands).stranded;
}

/** Where headcounts differ, the one that strands most agents is believed. */
export function countStrictest(
  headcounts: readonly VersionCounts[],
  strands: (version: string) => boolean,
): { agents: number; stranded: number } {
  let agents = 0;
  let stranded = 0;
  for (const counts of headcounts) {
    let all = 0;
    let those = 0;
    for (const [version, count] of counts) {
      all += count;
      if (strands(version)) those += count;
    }
    agents = Math.max(agents, all);
    stranded = Math.max(stranded, those);
  }
  return { agents, stranded };
}
