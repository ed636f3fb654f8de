import { currentStage, type Promotion, progressOf, STAGE_STATES, type Stage, standingOf } from './promotion.ts';
import { type AGENT_WAITS, agentWait, halfOf, runningStage, stagesOf } from './promotion-halves.ts';
import type { Release } from './release.ts';

/** How a promotion is listed: the state of the stage that it is in, or how it ended. */
export const PROMOTION_STATES = [...STAGE_STATES, 'empty', 'pulled'] as const;
export type PromotionListState = (typeof PROMOTION_STATES)[number];

/** Which promotions are asked for. `running`: all that may still go on. */
export const PROMOTION_FILTERS = ['running', 'all', ...PROMOTION_STATES] as const;
export type PromotionFilter = (typeof PROMOTION_FILTERS)[number];

/** A promotion in a list, without its gates: those cost a look at all that its stages have. */
export interface PromotionSummary {
  version: string;
  state: PromotionListState;
  /** The stage that is under way or comes next, or where it ended; null where all are complete. */
  stage: string | null;
  /** Since when it is in this state (ISO 8601); null before its first step. */
  since: string | null;
  /** The agents that go by themselves, in the first stage where they are not complete; null: there are none. */
  agents: { stage: string; state: PromotionListState | (typeof AGENT_WAITS)[number] } | null;
  supersededBy: string | null;
  isExpedited: boolean;
  updatedAt: string;
}

export function summarisePromotion(promotion: Promotion, release: Release, stages: readonly Stage[]): PromotionSummary {
  const { version, supersededBy, updatedAt } = promotion;
  const stage = currentStage(promotion, stagesOf('control-planes', promotion, stages));
  const standing = stage && standingOf(promotion, stage);
  return {
    version,
    state: release.pulled ? 'pulled' : (standing?.state ?? 'complete'),
    stage: stage?.name ?? null,
    since: standing?.since ?? null,
    agents: summariseAgents(promotion, release, stages),
    supersededBy,
    isExpedited: Boolean(promotion.expedited),
    updatedAt,
  };
}

function summariseAgents(promotion: Promotion, release: Release, stages: readonly Stage[]): PromotionSummary['agents'] {
  const own = halfOf(promotion, 'agents');
  const stage = currentStage(own, stagesOf('agents', promotion, stages));
  if (!stage) return null;
  const { state } = progressOf(own, stage.name);
  return { stage: stage.name, state: state === 'waiting' ? (agentWait(release, [false]) ?? state) : state };
}

/** Is the promotion one of those that are asked for? */
export const isAskedFor = (
  filter: PromotionFilter,
  summary: PromotionSummary,
  promotion: Promotion,
  release: Release,
  stages: readonly Stage[],
): boolean =>
  filter === 'all' ||
  (filter === 'running' ? runningStage(promotion, release, stages) !== null : summary.state === filter);
