import { FairwayError } from './errors.ts';
import {
  currentStage,
  type Promotion,
  progressOf,
  type Stage,
  type StageAct,
  type StageEvent,
  type StageProgress,
  step,
  TRANSITIONS,
  WAITING,
} from './promotion.ts';
import { missingArtifacts, type Release } from './release.ts';
import { isMachine } from './role.ts';
import { who } from './words.ts';

/**
 * A release has two halves: artifacts for the control plane, and packages for agents, which may come later or never
 * (RFD 134, Cloud release artifacts). A stage takes both as one as long as it can. Where it cannot, its control planes
 * go on alone, and its agents follow by themselves, stage by stage, through the same states.
 */
export const HALVES = ['control-planes', 'agents'] as const;
export type Half = (typeof HALVES)[number];

/** Why agents cannot have a release yet. */
export const AGENT_WAITS = ['no-packages', 'embargoed'] as const;
export type AgentWait = (typeof AGENT_WAITS)[number];

/** The promotion with the progress of one half as its stages. */
export const halfOf = <P extends Promotion>(promotion: P, half: Half): P =>
  half === 'agents' ? { ...promotion, stages: promotion.agents ?? {} } : promotion;

/** The promotion after a step of one half, as `halfOf` gave it. */
const withHalf = (promotion: Promotion, half: Half, after: Promotion): Promotion =>
  half === 'agents' ? { ...after, stages: promotion.stages, agents: after.stages } : after;

/** The stages of a half: those that agents go through by themselves, or all, without the channels of those agents. */
export function stagesOf(
  half: Half,
  { agents = {}, expedited }: Pick<Promotion, 'agents' | 'expedited'>,
  stages: readonly Stage[],
): Stage[] {
  const all = expedited ? stages.map(withShortSoak) : stages;
  if (half === 'agents') return all.filter(({ name }) => agents[name]);
  return all.map((stage) => (agents[stage.name] ? { ...stage, channels: [] } : stage));
}

const withShortSoak = (stage: Stage): Stage => ({
  ...stage,
  soak: Math.min(stage.soak, stage.expeditedSoak ?? stage.soak),
});

/** Was the release named by a person as the one that replaces another? */
export const supersedesOne = (promotions: Iterable<Promotion>, version: string): boolean =>
  [...promotions].some(
    ({ supersededBy, stages }) =>
      supersededBy === version &&
      Object.values(stages).some(({ state, ended }) => state === 'superseded' && !isMachine(ended?.by ?? '')),
  );

/** Shortens the soaks of a promotion that is not over. Throws `refused`. */
export function expedite(promotion: Promotion, { by, at, reason }: StageAct): Promotion {
  const { expedited, version } = promotion;
  if (expedited) throw new FairwayError('refused', `${version} was expedited already, by ${who(expedited.by)}`);
  const time = at.toISOString();
  return { ...promotion, expedited: { by, at: time, reason }, updatedAt: time };
}

/** Applies an event to a stage of one half. Throws as `step` does. */
export const stepHalf = (promotion: Promotion, half: Half, stage: string, event: StageEvent, act: StageAct) =>
  withHalf(promotion, half, step(halfOf(promotion, half), stage, event, act));

/** Lets the control planes of a stage go on, and its agents wait until they can follow. Throws as `step` does. */
export function parted(promotion: Promotion, stage: string, act: StageAct): Promotion {
  const after = step(promotion, stage, 'agents-wait', act);
  const { approved } = progressOf(promotion, stage);
  return { ...after, agents: { ...promotion.agents, [stage]: { ...WAITING, approved } } };
}

/** Why no channel of the stage can serve the release to its agents yet; null if one can, or it has none. */
export function agentWait(release: Release, needsHelm: readonly boolean[]): AgentWait | null {
  if (needsHelm.length === 0) return null;
  if (release.embargoed) return 'embargoed';
  return needsHelm.every((needs) => missingArtifacts(release, needs).length > 0) ? 'no-packages' : null;
}

/** The stage before `stage` whose agents are not done, although its control planes are; null if there is none. */
export function stageOfEarlierAgents({ agents = {} }: Promotion, stages: readonly Stage[], stage: Stage): Stage | null {
  const earlier = stages.slice(
    0,
    stages.findIndex(({ name }) => name === stage.name),
  );
  return earlier.find(({ name }) => agents[name] && agents[name].state !== 'complete') ?? null;
}

/** How far the agents of a stage are: by themselves, or with its control planes. */
export const agentsProgress = (promotion: Promotion, stage: string): StageProgress =>
  promotion.agents?.[stage] ?? progressOf(promotion, stage);

/**
 * Returns the stage that is under way or comes next, first for control planes; null if the release was superseded,
 * pulled or completed.
 */
export function runningStage(
  promotion: Promotion,
  { pulled }: Pick<Release, 'pulled'>,
  stages: readonly Stage[],
): { half: Half; stage: Stage } | null {
  if (pulled) return null;
  for (const half of HALVES) {
    const own = halfOf(promotion, half);
    const stage = currentStage(own, stagesOf(half, promotion, stages));
    if (!stage || (half === 'control-planes' && promotion.supersededBy)) continue;
    if (!TRANSITIONS[progressOf(own, stage.name).state].supersede) continue;
    return { half, stage };
  }
  return null;
}

/** Applies the event to the current stage of each half that allows it. */
export function stepCurrent(
  promotion: Promotion,
  stages: readonly Stage[],
  event: 'halt' | 'resume',
  actFor: (half: Half, stage: Stage) => StageAct,
): Promotion {
  return HALVES.reduce((each, half) => {
    const own = halfOf(each, half);
    const stage = currentStage(own, stagesOf(half, each, stages));
    const allowed = stage && TRANSITIONS[progressOf(own, stage.name).state][event];
    return allowed ? stepHalf(each, half, stage.name, event, actFor(half, stage)) : each;
  }, promotion);
}

/** Ends the promotion in favour of release `by`. Throws `refused` if the promotion is over. */
export function supersede(promotion: Promotion, stages: readonly Stage[], by: string, act: StageAct): Promotion {
  const ended = endHalves(promotion, stages, act, ['supersede'], HALVES);
  if (ended === promotion) {
    throw new FairwayError('refused', `the promotion of ${promotion.version} is over; there is nothing to supersede`);
  }
  return { ...ended, supersededBy: by };
}

/**
 * Ends the promotion because the newer release `by` is where it would go: stages that have not begun are skipped.
 * `halves`: agents go on where only the control planes were overtaken.
 */
export function overtake(
  promotion: Promotion,
  stages: readonly Stage[],
  by: string,
  act: StageAct,
  halves: readonly Half[] = HALVES,
): Promotion {
  return { ...endHalves(promotion, stages, act, ['skip', 'supersede'], halves), supersededBy: by };
}

/** Applies to each stage of the halves the first of the events that it allows. */
function endHalves(
  promotion: Promotion,
  stages: readonly Stage[],
  act: StageAct,
  events: readonly StageEvent[],
  halves: readonly Half[],
): Promotion {
  return halves.reduce(
    (each, half) =>
      stagesOf(half, each, stages).reduce((next, { name }) => {
        const { state } = progressOf(halfOf(next, half), name);
        const event = events.find((one) => TRANSITIONS[state][one]);
        return event ? stepHalf(next, half, name, event, act) : next;
      }, each),
    promotion,
  );
}
