import type { GroupView } from '../service/rollouts.ts';

/** What the agents of a group do, in the order in which a bar shows it. */
export const SHARES = ['atTarget', 'reverted', 'failed', 'vanished', 'told', 'notYet'] as const;
export type ShareOf = (typeof SHARES)[number];

export const SHARE_WORDS: Record<ShareOf, string> = {
  atTarget: 'at target',
  reverted: 'reverted',
  failed: 'failed',
  vanished: 'vanished',
  told: 'told, not there yet',
  notYet: 'not yet told',
};

/**
 * The agents of a group by what they do, each once, so that they fill a bar: an agent may have reverted and fail as
 * well, and one that vanished may be known still. Empty shares are left out.
 */
export function sharesOfGroup(
  group: Pick<GroupView, 'agents' | 'told' | 'atTarget' | 'reverted' | 'failed' | 'vanished'>,
): { share: ShareOf; count: number }[] {
  const { agents, told, atTarget, reverted, failed, vanished } = group;
  const counts = { atTarget, reverted, failed, vanished, told: told - atTarget - reverted - failed, notYet: agents };
  let left = agents;
  return SHARES.flatMap((share) => {
    const count = Math.min(Math.max(counts[share], 0), left);
    left -= count;
    return count > 0 ? [{ share, count }] : [];
  });
}
