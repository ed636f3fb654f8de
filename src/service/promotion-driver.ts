import { type Act, isRollingOut, rollForward } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import {
  currentStage,
  overtake,
  type Promotion,
  progressOf,
  type Stage,
  type StageEvent,
  soakedAt,
  standingOf,
  step,
} from '../domain/promotion.ts';
import {
  aheadSentence,
  channelSteps,
  controlPlaneGate,
  hasServedSince,
  isAhead,
  startGates,
} from '../domain/promotion-gates.ts';
import type { Release } from '../domain/release.ts';
import {
  channelKey,
  guard,
  promotionKey,
  releaseKey,
  replace,
  requireChannel,
  type Snapshot,
  type Stored,
} from '../domain/snapshot.ts';
import type { Guard, Write } from '../domain/store.ts';
import type { Tracer } from '../domain/tracer.ts';
import { requireVersion } from '../domain/version.ts';
import { inSlices } from '../process/turns.ts';
import type { ChannelObserver } from './channels.ts';
import type { Cleared } from './cleared.ts';
import type { Fleet, FleetReading } from './fleet.ts';
import type { Gate } from './gate.ts';
import type { GatherFacts } from './promotion-facts.ts';
import type { Recall } from './recall.ts';
import type { State } from './state.ts';

export interface PromotionDriverOptions {
  state: State;
  gate: Pick<Gate, 'clear'>;
  fleet: Pick<Fleet, 'read' | 'glance'>;
  facts: GatherFacts;
  recall: Pick<Recall, 'sweep'>;
  stages: readonly Stage[];
  observer: ChannelObserver;
  tracer: Tracer;
  now: () => Date;
}

/** Takes every promotion as far as it goes by itself. */
export interface PromotionDriver {
  /**
   * Safe to call from any replica at any time: a step is one commit that holds the promotion to the revision it was
   * decided by, so each is taken exactly once, and a crash leaves a state from which the next call goes on.
   */
  advance(fence: number): Promise<void>;
}

const SYSTEM = 'system:promotion';
const REQUEST = { actor: { name: SYSTEM, role: 'operator' }, dryRun: false } as const;
/** More steps than a promotion can take at once; the next call goes on. */
const MAX_STEPS = 20;

export function createPromotionDriver(options: PromotionDriverOptions): PromotionDriver {
  const { state, gate, fleet, facts, recall, stages, observer, tracer, now } = options;

  /** Takes one step, if there is one to take. */
  async function advanceOne(version: string, fence: number): Promise<boolean> {
    const reading = await fleet.glance();
    const snapshot = state.snapshot();
    const promotion = snapshot.promotions.get(version);
    const release = snapshot.releases.get(version);
    const stage = promotion && currentStage(promotion, stages);
    if (!release || !stage) return false;
    const take = STEPS[standingOf(promotion, stage).state];
    const at = { snapshot, promotion, release, stage, reading, fence };
    return take ? (await endIfOvertaken(at)) || take(at) : false;
  }

  interface At {
    snapshot: Snapshot;
    promotion: Stored<Promotion>;
    release: Stored<Release>;
    stage: Stage;
    /** What is known of the agents, for the gates; moves are judged by what is known by then. */
    reading: FleetReading;
    fence: number;
  }

  const STEPS: Partial<Record<string, (at: At) => Promise<boolean>>> = {
    async waiting(at) {
      const { snapshot, promotion, release, stage, reading } = at;
      // What costs nothing to see first: this is asked every few seconds for every release that waits.
      const early = stage.automatic && !release.pulled && release.artifacts.controlPlane.state === 'published';
      if (!early) return false;
      const gates = startGates(await facts(snapshot, release, promotion, stage, reading));
      return gates.every(({ passed }) => passed) && take(at, 'start', `all gates of ${stage.name} are passed`);
    },

    async 'awaiting-control-plane'(at) {
      const { snapshot, promotion, release, stage, reading } = at;
      const known = await facts(snapshot, release, promotion, stage, reading);
      const gates = [...startGates(known), controlPlaneGate(known)];
      if (!gates.every(({ passed }) => passed)) return false;
      return take(at, 'control-planes-ready', `the control planes of ${stage.name} run ${release.version}`);
    },

    async rolling(at) {
      const { snapshot, promotion, release, stage, reading } = at;
      const steps = channelSteps(await facts(snapshot, release, promotion, stage, reading));
      const moving = steps.filter((each) => each.step === 'move').map(({ name }) => name);
      const blocked = steps.some((each) => each.step === 'blocked');
      if (moving.length === 0 && blocked) return false;
      const reason = `${release.version} reaches stage ${stage.name}`;
      const critical = progressOf(promotion, stage.name).started?.critical ?? false;
      const view = { snapshot, reading: await fleet.read() };
      const moves = await inSlices(moving, async (name) => {
        const before = requireChannel(snapshot, name);
        const act = { by: SYSTEM, at: now(), reason };
        const after = rollForward(before, requireVersion(release.version), critical, act);
        const { cleared } = await gate.clear(before, after, REQUEST, view);
        return { channel: after, write: replace(channelKey(name), before, after), cleared };
      });
      // A channel with groups serves the release once its rollout is done.
      const isRolling = moves.some(({ channel }) => isRollingOut(channel));
      const taken = await take(at, blocked || isRolling ? null : 'channels-serve', reason, moves);
      for (const name of moving) observer.targetChanged(name, 'promote');
      return taken;
    },

    async soaking(at) {
      const { snapshot, promotion, release, stage } = at;
      const progress = progressOf(promotion, stage.name);
      const left = stage.channels.find((name) => {
        const channel = snapshot.channels.get(name);
        return !channel || !hasServedSince(channel, release.version, progress.since);
      });
      if (left) {
        const channel = snapshot.channels.get(left);
        const again = channel?.target === release.version ? ' without a break' : '';
        return take(at, 'halt', `${left} no longer serves ${release.version}${again}`);
      }
      if (soakedAt(stage, progress) > now()) return false;
      return take(at, 'soaked', `${stage.name} has soaked`);
    },
  };

  /** The channels of this stage and of those before it, so that no step races a person who takes one of them back. */
  function channelGuards({ channels }: Snapshot, stage: Stage): Guard[] {
    const names = stages.slice(0, stages.indexOf(stage) + 1).flatMap((each) => each.channels);
    return [...new Set(names)].map((name) => guard(channelKey(name), channels.get(name)));
  }

  /** Ends the promotion if a channel of the stage serves a newer release: it could never be moved to this one. */
  async function endIfOvertaken(at: At): Promise<boolean> {
    const { snapshot, promotion, release, stage } = at;
    const channels = stage.channels.flatMap((name) => snapshot.channels.get(name) ?? []);
    const ahead = channels.find((channel) => isAhead(channel, release.version));
    if (!ahead?.target) return false;
    const act = { by: SYSTEM, at: now(), reason: aheadSentence(ahead) };
    const after = overtake(promotion, stages, ahead.target, act);
    const action = progressOf(after, stage.name).state === 'skipped' ? 'skip' : 'supersede';
    return commitStep(at, after, action, act);
  }

  /** Commits a step, or, if `event` is null, only the moves that lead to it. */
  function take(
    { promotion, stage, ...rest }: At,
    event: StageEvent | null,
    reason: string,
    moves: { write: Write; cleared: Cleared | null }[] = [],
  ): Promise<boolean> {
    const act = { by: SYSTEM, at: now(), reason };
    const after = event ? step(promotion, stage.name, event, act) : { ...promotion, updatedAt: act.at.toISOString() };
    return commitStep({ promotion, stage, ...rest }, after, event ?? 'roll', act, moves);
  }

  async function commitStep(
    { snapshot, promotion, release, stage, fence }: At,
    after: Promotion,
    action: string,
    { at, reason }: Act,
    moves: { write: Write; cleared: Cleared | null }[] = [],
  ): Promise<boolean> {
    const key = promotionKey(release.version);
    const before = progressOf(promotion, stage.name);
    const reached = progressOf(after, stage.name).state;
    const entry = { at: at.toISOString(), actor: SYSTEM, action, subject: key, reason };
    const attributes = {
      'fairway.release': release.version,
      'fairway.stage': stage.name,
      'fairway.event': entry.action,
    };
    await tracer.span('promotion step', { attributes }, () =>
      state.commit(
        [replace(key, promotion, after), ...moves.map(({ write }) => write)],
        { ...entry, before: { stage: stage.name, state: before.state }, after: { stage: stage.name, state: reached } },
        {
          fence,
          guards: [guard(releaseKey(release.version), release), ...channelGuards(snapshot, stage)],
          cleared: moves.flatMap(({ cleared }) => cleared ?? []),
        },
      ),
    );
    return true;
  }

  return {
    async advance(fence) {
      if (state.storeState().is !== 'up') return;
      await recall.sweep(fence);
      const failures: unknown[] = [];
      for (const version of state.snapshot().promotions.keys()) {
        try {
          for (let steps = 0; steps < MAX_STEPS && (await advanceOne(version, fence)); steps++);
        } catch (error) {
          // Another replica, or an operator, was faster; the next call sees what came of it.
          const lost = error instanceof FairwayError && error.code === 'revision_mismatch';
          if (!lost) failures.push(error);
        }
      }
      // One release that fails holds up none of the others.
      if (failures.length > 0) throw failures[0];
    },
  };
}
