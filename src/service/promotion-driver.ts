import { type Act, isRollingOut, rollForward } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import {
  currentStage,
  type Promotion,
  progressOf,
  type Stage,
  type StageEvent,
  type StageProgress,
  soakedAt,
  standingOf,
  type TenantSelection,
} from '../domain/promotion.ts';
import {
  aheadSentence,
  channelSteps,
  controlPlaneGate,
  isAhead,
  isBehind,
  overrideOf,
  type StageFacts,
  serves,
  startGates,
  stoppedByWatch,
  unsignedChanges,
  whyNotSoaked,
} from '../domain/promotion-gates.ts';
import {
  HALVES,
  type Half,
  halfOf,
  overtake,
  parted,
  stageOfEarlierAgents,
  stagesOf,
  stepHalf,
} from '../domain/promotion-halves.ts';
import { type Release, withPredecessors } from '../domain/release.ts';
import {
  channelKey,
  controlPlaneKey,
  guard,
  promotionKey,
  releaseKey,
  replace,
  requireChannel,
  type Snapshot,
  type Stored,
} from '../domain/snapshot.ts';
import type { Guard, Write } from '../domain/store.ts';
import { awaitedBy, demandsOf, nextWave, type StagesAt, tell } from '../domain/tenant.ts';
import type { Tracer } from '../domain/tracer.ts';
import { compareVersions, requireVersion } from '../domain/version.ts';
import { WATCH_ACTOR } from '../domain/watch-settings.ts';
import { listed, shortened } from '../domain/words.ts';
import { inSlices } from '../process/turns.ts';
import type { ChannelObserver } from './channels.ts';
import type { Cleared } from './cleared.ts';
import type { Fleet } from './fleet.ts';
import type { Gate } from './gate.ts';
import { type AskConditions, createLastingConditions } from './lasting-conditions.ts';
import { type GatherFacts, predecessorsOf } from './promotion-facts.ts';
import type { Recall } from './recall.ts';
import type { State } from './state.ts';

export interface PromotionDriverOptions {
  state: State;
  gate: Pick<Gate, 'clear'>;
  fleet: Pick<Fleet, 'read' | 'glance'>;
  facts: GatherFacts;
  /** Asked while a stage rolls and soaks; left out: not at all. */
  conditions?: AskConditions;
  recall: Pick<Recall, 'sweep'>;
  stagesAt: StagesAt;
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
/** What the conditions of a stage are known by while they are watched. */
const conditionsOf = (version: string, half: Half, { name }: Pick<Stage, 'name'>) => `${version} ${half} ${name}`;
const REQUEST = { actor: { name: SYSTEM, role: 'operator' }, dryRun: false } as const;
/** One bad sample says little. */
const CONDITIONS_FAIL_FOR = '1m';
/** More steps than a promotion can take at once; the next call goes on. */
const MAX_STEPS = 20;
/**
 * Milliseconds until promotions that wait are looked at again, for each channel and control plane that they wait for and
 * for each channel that was counted: to judge one takes 10 to 50 µs, so looks cost a few percent of a core at most.
 */
const REST_FOR_EACH = 1;
/** Milliseconds. However many they are, they go on within this time. */
const LONGEST_REST = 15_000;

export function createPromotionDriver(options: PromotionDriverOptions): PromotionDriver {
  const { state, gate, fleet, facts, conditions, recall, stagesAt, observer, tracer, now } = options;
  const lasting = conditions && createLastingConditions(conditions, now);

  /** The revisions of each promotion and its release by which the gates of a half were last judged. */
  const judgedBy: Record<Half, Map<string, string>> = { 'control-planes': new Map(), agents: new Map() };
  let restsUntil = 0;
  /** Channels and control planes judged in this round. */
  let judged = 0;
  /** Stages whose conditions are watched; one that was halted has a fresh start when it is resumed. */
  const watched = new Set<string>();

  /** Takes one step, if there is one to take. */
  async function advanceOne(version: string, half: Half, fence: number): Promise<boolean> {
    const snapshot = state.snapshot();
    const promotion = snapshot.promotions.get(version);
    const release = snapshot.releases.get(version);
    if (!promotion || !release) return false;
    const stages = stagesAt(snapshot.controlPlanes);
    const own = halfOf(promotion, half);
    const stage = currentStage(own, stagesOf(half, promotion, stages));
    if (!stage) return false;
    const standing = standingOf(own, stage).state;
    const take = STEPS[standing];
    // A halted stage takes no step, but it is over once its channel serves something newer.
    if (!take && standing !== 'halted') return false;
    if (standing === 'rolling' || standing === 'soaking') watched.add(conditionsOf(version, half, stage));
    const revisions = `${promotion.revision} ${release.revision}`;
    const gather = async () => {
      judged += stage.channels.length + stage.controlPlanes.length;
      judgedBy[half].set(version, revisions);
      return facts(snapshot, release, promotion, stage, await fleet.glance(), { half });
    };
    const progress = progressOf(own, stage.name);
    const at = { snapshot, promotion, half, progress, release, stage, stages, gather, fence };
    if (await endIfOvertaken(at)) return true;
    const isResting =
      standing !== 'soaking' && judgedBy[half].get(version) === revisions && performance.now() < restsUntil;
    return take !== undefined && !isResting && take(at);
  }

  interface At {
    snapshot: Snapshot;
    promotion: Stored<Promotion>;
    half: Half;
    /** How far the half is in the stage. */
    progress: StageProgress;
    release: Stored<Release>;
    /** As the half goes through it. */
    stage: Stage;
    /** All of the settings. */
    stages: readonly Stage[];
    /** Judges the channels and control planes of the stage; moves are judged again by what is known by then. */
    gather(): Promise<StageFacts>;
    fence: number;
  }

  const STEPS: Partial<Record<string, (at: At) => Promise<boolean>>> = {
    async waiting(at) {
      const { release, stage, half } = at;
      // What costs nothing to see first: this is asked every few seconds for every release that waits.
      const { controlPlane, packages } = release.artifacts;
      const early =
        half === 'agents'
          ? !release.embargoed && packages.state === 'published'
          : stage.automatic && controlPlane.state === 'published';
      if (!early || release.pulled) return false;
      const gates = startGates(await at.gather());
      if (!gates.every(({ passed }) => passed) || !(await conditionsHold(stage))) return false;
      const what = half === 'agents' ? `the agents of ${stage.name}` : stage.name;
      const override = overrideOf(stage, release);
      return take(at, 'start', `all gates of ${what} are passed${override ? `; ${override}` : ''}`);
    },

    async 'awaiting-control-plane'(at) {
      const { release, stage } = at;
      const known = await at.gather();
      if (!startGates(known).every(({ passed }) => passed)) return false;
      if (stage.tenants && at.half === 'control-planes') {
        const taken = await goOnWithTenants(at, stage.tenants);
        if (taken) return true;
      }
      if (!controlPlaneGate(known).passed || !(await conditionsHold(stage))) return false;
      return (
        (await part(at, known)) ||
        take(at, 'control-planes-ready', `the control planes of ${stage.name} run ${release.version}`)
      );
    },

    async rolling(at) {
      const { snapshot, progress, release, stage } = at;
      if (await haltIfBad(at)) return true;
      const known = await at.gather();
      if (await part(at, known)) return true;
      const steps = channelSteps(known);
      const moving = steps.filter((each) => each.step === 'move').map(({ name }) => name);
      const blocked = steps.some((each) => each.step === 'blocked');
      if (moving.length === 0 && blocked) return false;
      if (moving.length > 0 && !(await conditionsHold(stage))) return false;
      const reason = `${release.version} reaches stage ${stage.name}`;
      const critical = progress.started?.critical ?? false;
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
      const { snapshot, progress, release, stage } = at;
      // The watch says more than that its channel is halted or went back.
      if (await haltIfBad(at)) return true;
      const [left] = stage.channels.flatMap(
        (name) => whyNotSoaked(name, snapshot.channels.get(name), release.version, progress.since) ?? [],
      );
      const back = left ?? planesThatLeft(at);
      if (back) return take(at, 'halt', back);
      if (soakedAt(stage, progress) > now() || !(await conditionsHold(stage))) return false;
      return take(at, 'soaked', `${stage.name} has soaked`);
    },
  };

  /** Do all conditions of the stage hold now? What was answered before opens no gate. */
  async function conditionsHold(stage: Stage): Promise<boolean> {
    const gates = await Promise.all(stage.conditions.map((each) => conditions?.check(each, { fresh: true })));
    return gates.every((gate) => gate?.passed ?? true);
  }

  /**
   * Halts a stage one of whose channels the watch has stopped, whose conditions have failed for too long, or for which
   * a change is not signed off any more.
   */
  async function haltIfBad(at: At): Promise<boolean> {
    const { snapshot, promotion, half, release, stage } = at;
    const unsigned = unsignedIn(at);
    if (unsigned.length > 0) return take(at, 'halt', `not signed off any more: ${listed(unsigned)}`);
    const stopped = stage.channels.flatMap((name) => {
      const channel = snapshot.channels.get(name);
      const why = channel && stoppedByWatch(channel, release.version);
      return why ? [`${name}: ${why}`] : [];
    });
    const failing = await lasting?.failing(
      conditionsOf(promotion.version, half, stage),
      stage.conditions.map((condition) => ({ for: CONDITIONS_FAIL_FOR, ...condition })),
    );
    const reasons = [...stopped, ...(failing ?? [])];
    if (reasons.length === 0) return false;
    const act = { by: WATCH_ACTOR, at: now(), reason: shortened(listed(reasons, '; ')) };
    return commitStep(at, stepHalf(promotion, half, stage.name, 'halt', act), 'halt', act);
  }

  /**
   * Lets control planes that run the release go on alone where agents cannot have it yet, or where those of an earlier
   * stage are not done. A stage without control planes waits for its agents: without them it would prove nothing.
   */
  async function part(at: At, known: StageFacts): Promise<boolean> {
    const { promotion, half, stage, stages, release } = at;
    const { agentWait, channels } = known;
    if (half === 'agents' || channels.length === 0 || stage.controlPlanes.length === 0) return false;
    if (channels.some(({ channel }) => channel && serves(channel, release.version))) return false;
    const earlier = stageOfEarlierAgents(promotion, stages, stage);
    if (agentWait === null && earlier === null) return false;
    const why = agentWait
      ? `its agents wait: ${agentWait === 'embargoed' ? 'it is under embargo' : 'it has no packages'}`
      : `its agents wait for those of stage ${earlier?.name}`;
    const act = { by: SYSTEM, at: now(), reason: `the control planes of ${stage.name} run ${release.version}; ${why}` };
    return commitStep(at, parted(promotion, stage.name, act), 'agents-wait', act);
  }

  /** The significant changes that the release brings to the stage and that are not signed off. */
  function unsignedIn({ snapshot, release, stage }: At): string[] {
    if (!stage.signOff) return [];
    // Only what some release of the chain lacks is worth a look at all channels.
    const all = withPredecessors(snapshot.releases, release.version).slice(1);
    if (unsignedChanges(release, all).length === 0) return [];
    return unsignedChanges(release, predecessorsOf(snapshot, release, stage));
  }

  /** Which control planes that ran the release went back, if that halts the stage. */
  function planesThatLeft({ snapshot, release, stage }: At): string | null {
    const { tenants } = stage;
    const planes = stage.controlPlanes.flatMap((name) => snapshot.controlPlanes.get(name) ?? []);
    const left = planes.find((plane) => (!tenants || plane.class !== tenants.class) && isBehind(plane, release));
    if (left) return `control plane ${left.name} reports ${left.version}, and ran ${release.version}`;
    return tenants ? nextWave(tenants, planes, release.version, now().getTime()).halt : null;
  }

  /** Tells the next control planes of the class to run the release, or halts the stage if too many of them fail. */
  async function goOnWithTenants(at: At, selection: TenantSelection): Promise<boolean> {
    const { snapshot, release, stage } = at;
    const { version } = release;
    const tenants = stage.controlPlanes.flatMap((name) => snapshot.controlPlanes.get(name) ?? []);
    const wave = nextWave(selection, tenants, version, now().getTime());
    if (wave.halt !== null) return take(at, 'halt', wave.halt);
    if (wave.tell.length === 0) return false;
    const told = new Set(wave.tell);
    const since = now().toISOString();
    const writes = tenants
      .filter(({ name }) => told.has(name))
      .map((tenant) => replace(controlPlaneKey(tenant.name), tenant, tell(tenant, version, stage.name, since)));
    const reason = `${wave.tell.length} control planes of stage ${stage.name} are told to run ${version}`;
    const act = { by: SYSTEM, at: now(), reason };
    const moves = writes.map((write) => ({ write, cleared: null }));
    return commitStep(at, { ...at.promotion, updatedAt: act.at.toISOString() }, 'tell', act, moves);
  }

  /** The channels of this stage and of those before it, so that no step races a person who takes one of them back. */
  function channelGuards({ snapshot: { channels }, stages, stage }: At): Guard[] {
    const last = stages.findIndex(({ name }) => name === stage.name);
    const names = stages.slice(0, last + 1).flatMap((each) => each.channels);
    return [...new Set(names)].map((name) => guard(channelKey(name), channels.get(name)));
  }

  /** Ends the promotion if a channel of the stage serves a newer release: it could never be moved to this one. */
  async function endIfOvertaken(at: At): Promise<boolean> {
    const { snapshot, promotion, half, release, stage, stages } = at;
    const channels = stage.channels.flatMap((name) => snapshot.channels.get(name) ?? []);
    const ahead = channels.find((channel) => isAhead(channel, release.version));
    const newer = ahead?.target ? null : newerAt(at);
    const by = ahead?.target ?? newer;
    if (!by) return false;
    const reason = ahead?.target
      ? aheadSentence(ahead)
      : `the control planes of ${stage.name} are to run ${newer}, which is newer`;
    const act = { by: SYSTEM, at: now(), reason };
    const after = overtake(promotion, stages, by, act, newer ? [half] : HALVES);
    const action = progressOf(halfOf(after, half), stage.name).state === 'skipped' ? 'skip' : 'supersede';
    return commitStep(at, after, action, act);
  }

  /** The newer release that the control planes of the stage are to run, where they are all that it has. */
  function newerAt({ snapshot, stage, half, release }: At): string | null {
    if (half === 'agents' || stage.channels.length > 0) return null;
    const { promotions, releases } = snapshot;
    const found = [demandsOf(promotions), awaitedBy(promotions)].flatMap((each) => each.get(stage.name)?.version ?? []);
    const isNewer = (version: string) =>
      compareVersions(version, release.version) > 0 && !releases.get(version)?.pulled;
    return found.find(isNewer) ?? null;
  }

  /** Commits a step, or, if `event` is null, only the moves that lead to it. */
  function take(
    at: At,
    event: StageEvent | null,
    reason: string,
    moves: { write: Write; cleared: Cleared | null }[] = [],
  ): Promise<boolean> {
    const { promotion, half, stage } = at;
    // Agents that go by themselves are as critical as their stage was when it started.
    const critical = progressOf(promotion, stage.name).started?.critical ?? false;
    const act = { by: SYSTEM, at: now(), reason: shortened(reason), critical };
    const after = event
      ? stepHalf(promotion, half, stage.name, event, act)
      : { ...promotion, updatedAt: act.at.toISOString() };
    return commitStep(at, after, event ?? 'roll', act, moves);
  }

  async function commitStep(
    step: At,
    after: Promotion,
    action: string,
    { by, at, reason }: Act,
    moves: { write: Write; cleared: Cleared | null }[] = [],
  ): Promise<boolean> {
    const { promotion, half, progress: before, release, stage, fence } = step;
    const key = promotionKey(release.version);
    const reached = progressOf(halfOf(after, half), stage.name).state;
    const agents = half === 'agents' ? { half } : {};
    const entry = { at: at.toISOString(), actor: by, action, subject: key, reason };
    const attributes = {
      'fairway.release': release.version,
      'fairway.stage': stage.name,
      'fairway.event': entry.action,
    };
    await tracer.span('promotion step', { attributes }, () =>
      state.commit(
        [replace(key, promotion, after), ...moves.map(({ write }) => write)],
        {
          ...entry,
          before: { stage: stage.name, ...agents, state: before.state },
          after: { stage: stage.name, ...agents, state: reached },
        },
        {
          fence,
          guards: [guard(releaseKey(release.version), release), ...channelGuards(step)],
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
      const { promotions, channels } = state.snapshot();
      for (const half of HALVES) {
        for (const version of judgedBy[half].keys()) if (!promotions.has(version)) judgedBy[half].delete(version);
      }
      judged = 0;
      watched.clear();
      for (const version of promotions.keys()) {
        for (const half of HALVES) {
          try {
            for (let steps = 0; steps < MAX_STEPS && (await advanceOne(version, half, fence)); steps++);
          } catch (error) {
            // Another replica, or an operator, was faster; the next call sees what came of it.
            const lost = error instanceof FairwayError && error.code === 'revision_mismatch';
            if (!lost) failures.push(error);
          }
        }
      }
      if (judged > 0) {
        const rest = Math.min((judged + channels.size) * REST_FOR_EACH, LONGEST_REST);
        restsUntil = Math.max(restsUntil, performance.now() + rest);
      }
      lasting?.prune((of) => watched.has(of));
      // One release that fails holds up none of the others.
      if (failures.length > 0) throw failures[0];
    },
  };
}
