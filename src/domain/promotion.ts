import { FairwayError } from './errors.ts';
import type { Release, Signature } from './release.ts';
import type { VersionKind } from './version.ts';

/** A class of tenants that a release reaches at once (RFD 134, Cloud promotion process). */
export interface Stage {
  name: string;
  channels: readonly string[];
  controlPlanes: readonly string[];
  /** Kinds of versions that may come here. */
  accepts: readonly VersionKind[];
  /** Milliseconds from the moment when all channels serve the release until the stage is complete. */
  soak: number;
  /** Begins by itself once its gates are passed; otherwise somebody promotes. */
  automatic: boolean;
  /** Must every significant change be signed off? */
  signOff: boolean;
  /** Must a release manager approve who did not register the release? */
  approval: boolean;
  conditions: readonly Condition[];
}

/** A PromQL expression that holds where its answer has a series. */
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
] as const;
export type StageState = (typeof STAGE_STATES)[number];

export const STAGE_EVENTS = [
  'start',
  'control-planes-ready',
  'channels-serve',
  'soaked',
  'halt',
  'resume',
  'supersede',
] as const;
export type StageEvent = (typeof STAGE_EVENTS)[number];

type Reasoned = Signature & { reason: string };

/** How far a release has come in one stage. */
export interface StageProgress {
  state: StageState;
  /** Since when it is in this state; null: it never left `waiting`. ISO 8601. */
  since: string | null;
  approved: Reasoned | null;
  /** `critical`: its channels tell agents not to wait for their maintenance window. */
  started: (Reasoned & { critical: boolean }) | null;
  /** While halted: why, and the state that `resume` leads back to. */
  halted: (Reasoned & { from: StageState }) | null;
}

/** A release's way through the stages. */
export interface Promotion {
  version: string;
  /** By the name of the stage; one that is not here is waiting. */
  stages: Record<string, StageProgress>;
  /** The release that fixes this one, to which everything goes instead. */
  supersededBy: string | null;
  updatedAt: string;
}

/** A promotion as a document has it. */
export type PromotionState = Omit<Promotion, 'updatedAt'>;

/** `resume` leads back to where the stage was halted. */
const BACK = 'back';

/** Every way from state to state; what is not here cannot happen. */
export const TRANSITIONS: Record<StageState, Partial<Record<StageEvent, StageState | typeof BACK>>> = {
  waiting: { start: 'awaiting-control-plane', halt: 'halted', supersede: 'superseded' },
  'awaiting-control-plane': { 'control-planes-ready': 'rolling', halt: 'halted', supersede: 'superseded' },
  rolling: { 'channels-serve': 'soaking', halt: 'halted', supersede: 'superseded' },
  soaking: { soaked: 'complete', halt: 'halted', supersede: 'superseded' },
  halted: { resume: BACK, supersede: 'superseded' },
  complete: {},
  superseded: {},
};

export interface StageAct {
  by: string;
  at: Date;
  reason: string;
  critical?: boolean | undefined;
}

const WAITING: StageProgress = { state: 'waiting', since: null, approved: null, started: null, halted: null };

export const createPromotion = (version: string, at: Date): Promotion => ({
  version,
  stages: {},
  supersededBy: null,
  updatedAt: at.toISOString(),
});

export const progressOf = ({ stages }: Promotion, stage: string): StageProgress => stages[stage] ?? WAITING;

/** The first stage that is not complete, or null when all are. */
export function currentStage(promotion: Promotion, stages: readonly Stage[]): Stage | null {
  return stages.find(({ name }) => progressOf(promotion, name).state !== 'complete') ?? null;
}

/** The stage that is under way or comes next, or null once the release goes no further. */
export function runningStage(
  promotion: Promotion,
  { pulled }: Pick<Release, 'pulled'>,
  stages: readonly Stage[],
): Stage | null {
  return promotion.supersededBy || pulled ? null : currentStage(promotion, stages);
}

/** When a soaking stage is complete. */
export const soakedAt = ({ soak }: Stage, { since }: StageProgress): Date => new Date(Date.parse(since ?? '') + soak);

/** Takes one step in one stage. Throws `refused` where the table has none. */
export function step(promotion: Promotion, stage: string, event: StageEvent, act: StageAct): Promotion {
  const progress = progressOf(promotion, stage);
  const next = TRANSITIONS[progress.state][event];
  if (next === undefined) {
    throw new FairwayError('refused', `stage ${stage} is ${progress.state}, so there is no ${event} now`);
  }
  const state = next === BACK ? (progress.halted?.from ?? 'waiting') : next;
  const signature = { by: act.by, at: act.at.toISOString(), reason: act.reason };
  const started = event === 'start' ? { ...signature, critical: act.critical ?? false } : progress.started;
  const halted = event === 'halt' ? { ...signature, from: progress.state } : null;
  // A soak that was halted begins anew: nobody was watching the release work.
  return withStage(promotion, stage, { ...progress, state, since: signature.at, started, halted }, act.at);
}

/** Notes the approval of a stage that has not started. Throws `refused`. */
export function approve(promotion: Promotion, stage: string, { by, at, reason }: StageAct): Promotion {
  const progress = progressOf(promotion, stage);
  if (progress.state !== 'waiting') {
    throw new FairwayError('refused', `stage ${stage} is ${progress.state}; only one that waits can be approved`);
  }
  return withStage(promotion, stage, { ...progress, approved: { by, at: at.toISOString(), reason } }, at);
}

/** Ends the promotion in favour of `by`. Throws `refused` when it is over already. */
export function supersede(promotion: Promotion, stages: readonly Stage[], by: string, act: StageAct): Promotion {
  const left = stages.filter(({ name }) => TRANSITIONS[progressOf(promotion, name).state].supersede);
  if (left.length === 0) {
    throw new FairwayError('refused', `the promotion of ${promotion.version} is over; there is nothing to supersede`);
  }
  const ended = left.reduce((each, { name }) => step(each, name, 'supersede', act), promotion);
  return { ...ended, supersededBy: by };
}

function withStage(promotion: Promotion, stage: string, progress: StageProgress, at: Date): Promotion {
  return { ...promotion, stages: { ...promotion.stages, [stage]: progress }, updatedAt: at.toISOString() };
}

/** Returns what is wrong with progress that a document tells of, or null. */
export function progressFault({ state, since, halted }: StageProgress): string | null {
  if (state !== 'waiting' && since === null) return `a stage that is ${state} needs since`;
  if ((state === 'halted') !== (halted !== null)) return 'halted belongs to a stage that is halted, and to no other';
  if (halted && !TRANSITIONS[halted.from].halt) return `a stage that is ${halted.from} cannot have been halted`;
  return null;
}

/**
 * A promotion brought back from a document, where it was. A document is nobody's word for the gates: a stage that was
 * rolling asks them all once more before the next channel moves.
 */
export function restorePromotion({ version, stages, supersededBy }: PromotionState, at: Date): Promotion {
  const restored = Object.entries(stages).map(([name, progress]) => [name, askAgain(progress)] as const);
  return { version, stages: Object.fromEntries(restored), supersededBy, updatedAt: at.toISOString() };
}

function askAgain(progress: StageProgress): StageProgress {
  const { state, halted } = progress;
  const before = (state: StageState) => (state === 'rolling' ? 'awaiting-control-plane' : state);
  return { ...progress, state: before(state), halted: halted && { ...halted, from: before(halted.from) } };
}
