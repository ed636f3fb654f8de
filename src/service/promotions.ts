import { describeHold } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import { type Page, type PageQuery, pageAfter } from '../domain/page.ts';
import { approve, currentStage, isEmpty, type Promotion, progressOf, type Stage, step } from '../domain/promotion.ts';
import { channelGate, controlPlaneGate, overrideOf, startGates, stoppedByWatch } from '../domain/promotion-gates.ts';
import {
  expedite,
  HALVES,
  type Half,
  halfOf,
  runningStage,
  stagesOf,
  stepCurrent,
  supersede,
  supersedesOne,
} from '../domain/promotion-halves.ts';
import {
  isAskedFor,
  type PromotionFilter,
  type PromotionSummary,
  summarisePromotion,
} from '../domain/promotion-list.ts';
import type { Release } from '../domain/release.ts';
import type { Actor } from '../domain/role.ts';
import { guard, promotionKey, releaseKey, type Stored } from '../domain/snapshot.ts';
import type { StagesAt } from '../domain/tenant.ts';
import { compareVersions } from '../domain/version.ts';
import { type ChangeRequest, commitDocument, requireRevision } from './change.ts';
import type { Fleet } from './fleet.ts';
import type { GatherFacts } from './promotion-facts.ts';
import { placesOf, type StagePlace, type StageView, viewStage } from './promotion-view.ts';
import type { Releases } from './releases.ts';
import type { State } from './state.ts';

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
  /** Who shortened its soaks, and why; null: they were not. */
  expedited: NonNullable<Promotion['expedited']> | null;
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
  /** Lists promotions without their gates, the newest release first. */
  page(actor: Actor, filter: PromotionFilter, query: PageQuery): Page<Stored<PromotionSummary>>;
  /**
   * Shortens the soaks of a release that a person named as the fix of another one; no gate and no watch is skipped.
   * Throws `forbidden` if the actor registered the release.
   */
  expedite(version: string, input: { reason: string }, request: ChangeRequest): Promise<PromotionView>;
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
    for (const stage of stages) {
      const main = await facts(snapshot, release, promotion, stage, reading);
      const apart = promotion.agents?.[stage.name];
      const agents = apart ? await facts(snapshot, release, promotion, stage, reading, { half: 'agents' }) : null;
      views.push(viewStage(main, agents));
    }
    const at = views.find(({ stage }) => stage === current?.name);
    const behind = currentStage(halfOf(promotion, 'agents'), stagesOf('agents', promotion, stages));
    const agents = views.find(({ stage }) => stage === behind?.name);
    const next = [
      ...(at ? [`${at.stage}: ${at.next}`] : []),
      ...(agents?.agents ? [`agents of ${agents.stage}: ${agents.agents.next}`] : []),
    ];
    return {
      version: release.version,
      stage: at?.stage ?? agents?.stage ?? null,
      supersededBy: promotion.supersededBy,
      expedited: promotion.expedited ?? null,
      stages: views,
      next: next.join('; ') || 'nothing: all stages are complete',
      revision: promotion.revision,
    };
  }

  /** What of the current stage of each half does not run or serve the release any more. */
  async function whatLeft(release: Release, promotion: Promotion) {
    const reading = await fleet.read();
    const stages = stagesNow();
    const lookAt = async (half: Half) => {
      const stage = currentStage(halfOf(promotion, half), stagesOf(half, promotion, stages));
      if (!stage) return null;
      const known = await facts(state.snapshot(), release, promotion, stage, reading, { half });
      if (!controlPlaneGate(known).passed) return 'control-planes' as const;
      return channelGate(known).passed ? null : ('channels' as const);
    };
    return { 'control-planes': await lookAt('control-planes'), agents: await lookAt('agents') };
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

  /**
   * Throws `refused` where the watch holds a channel because of this release: a stage would be halted again at once.
   */
  function requireLetGo({ version }: Release, promotion: Promotion): void {
    const { channels } = state.snapshot();
    for (const half of HALVES) {
      const stage = currentStage(halfOf(promotion, half), stagesOf(half, promotion, stagesNow()));
      for (const name of stage?.channels ?? []) {
        const channel = channels.get(name);
        if (!channel || stoppedByWatch(channel, version) === null) continue;
        throw new FairwayError(
          'refused',
          `stage ${stage?.name} would be halted again: ${name} is ${describeHold(channel)}`,
        );
      }
    }
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
      const reading = await fleet.glance();
      const snapshot = state.snapshot();
      const known = await facts(snapshot, release, promotion, stage, reading);
      const apart = promotion.agents?.[name];
      const agents = apart ? await facts(snapshot, release, promotion, stage, reading, { half: 'agents' }) : known;
      const all = placesOf(known, agents);
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

    page(actor, filter, query) {
      const { promotions } = state.snapshot();
      const stages = stagesNow();
      const all = releases.list(actor).flatMap((release) => {
        const promotion = promotions.get(release.version);
        if (!promotion) return [];
        const summary = { ...summarisePromotion(promotion, release, stages), revision: promotion.revision };
        return isAskedFor(filter, summary, promotion, release, stages) ? [summary] : [];
      });
      return pageAfter(all, ({ version }) => version, query);
    },

    expedite: (text, { reason }, request) =>
      act(text, 'expedite', reason, request, (promotion, release, at) => {
        const { version } = release;
        requireOther(request.actor, release, 'expedite');
        if (release.pulled) throw new FairwayError('refused', pulledSentence(release));
        if (!runningStage(promotion, release, stagesNow())) {
          throw new FairwayError('refused', `the promotion of ${version} is over; there is nothing to expedite`);
        }
        if (!supersedesOne(state.snapshot().promotions.values(), version)) {
          const todo = `name what it fixes first: fairway promote supersede VERSION ${version}`;
          throw new FairwayError('refused', `only a fix goes fast, and ${version} supersedes no release; ${todo}`);
        }
        return expedite(promotion, { by: request.actor.name, at, reason });
      }),

    approve: (text, { stage, reason }, request) =>
      act(text, 'approve', reason, request, (promotion, release, at) => {
        const { name } = request.actor;
        requireOther(request.actor, release, 'approve');
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
        const override = overrideOf(stage, release);
        const noted = override ? `${reason} (${override})` : reason;
        const act = { by: request.actor.name, at, reason: noted, critical };
        const after = step(promotion, stage.name, 'start', act);
        const reading = await fleet.read();
        const gates = startGates(await facts(state.snapshot(), release, promotion, stage, reading, { fresh: true }));
        const closed = gates.filter(({ passed }) => !passed);
        if (closed.length === 0) return after;
        const why = closed.map((each) => `${each.gate} (${each.reason})`).join('; ');
        throw new FairwayError('refused', `${release.version} may not go to ${stage.name} yet: ${why}`, { gates });
      }),

    halt: (text, { reason }, request) =>
      act(text, 'halt', reason, request, (promotion, _, at) => {
        const act = { by: request.actor.name, at, reason };
        const after = stepCurrent(promotion, stagesNow(), 'halt', () => act);
        return after === promotion ? step(promotion, requireCurrent(promotion).name, 'halt', act) : after;
      }),

    resume: (text, { reason }, request) =>
      act(text, 'resume', reason, request, async (promotion, release, at) => {
        if (release.pulled) throw new FairwayError('refused', pulledSentence(release));
        requireLetGo(release, promotion);
        const act = { by: request.actor.name, at, reason };
        const left = await whatLeft(release, promotion);
        const after = stepCurrent(promotion, stagesNow(), 'resume', (half) => ({ ...act, left: left[half] }));
        return after === promotion ? step(promotion, requireCurrent(promotion).name, 'resume', act) : after;
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

/** Two people where it matters: the one who registered a release does not judge it alone. */
function requireOther({ name }: Actor, { version, registered }: Release, verb: string): void {
  if (name !== registered?.by) return;
  throw new FairwayError('forbidden', `${name} registered ${version}, so someone else must ${verb} it`);
}

const pulledSentence = ({ version, pulled }: Release) =>
  `${version} was pulled: ${pulled?.reason}; promote another release`;
