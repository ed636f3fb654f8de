import { FairwayError } from '../domain/errors.ts';
import {
  approve,
  currentStage,
  isEmpty,
  type Promotion,
  progressOf,
  runningStage,
  type Stage,
  type StageStanding,
  soakedAt,
  step,
  supersede,
} from '../domain/promotion.ts';
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
import type { Release } from '../domain/release.ts';
import type { Actor } from '../domain/role.ts';
import { guard, promotionKey, releaseKey, type Stored } from '../domain/snapshot.ts';
import type { StagesAt } from '../domain/tenant.ts';
import { compareVersions } from '../domain/version.ts';
import { clock, FIRST, who } from '../domain/words.ts';
import { type ChangeRequest, commitDocument, requireRevision } from './change.ts';
import type { Fleet } from './fleet.ts';
import type { GatherFacts } from './promotion-facts.ts';
import type { Releases } from './releases.ts';
import type { State } from './state.ts';

export interface StageView extends StageStanding {
  ended: NonNullable<StageStanding['ended']> | null;
  stage: string;
  automatic: boolean;
  /** When the soak ends (ISO 8601); null unless the stage is soaking. */
  soakedAt: string | null;
  /** How many channels and control planes it has, and how many of them serve and run the release. */
  counts: { channels: number; serving: number; controlPlanes: number; ready: number };
  /** The first ten, those that the stage waits for before the others; `Promotions.places` lists all. */
  channels: { channel: string; target: string | null }[];
  controlPlanes: { controlPlane: string; version: string | null }[];
  gates: PromotionGate[];
  next: string;
}

/** A channel or a control plane of a stage; `waits` says why it is not at the release yet, null where it is. */
export type StagePlace =
  | { channel: string; target: string | null; waits: string | null }
  | { controlPlane: string; version: string | null; waits: string | null };

/** A page of a stage's control planes and then its channels, in the order of the settings. */
export interface StagePlaces {
  stage: string;
  places: StagePlace[];
  /** Where the next page begins; null on the last. */
  cursor: string | null;
}

export interface PromotionView {
  version: string;
  /** The stage that is under way or comes next; null when all stages are complete. */
  stage: string | null;
  supersededBy: string | null;
  stages: StageView[];
  /** What happens next, in one sentence. */
  next: string;
  revision: number;
}

export interface StageInput {
  /** By default the current stage. */
  stage?: string | undefined;
  reason: string;
  critical?: boolean | undefined;
}

/** What people can do with promotions. Each verb throws `not_found` and `refused`. */
export interface Promotions {
  read(version: string, actor: Actor): Promise<PromotionView>;
  places(version: string, stage: string, page: { cursor?: string; limit: number }, actor: Actor): Promise<StagePlaces>;
  /** Lists promotions that may still go on, newest release first: at most `limit` of `total`. */
  running(actor: Actor, limit: number): Promise<{ promotions: PromotionView[]; total: number }>;
  /** Approves a stage. Throws `forbidden` if the actor registered the release (RFD 134). */
  approve(version: string, input: StageInput & { stage: string }, request: ChangeRequest): Promise<PromotionView>;
  /** Starts the next stage if it passes all its gates. */
  promote(version: string, input: StageInput, request: ChangeRequest): Promise<PromotionView>;
  halt(version: string, input: { reason: string }, request: ChangeRequest): Promise<PromotionView>;
  /** Continues where the promotion was halted; a stage whose channels left while it soaked rolls again. */
  resume(version: string, input: { reason: string }, request: ChangeRequest): Promise<PromotionView>;
  /** Ends the promotion in favour of a fixed release. */
  supersede(version: string, input: { by: string; reason: string }, request: ChangeRequest): Promise<PromotionView>;
}

export interface PromotionsOptions {
  state: State;
  releases: Pick<Releases, 'read' | 'list'>;
  fleet: Pick<Fleet, 'read' | 'glance'>;
  facts: GatherFacts;
  stagesAt: StagesAt;
  now: () => Date;
}

export function createPromotions({ state, releases, fleet, facts, stagesAt, now }: PromotionsOptions): Promotions {
  const stagesNow = () => stagesAt(state.snapshot().controlPlanes);

  function find(text: string, actor: Actor): { release: Stored<Release>; promotion: Stored<Promotion> } {
    const release = releases.read(text, actor);
    const promotion = state.snapshot().promotions.get(release.version);
    if (promotion) return { release, promotion };
    const kinds = stagesNow()[0]?.accepts.join(' and ') ?? 'none';
    throw new FairwayError(
      'not_found',
      `${release.version} has no promotion; only registered releases of these kinds do: ${kinds}; roll channels forward`,
    );
  }

  function requireStage(name: string): Stage {
    const stages = stagesNow();
    const stage = stages.find((each) => each.name === name);
    if (stage) return stage;
    throw new FairwayError(
      'invalid',
      `there is no stage ${name}; the stages are ${stages.map((each) => each.name).join(', ')}`,
    );
  }

  /** With `beyondEmpty`, the stage that a person means who names none: an empty one takes no release. */
  function requireCurrent(promotion: Promotion, beyondEmpty = false): Stage {
    const stages = stagesNow();
    const stage = currentStage(promotion, stages);
    const next = stage && stages.slice(stages.indexOf(stage));
    if (next) return (beyondEmpty && (next.find((each) => !isEmpty(each)) ?? next.at(-1))) || stage;
    throw new FairwayError('refused', `${promotion.version} has completed all stages`);
  }

  async function view(release: Release, promotion: Stored<Promotion>): Promise<PromotionView> {
    const reading = await fleet.glance();
    const snapshot = state.snapshot();
    const stages = stagesAt(snapshot.controlPlanes);
    const current = currentStage(promotion, stages);
    const views: StageView[] = [];
    for (const stage of stages) views.push(viewStage(await facts(snapshot, release, promotion, stage, reading)));
    const at = views.find(({ stage }) => stage === current?.name);
    return {
      version: release.version,
      stage: current?.name ?? null,
      supersededBy: promotion.supersededBy,
      stages: views,
      next: at ? `${at.stage}: ${at.next}` : 'nothing: all stages are complete',
      revision: promotion.revision,
    };
  }

  /** Commits what `change` makes of the promotion, guarded by the revision of the release. */
  async function act(
    text: string,
    action: string,
    reason: string,
    request: ChangeRequest,
    change: (promotion: Stored<Promotion>, release: Stored<Release>, at: Date) => Promise<Promotion> | Promotion,
  ): Promise<PromotionView> {
    const { release, promotion: before } = find(text, request.actor);
    const key = promotionKey(release.version);
    requireRevision(key, before, request.ifMatch);
    const at = now();
    const after = await change(before, release, at);
    if (request.dryRun) return view(release, { ...after, revision: before.revision });
    const guards = [guard(releaseKey(release.version), release)];
    const entry = await commitDocument(state, {
      key,
      before,
      after,
      action,
      reason,
      actor: request.actor,
      at,
      guards,
    });
    return view(release, { ...after, revision: entry.revision });
  }

  return {
    async read(text, actor) {
      const { release, promotion } = find(text, actor);
      return view(release, promotion);
    },

    async places(text, name, { cursor = '0', limit }, actor) {
      const { release, promotion } = find(text, actor);
      const stage = requireStage(name);
      const start = Number(cursor);
      if (!Number.isSafeInteger(start) || start < 0) {
        throw new FairwayError('invalid', 'this cursor is not one that a page of a stage came with');
      }
      const known = await facts(state.snapshot(), release, promotion, stage, await fleet.glance());
      const all = placesOf(known);
      const end = start + limit;
      return { stage: name, places: all.slice(start, end), cursor: end < all.length ? `${end}` : null };
    },

    async running(actor, limit) {
      const { promotions } = state.snapshot();
      const stages = stagesNow();
      const running = releases.list(actor).flatMap((release) => {
        const promotion = promotions.get(release.version);
        return promotion && runningStage(promotion, release, stages) ? [{ release, promotion }] : [];
      });
      const views = running.slice(0, limit).map(({ release, promotion }) => view(release, promotion));
      return { promotions: await Promise.all(views), total: running.length };
    },

    approve: (text, { stage, reason }, request) =>
      act(text, 'approve', reason, request, (promotion, release, at) => {
        const { name } = request.actor;
        if (name === release.registered?.by) {
          throw new FairwayError('forbidden', `${name} registered ${release.version}, so someone else must approve it`);
        }
        if (release.pulled) throw new FairwayError('refused', pulledSentence(release));
        return approve(promotion, requireStage(stage).name, { by: name, at, reason });
      }),

    promote: (text, { stage: wanted, reason, critical }, request) =>
      act(text, 'promote', reason, request, async (promotion, release, at) => {
        const stage = requireCurrent(promotion, wanted === undefined);
        if (wanted !== undefined && requireStage(wanted).name !== stage.name) {
          const { state } = progressOf(promotion, wanted);
          const turn = `the current stage is ${stage.name}, which is ${progressOf(promotion, stage.name).state}`;
          throw new FairwayError('refused', `stage ${wanted} is ${state}; ${turn}`);
        }
        const after = step(promotion, stage.name, 'start', { by: request.actor.name, at, reason, critical });
        const reading = await fleet.read();
        const gates = startGates(await facts(state.snapshot(), release, promotion, stage, reading));
        const closed = gates.filter(({ passed }) => !passed);
        if (closed.length === 0) return after;
        const why = closed.map((each) => `${each.gate} (${each.reason})`).join('; ');
        throw new FairwayError('refused', `${release.version} may not go to ${stage.name} yet: ${why}`, { gates });
      }),

    halt: (text, { reason }, request) =>
      act(text, 'halt', reason, request, (promotion, _, at) =>
        step(promotion, requireCurrent(promotion).name, 'halt', { by: request.actor.name, at, reason }),
      ),

    resume: (text, { reason }, request) =>
      act(text, 'resume', reason, request, async (promotion, release, at) => {
        if (release.pulled) throw new FairwayError('refused', pulledSentence(release));
        const stage = requireCurrent(promotion);
        const reading = await fleet.read();
        const left = !channelGate(await facts(state.snapshot(), release, promotion, stage, reading)).passed;
        return step(promotion, stage.name, 'resume', { by: request.actor.name, at, reason, left });
      }),

    supersede: (text, { by, reason }, request) =>
      act(text, 'supersede', reason, request, (promotion, release, at) => {
        const fix = releases.read(by, request.actor);
        if (compareVersions(fix.version, release.version) <= 0) {
          throw new FairwayError(
            'not_newer',
            `${fix.version} is not newer than ${release.version}; name the fixed release`,
          );
        }
        if (fix.pulled) throw new FairwayError('refused', pulledSentence(fix));
        return supersede(promotion, stagesNow(), fix.version, { by: request.actor.name, at, reason });
      }),
  };
}

const pulledSentence = ({ version, pulled }: Release) =>
  `${version} was pulled: ${pulled?.reason}; promote another release`;

function viewStage(facts: StageFacts): StageView {
  const { stage, progress, release } = facts;
  const over = ['complete', 'superseded', 'skipped'].includes(progress.state);
  const gates = over ? [] : [...startGates(facts), controlPlaneGate(facts), channelGate(facts)];
  const isServing = ({ channel }: StageChannel) => channel !== null && serves(channel, release.version);
  const isReady = (plane: StageControlPlane) => !isBehind(plane, release);
  return {
    stage: stage.name,
    ...progress,
    ended: progress.ended ?? null,
    automatic: stage.automatic,
    soakedAt: progress.state === 'soaking' ? soakedAt(stage, progress).toISOString() : null,
    counts: {
      channels: facts.channels.length,
      serving: facts.channels.filter(isServing).length,
      controlPlanes: facts.controlPlanes.length,
      ready: facts.controlPlanes.filter(isReady).length,
    },
    channels: firstOf(facts.channels, isServing).map(({ name, channel }) => {
      return { channel: name, target: channel?.target ?? null };
    }),
    controlPlanes: firstOf(facts.controlPlanes, isReady).map(({ name, version }) => ({ controlPlane: name, version })),
    gates,
    next: describeNext(facts, gates, release),
  };
}

/** The first ten, those that are not done before the others. */
function firstOf<T>(all: readonly T[], isDone: (item: T) => boolean): T[] {
  if (all.length <= FIRST) return [...all];
  const waiting = all.filter((item) => !isDone(item)).slice(0, FIRST);
  return [...waiting, ...all.filter(isDone).slice(0, FIRST - waiting.length)];
}

function placesOf(facts: StageFacts): StagePlace[] {
  const { release, channels, controlPlanes } = facts;
  const first = `it must run ${release.version} first`;
  const steps = channelSteps(facts);
  return [
    ...controlPlanes.map((plane) => {
      const { name, version, report } = plane;
      const refused = (report?.reasons ?? []).map(({ detail }) => detail);
      const waits = isBehind(plane, release) ? [first, ...refused].join('; ') : null;
      return { controlPlane: name, version, waits };
    }),
    ...channels.map(({ name, channel }, nth) => {
      const next = steps[nth];
      const waits = next?.step === 'serves' ? null : next?.step === 'blocked' ? next.reason : 'not moved yet';
      return { channel: name, target: channel?.target ?? null, waits };
    }),
  ];
}

function describeNext({ stage, progress }: StageFacts, gates: PromotionGate[], { pulled }: Release): string {
  const closed = (...names: string[]) =>
    gates.filter(({ gate, passed }) => !passed && (names.length === 0 || names.includes(gate)));
  const list = (some: PromotionGate[]) => some.map(({ reason }) => reason).join('; ');
  switch (progress.state) {
    case 'waiting': {
      const start = closed().filter(({ gate }) => gate !== 'control_planes' && gate !== 'channels');
      if (start.length > 0) return `waits: ${list(start)}`;
      return stage.automatic ? 'starts automatically' : 'waits for someone to promote it';
    }
    case 'awaiting-control-plane': {
      const before = closed().filter(({ gate }) => gate !== 'channels');
      return before.length > 0 ? `waits: ${list(before)}` : 'its channels are moved';
    }
    case 'rolling':
      return closed('channels').length > 0 ? `moves its channels: ${list(closed('channels'))}` : 'begins to soak';
    case 'soaking':
      return `is complete at ${clock(soakedAt(stage, progress).toISOString())} unless it is halted`;
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
