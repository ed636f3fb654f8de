import type { Channel } from './channel.ts';
import type { Report } from './compatibility.ts';

/** How many agents a change to a channel moves, leaves where they are, and strands. */
export interface Effects {
  move: number;
  wait: number;
  strand: number;
}

/** Counts the effects of changing the channel to `after`; `report` is null if the target stays. */
export function countEffects(
  after: Pick<Channel, 'target'>,
  census: { agents: number; versions: readonly { version: string; count: number }[] },
  report: Pick<Report, 'agents' | 'stranded'> | null,
): Effects {
  const agents = report?.agents ?? census.agents;
  if (after.target === null) return { move: 0, wait: agents, strand: 0 };
  const strand = report?.stranded ?? 0;
  const there = census.versions.find(({ version }) => version === after.target)?.count ?? 0;
  const wait = Math.min(there, agents - strand);
  return { move: agents - strand - wait, wait, strand };
}
