import { agentFaults } from './agent-findings.ts';
import { compareAgentVersions, UNREADABLE } from './agent-version.ts';
import type { Channel } from './channel.ts';
import type { Report } from './compatibility.ts';
import { requireVersion } from './version.ts';

/** How many agents a change to a channel moves up, takes back, leaves where they are, and strands. */
export interface Effects {
  up: number;
  /** Agents above the target: updaters install any version that differs from theirs. */
  back: number;
  stay: number;
  strand: number;
  /** Agents that the present target strands as well, so that they hold up no way back. */
  already: number;
}

interface Counted {
  version: string;
  count: number;
}

/** What a census says of the agents; `versions` are those that can be read. */
export interface CountedAgents {
  agents: number;
  versions: readonly Counted[];
  unreadable: number;
  /** By the target of the census. */
  stranded: number;
  target: string | null;
  sources: readonly { source: string; versions: readonly Counted[]; skipped: number }[];
}

/**
 * Counts the effects of changing the channel to `after`; `report` is null if none was made. Where sources differ, each
 * version counts with its highest number, so up, back and stay may be more than the agents of one source.
 */
export function countEffects(
  after: Pick<Channel, 'target'>,
  census: CountedAgents,
  report: Pick<Report, 'agents' | 'stranded' | 'reasons' | 'warnings'> | null,
): Effects {
  const { target } = after;
  const agents = report?.agents ?? census.agents;
  if (target === null) return { up: 0, back: 0, stay: agents, strand: 0, already: 0 };
  const held = (report?.warnings ?? []).filter(({ reason }) => reason === 'already_stranded');
  const already = Math.min(
    agents,
    held.reduce((sum, { count = 0 }) => sum + count, 0),
  );
  const effects: Effects = { up: 0, back: 0, stay: 0, strand: report?.stranded ?? 0, already };
  // The control plane would refuse every agent.
  if (effects.strand > 0 && effects.strand >= agents) return effects;
  const to = requireVersion(target);
  const barred = report && new Set([...report.reasons, ...held].flatMap(({ version }) => version ?? []));
  for (const [version, count] of countedVersions(census, report !== null || target !== census.target)) {
    const order = compareAgentVersions(version, target);
    if (barred?.has(version)) continue;
    if (!barred && agentFaults(version, to, to).length > 0) effects.strand += count;
    else effects[order < 0 ? 'up' : order > 0 ? 'back' : 'stay'] += count;
  }
  if (!report && target === census.target) effects.strand = census.stranded;
  return effects;
}

/** Does the change move agents that would not move without it, or move them at another time? */
export const movesAgents = (before: Steered, after: Steered): boolean =>
  after.target !== before.target || (after.critical === null) !== (before.critical === null);

type Steered = Pick<Channel, 'target' | 'critical'>;

/**
 * The channel as a refused change would have left it, with the critical mark that was asked for. A new target ends the
 * marks and the plan of the target before.
 */
export function afterRefusal<C extends Pick<Channel, 'target' | 'critical' | 'pin' | 'plan'>>(
  before: C,
  target: string,
  critical: C['critical'],
): C {
  if (target === before.target) return { ...before, critical: critical ?? before.critical };
  return { ...before, target, critical, pin: null, plan: null };
}

/** A target that moves is judged for agents that are only presumed as well. */
function countedVersions({ versions, unreadable, sources }: CountedAgents, presumes: boolean): Map<string, number> {
  const counts = new Map(versions.map(({ version, count }) => [version, count]));
  if (unreadable > 0) counts.set(UNREADABLE, unreadable);
  if (!presumes || !sources.some(({ source }) => source === 'presumed')) return counts;
  const beside = new Map<string, number>();
  for (const { source, versions: reported, skipped } of sources) {
    if (source !== 'presumed' && source !== 'check-ins') continue;
    for (const { version, count } of reported) beside.set(version, (beside.get(version) ?? 0) + count);
    if (skipped > 0) beside.set(UNREADABLE, (beside.get(UNREADABLE) ?? 0) + skipped);
  }
  for (const [version, count] of beside) counts.set(version, Math.max(count, counts.get(version) ?? 0));
  return counts;
}
