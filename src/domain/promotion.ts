import { FairwayError } from './errors.ts';
import type { Purpose } from './purpose.ts';
import type { Signature } from './release.ts';
import type { VersionKind } from './version.ts';

/** A class of tenants that a release reaches at once (RFD 134, Cloud promotion process). */
export interface Stage {
  name: string;
  channels: readonly string[];
  controlPlanes: readonly string[];
  /** The class of control planes that it takes besides, in waves; null or left out: none. */
  tenants?: TenantSelection | null | undefined;
  /** The kinds of versions that may enter this stage. */
  accepts: readonly VersionKind[];
  /** What its tenants are for; null or left out: no rule. */
  purpose?: Purpose | null | undefined;
  /** Milliseconds from the moment when all channels serve the release until the stage is complete. */
  soak: number;
  /** The same for a release that was expedited, if it is shorter; left out: expediting changes nothing. */
  expeditedSoak?: number | undefined;
  /** True: the stage starts once it passes its gates. False: it waits until someone promotes the release. */
  automatic: boolean;
  /** Must every significant change be signed off? */
  signOff: boolean;
  /** Must a release manager other than the one who registered the release approve the stage? */
  approval: boolean;
  conditions: readonly Condition[];
}

/** How a stage goes through the control planes of a class (RFD 134, "a different class of tenants … at each stage"). */
export interface TenantSelection {
  class: string;
  /** The share of them that may be told and not run the release yet; at least one may. */
  maxInFlight: number;
  /** Milliseconds after which one that was told and does not run the release is failing. */
  deadline: number;
  /** The share that may fail; with more, the stage is halted. */
  maxFailing: number;
}

/** A PromQL expression; the condition holds if the answer contains a series. */
export interface Condition {
  name: string;
  query: string;
}

export const STAGE_STATES = [
  'waiting',
  'awaiting-control-plane',
  'rolling',
  'soaking',
  'complete',
  'halted',
  'superseded',
  'skipped',
] as const;
export type StageState = (typeof STAGE_STATES)[number];

export const STAGE_EVENTS = [
  'start',
  'control-planes-ready',
  'agents-wait',
  'channels-serve',
  'soaked',
  'halt',
  'resume',
  'supersede',
  'skip',
] as const;
export type StageEvent = (typeof STAGE_EVENTS)[number];

type Reasoned = Signature & { reason: string };

/** How far a release has come in one stage. */
export interface StageProgress {
  state: StageState;
  /** When the stage entered this state (ISO 8601); null if it never left `waiting`. */
  since: string | null;
  approved: Reasoned | null;
  /** `critical`: the stage's channels are marked critical, so agents do not wait for their maintenance window. */
  started: (Reasoned & { critical: boolean }) | null;
  /** Why the stage is halted, and the state that `resume` returns to; null unless halted. */
  halted: (Reasoned & { from: StageState }) | null;
  /** Why the stage was superseded or skipped; missing in promotions that an older server ended. */
  ended?: Reasoned | null | undefined;
}

/**
 * How a stage stands: its progress, or `empty` if it has nothing that could take a release. `empty` is never stored.
 */
export type StageStanding = Omit<StageProgress, 'state'> & { state: StageState | 'empty' };

/** A release's way through the stages. */
export interface Promotion {
  version: string;
  /** By the name of the stage; a stage that is missing here is waiting. */
  stages: Record<string, StageProgress>;
  /** The agents of stages whose control planes went on without them (promotion-halves.ts); left out: there are none. */
  agents?: Record<string, StageProgress> | undefined;
  /** Who shortened its soaks, and why; left out or null: they were not. */
  expedited?: Reasoned | null | undefined;
  /** The release that replaces this one; null unless superseded. */
  supersededBy: string | null;
  updatedAt: string;
}

/** A promotion as a state document contains it. */
export type PromotionState = Omit<Promotion, 'updatedAt'>;

/** `resume` returns to the state in which the stage was halted; what left while it soaked must come back first. */
const BACK = 'back';

/** All transitions; one that is missing here cannot happen. */
export const TRANSITIONS: Record<StageState, Partial<Record<StageEvent, StageState | typeof BACK>>> = {
  waiting: { start: 'awaiting-control-plane', halt: 'halted', supersede: 'superseded', skip: 'skipped' },
  'awaiting-control-plane': {
    'control-planes-ready': 'rolling',
    'agents-wait': 'soaking',
    halt: 'halted',
    supersede: 'superseded',
  },
  rolling: { 'channels-serve': 'soaking', 'agents-wait': 'soaking', halt: 'halted', supersede: 'superseded' },
  soaking: { soaked: 'complete', halt: 'halted', supersede: 'superseded' },
  halted: { resume: BACK, supersede: 'superseded' },
  complete: {},
  superseded: {},
  skipped: {},
};

export interface StageAct {
  by: string;
  at: Date;
  reason: string;
  critical?: boolean | undefined;
  /** What of the stage has stopped running or serving the release. */
  left?: 'control-planes' | 'channels' | null | undefined;
}

export const WAITING: StageProgress = { state: 'waiting', since: null, approved: null, started: null, halted: null };

export const createPromotion = (version: string, at: Date): Promotion => ({
  version,
  stages: {},
  supersededBy: null,
  updatedAt: at.toISOString(),
});

export const progressOf = ({ stages }: Promotion, stage: string): StageProgress => stages[stage] ?? WAITING;

/** Has the stage, with the control planes of its class, neither channels nor control planes, so that it proves nothing about a release? */
export const isEmpty = ({ channels, controlPlanes }: Pick<Stage, 'channels' | 'controlPlanes'>): boolean =>
  channels.length + controlPlanes.length === 0;

/** Nothing can happen in an empty stage; what was completed, halted or ended stays so. */
const UNDER_WAY: readonly StageState[] = ['waiting', 'awaiting-control-plane', 'rolling', 'soaking'];

export function standingOf(promotion: Promotion, stage: Stage): StageStanding {
  const progress = progressOf(promotion, stage.name);
  return isEmpty(stage) && UNDER_WAY.includes(progress.state) ? { ...progress, state: 'empty' } : progress;
}

/** Returns the first stage that is not complete, or null if all are complete. */
export function currentStage(promotion: Promotion, stages: readonly Stage[]): Stage | null {
  return stages.find(({ name }) => progressOf(promotion, name).state !== 'complete') ?? null;
}

/** States in which the channels of a stage may serve the release. */
const REACHED: ReadonlySet<StageState> = new Set(['rolling', 'soaking', 'complete']);

/** Has the release come to the stage, also if it was halted there? */
export const hasReached = ({ state, halted }: Pick<StageProgress, 'state' | 'halted'>): boolean =>
  REACHED.has(state) || (halted !== null && REACHED.has(halted.from));

/** Returns when a soaking stage will be complete. */
export const soakedAt = ({ soak }: Stage, { since }: Pick<StageProgress, 'since'>): Date =>
  new Date(Date.parse(since ?? '') + soak);

/** Applies an event to one stage. Throws `refused` if `TRANSITIONS` does not allow it. */
export function step(promotion: Promotion, stage: string, event: StageEvent, act: StageAct): Promotion {
  const progress = progressOf(promotion, stage);
  const next = TRANSITIONS[progress.state][event];
  if (next === undefined) {
    throw new FairwayError('refused', `stage ${stage} is ${progress.state}, which does not allow ${event}`);
  }
  const state = next === BACK ? resumedState(progress, act) : next;
  const signature = { by: act.by, at: act.at.toISOString(), reason: act.reason };
  const started = event === 'start' ? { ...signature, critical: act.critical ?? false } : progress.started;
  const halted = event === 'halt' ? { ...signature, from: progress.state } : null;
  // A soak that was halted starts again from zero, because the release did not run undisturbed.
  const ended = event === 'supersede' || event === 'skip' ? { ended: signature } : {};
  return withStage(promotion, stage, { ...progress, state, since: signature.at, started, halted, ...ended }, act.at);
}

function resumedState({ halted }: StageProgress, { left }: StageAct): StageState {
  const from = halted?.from ?? 'waiting';
  if (from !== 'soaking' || !left) return from;
  return left === 'channels' ? 'rolling' : 'awaiting-control-plane';
}

/** Records the approval of a stage that has not started. Throws `refused` if it has. */
export function approve(promotion: Promotion, stage: string, { by, at, reason }: StageAct): Promotion {
  const progress = progressOf(promotion, stage);
  if (progress.state !== 'waiting') {
    throw new FairwayError('refused', `stage ${stage} is ${progress.state}; only a waiting stage can be approved`);
  }
  return withStage(promotion, stage, { ...progress, approved: { by, at: at.toISOString(), reason } }, at);
}

function withStage(promotion: Promotion, stage: string, progress: StageProgress, at: Date): Promotion {
  return { ...promotion, stages: { ...promotion.stages, [stage]: progress }, updatedAt: at.toISOString() };
}

/** Returns what is wrong with a stage's progress in a state document, or null. */
export function progressFault({ state, since, halted }: StageProgress): string | null {
  if (state !== 'waiting' && since === null) return `a stage that is ${state} needs since`;
  if ((state === 'halted') !== (halted !== null)) return 'halted must be set if and only if the stage is halted';
  if (halted && !TRANSITIONS[halted.from].halt) return `a stage that is ${halted.from} cannot have been halted`;
  return null;
}

/**
 * Restores a promotion from a state document, in the states that it had. A document does not prove that gates still
 * hold, so a stage that was rolling must pass them all again before the next channel moves.
 */
export function restorePromotion({ stages, agents, ...rest }: PromotionState, at: Date): Promotion {
  const restore = (half: Record<string, StageProgress>) =>
    Object.fromEntries(Object.entries(half).map(([name, progress]) => [name, askAgain(progress)]));
  return { ...rest, stages: restore(stages), ...(agents && { agents: restore(agents) }), updatedAt: at.toISOString() };
}

function askAgain(progress: StageProgress): StageProgress {
  const { state, halted } = progress;
  const before = (state: StageState) => (state === 'rolling' ? 'awaiting-control-plane' : state);
  return { ...progress, state: before(state), halted: halted && { ...halted, from: before(halted.from) } };
}
