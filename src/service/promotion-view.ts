import { type StageStanding, soakedAt } from '../domain/promotion.ts';
import {
  channelGate,
  channelSteps,
  controlPlaneGate,
  EMPTY,
  isBehind,
  type PromotionGate,
  type StageChannel,
  type StageControlPlane,
  type StageFacts,
  serves,
  startGates,
} from '../domain/promotion-gates.ts';
import type { AgentWait } from '../domain/promotion-halves.ts';
import { clock, FIRST, who } from '../domain/words.ts';

/** How far a stage is, what it has, and what happens next. */
export interface StageView extends StageStanding {
  ended: NonNullable<StageStanding['ended']> | null;
  stage: string;
  automatic: boolean;
  /** When the soak ends (ISO 8601); null unless the stage is soaking. */
  soakedAt: string | null;
  /** How many channels and control planes it has, and how many of them serve and run the release. */
  counts: { channels: number; serving: number; controlPlanes: number; ready: number };
  /** The first ten, those that the stage waits for before the others; `placesOf` lists all. */
  channels: { channel: string; target: string | null }[];
  controlPlanes: { controlPlane: string; version: string | null }[];
  gates: PromotionGate[];
  next: string;
  /** The agents of the stage where they go by themselves, or cannot come along yet; else null. */
  agents: AgentsView | null;
}

/** How far the agents of a stage are. `no-packages` and `embargoed` say why they wait; these are never stored. */
export interface AgentsView {
  state: StageStanding['state'] | AgentWait;
  since: string | null;
  soakedAt: string | null;
  halted: StageStanding['halted'];
  ended: NonNullable<StageStanding['ended']> | null;
  gates: PromotionGate[];
  next: string;
}

/** A channel or a control plane of a stage; `waits` says why it is not at the release yet, null where it is. */
export type StagePlace =
  | { channel: string; target: string | null; waits: string | null }
  | { controlPlane: string; version: string | null; waits: string | null };

const soakEnd = ({ stage, progress }: StageFacts): string | null =>
  progress.state === 'soaking' ? soakedAt(stage, progress).toISOString() : null;

function gatesOf(facts: StageFacts): PromotionGate[] {
  const over = ['complete', 'superseded', 'skipped'].includes(facts.progress.state);
  return over ? [] : [...startGates(facts), controlPlaneGate(facts), channelGate(facts)];
}

function viewAgents(facts: StageFacts): AgentsView {
  const { progress, agentWait } = facts;
  const { since, halted, ended = null } = progress;
  const gates = gatesOf(facts);
  const state = progress.state === 'waiting' ? (agentWait ?? progress.state) : progress.state;
  return { state, since, soakedAt: soakEnd(facts), halted, ended, gates, next: describeNext(facts, gates) };
}

/** Agents of a stage that has not begun, and that could not come along. */
function viewWaitingAgents({ agentWait, progress, controlPlanes }: StageFacts): AgentsView | null {
  const isAhead = progress.state === 'waiting' || progress.state === 'awaiting-control-plane';
  if (!agentWait || !isAhead || controlPlanes.length === 0) return null;
  const next = 'waits for its control planes';
  return { state: agentWait, since: null, soakedAt: null, halted: null, ended: null, gates: [], next };
}

/** A stage as people see it. `agents`: the facts of those that go by themselves; null if they go with the stage. */
export function viewStage(facts: StageFacts, agents: StageFacts | null): StageView {
  const { stage, progress, release } = facts;
  const { channels } = agents ?? facts;
  const gates = gatesOf(facts);
  const isServing = ({ channel }: StageChannel) => channel !== null && serves(channel, release.version);
  const isReady = (plane: StageControlPlane) => !isBehind(plane, release);
  return {
    stage: stage.name,
    ...progress,
    ended: progress.ended ?? null,
    automatic: stage.automatic,
    soakedAt: soakEnd(facts),
    counts: {
      channels: channels.length,
      serving: channels.filter(isServing).length,
      controlPlanes: facts.controlPlanes.length,
      ready: facts.controlPlanes.filter(isReady).length,
    },
    channels: firstOf(channels, isServing).map(({ name, channel }) => {
      return { channel: name, target: channel?.target ?? null };
    }),
    controlPlanes: firstOf(facts.controlPlanes, isReady).map(({ name, version }) => ({ controlPlane: name, version })),
    gates,
    next: describeNext(facts, gates),
    agents: agents ? viewAgents(agents) : viewWaitingAgents(facts),
  };
}

/** The first ten, those that are not done before the others. */
function firstOf<T>(all: readonly T[], isDone: (item: T) => boolean): T[] {
  if (all.length <= FIRST) return [...all];
  const waiting = all.filter((item) => !isDone(item)).slice(0, FIRST);
  return [...waiting, ...all.filter(isDone).slice(0, FIRST - waiting.length)];
}

/** What each place of a stage waits for. `agents`: the same facts, or those of agents that go by themselves. */
export function placesOf({ release, controlPlanes }: StageFacts, agents: StageFacts): StagePlace[] {
  const first = `it must run ${release.version} first`;
  const steps = channelSteps(agents);
  return [
    ...controlPlanes.map((plane) => {
      const { name, version, report } = plane;
      const refused = (report?.reasons ?? []).map(({ detail }) => detail);
      const waits = isBehind(plane, release) ? [first, ...refused].join('; ') : null;
      return { controlPlane: name, version, waits };
    }),
    ...agents.channels.map(({ name, channel }, nth) => {
      const next = steps[nth];
      const waits = next?.step === 'serves' ? null : next?.step === 'blocked' ? next.reason : 'not moved yet';
      return { channel: name, target: channel?.target ?? null, waits };
    }),
  ];
}

/** What happens next in the stage, in one sentence. */
function describeNext({ stage, progress, half, release: { pulled } }: StageFacts, gates: PromotionGate[]): string {
  const closed = (...names: string[]) =>
    gates.filter(({ gate, passed }) => !passed && (names.length === 0 || names.includes(gate)));
  const list = (some: PromotionGate[]) => some.map(({ reason }) => reason).join('; ');
  switch (progress.state) {
    case 'waiting': {
      const start = closed().filter(({ gate }) => gate !== 'control_planes' && gate !== 'channels');
      if (start.length > 0) return `waits: ${list(start)}`;
      return stage.automatic || half === 'agents' ? 'starts automatically' : 'waits for someone to promote it';
    }
    case 'awaiting-control-plane': {
      const before = closed().filter(({ gate }) => gate !== 'channels');
      return before.length > 0 ? `waits: ${list(before)}` : 'its channels are moved';
    }
    case 'rolling':
      return closed('channels').length > 0 ? `moves its channels: ${list(closed('channels'))}` : 'begins to soak';
    case 'soaking': {
      const failing = gates.filter(({ gate, passed }) => !passed && gate.startsWith('condition:'));
      const but = failing.length > 0 ? `, and not before these hold: ${list(failing)}` : '';
      return `is complete at ${clock(soakedAt(stage, progress).toISOString())} unless it is halted${but}`;
    }
    case 'halted': {
      const todo = pulled ? 'supersede it with a fixed release' : 'resume it, supersede it, or pull the release';
      return `halted by ${who(progress.halted?.by ?? '')}: ${progress.halted?.reason}; ${todo}`;
    }
    case 'complete':
      return 'nothing: it is complete';
    case 'superseded':
      return `nothing: it was superseded${progress.ended ? `: ${progress.ended.reason}` : ' by another release'}`;
    case 'skipped':
      return `nothing: it was skipped: ${progress.ended?.reason}`;
    case 'empty':
      return `nothing: stage ${stage.name} ${EMPTY}`;
  }
}
