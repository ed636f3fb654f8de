import type { Logger } from 'pino';
import type { AuditEntry } from '../domain/audit.ts';
import { type Act, type Channel, channelAt, rollBack, servedUntil, stamp } from '../domain/channel.ts';
import { doubtsOf, type Report } from '../domain/compatibility.ts';
import { FairwayError } from '../domain/errors.ts';
import { describeFreeze, type Holding } from '../domain/freeze.ts';
import type { Actor } from '../domain/role.ts';
import {
  createRollout,
  type GroupProgress,
  type GroupStep,
  isMoving,
  isUnfinished,
  type Rollout,
  requireGroup,
  resumeRollout,
  stopRollout,
  takeStep,
} from '../domain/rollout.ts';
import { type CanaryFacts, type Look, lookAhead, NO_FACTS, type RolloutFacts } from '../domain/rollout-step.ts';
import { channelKey, requireChannel, type Stored } from '../domain/snapshot.ts';
import type { Tracer } from '../domain/tracer.ts';
import { requireVersion } from '../domain/version.ts';
import { type WatchScope, watchScope } from '../domain/watch-scope.ts';
import { countWarnings } from '../process/warnings.ts';
import { type ChangeRequest, commitDocument, releaseGuards, requireRevision } from './change.ts';
import type { ChannelObserver } from './channels.ts';
import type { Fleet } from './fleet.ts';
import type { Gate } from './gate.ts';
import type { GatherRolloutFacts } from './rollout-facts.ts';
import type { State } from './state.ts';

export const ROLLOUT_VERBS = ['start', 'done', 'roll-back', 'pause', 'resume', 'reset'] as const;
export type RolloutVerb = (typeof ROLLOUT_VERBS)[number];

export interface RolloutInput {
  /** By default the group whose turn it is, or, for some verbs, the whole rollout. */
  group?: string | undefined;
  reason: string;
  /** With `start`: the group goes on without canaries. */
  skipCanaries?: boolean | undefined;
  /** With `start`: before its turn. With `done`: though it has not begun, or its agents have not followed. */
  force?: boolean | undefined;
  /** With `start` and `done`: although a freeze holds; for admins. */
  overrideFreeze?: boolean | undefined;
}

export interface GroupView {
  name: string;
  state: GroupProgress['state'];
  since: string | null;
  wave: number;
  waves: number[];
  agents: number;
  told: number;
  atTarget: number;
  reverted: number;
  vanished: number;
  failed: number;
  pinned: number;
  anonymous: number;
  canaries: { id: string; host: string | null; state: CanaryFacts['state'] }[];
  /** Null where it waits for nothing. */
  waitsFor: string | null;
}

/** A rollout, with what is known of its agents now. */
export interface RolloutView {
  id: string;
  channel: string;
  from: string | null;
  to: string;
  state: Rollout['state'];
  strategy: Rollout['strategy'];
  startedAt: string;
  startedBy: string;
  reason: string;
  halted: Rollout['halted'];
  paused: Rollout['paused'];
  groups: GroupView[];
  next: string;
  /** What is watched of it; null if its time is over, or the channel is not watched. */
  watch: WatchScope | null;
  /** Of the channel. */
  revision: number;
}

export interface RolloutResult {
  rollout: RolloutView;
  /** The gate's verdict where a group begins or the target moves. */
  report: Report | null;
  /** Null on a dry run. */
  audit: AuditEntry | null;
}

export interface Rollouts {
  /** Throws `not_found` where the channel has had none. */
  read(channel: string): Promise<RolloutView>;
  /** What each of its groups waits for. Throws `not_found` as well. */
  waits(channel: string): Promise<Look['waits']>;
  act(channel: string, verb: RolloutVerb, input: RolloutInput, request: ChangeRequest): Promise<RolloutResult>;
  /** Takes every step that rollouts may take by themselves. */
  advance(fence: number): Promise<void>;
}

export interface RolloutsOptions {
  state: State;
  gate: Pick<Gate, 'assess' | 'clear' | 'closed' | 'enforce' | 'requireThawed'>;
  facts: GatherRolloutFacts;
  fleet: Pick<Fleet, 'glance'>;
  observer: Pick<ChannelObserver, 'targetChanged'> & RolloutObserver;
  tracer: Tracer;
  now: () => Date;
  log: Logger;
}

/** Counts for Prometheus. */
export interface RolloutObserver {
  /** By the group's name: its agents by what is counted. */
  rolloutCounted(channel: string, groups: Readonly<Record<string, Readonly<Record<string, number>>>>): void;
}

const ACTOR: Actor = { name: 'system:rollout', role: 'operator' };
/** More steps than a rollout takes at once; the next round goes on. */
const MAX_STEPS = 20;

type Rolling = Stored<Channel> & { progress: Rollout };

/** Leads channels to their targets, group after group. */
export function createRollouts({ state, gate, facts, fleet, observer, tracer, now, log }: RolloutsOptions): Rollouts {
  const warn = countWarnings(log);
  function find(name: string): Rolling {
    const channel = requireChannel(state.snapshot(), name);
    if (channel.progress) return { ...channel, progress: channel.progress };
    throw new FairwayError(
      'not_found',
      channel.rollout
        ? `${name} has had no rollout since it has groups; to begin one: fairway roll-forward ${name} VERSION`
        : `${name} has no groups, so all of its agents move at once; to set groups: fairway channel set ${name} --file FILE (docs/rollouts.md)`,
    );
  }

  /** The gate on the target, as if the channel still served what the rollout started from. */
  function judge(channel: Channel, { from, to }: Rollout, asker?: Actor): Promise<Report> {
    return gate.assess({ ...channel, target: from }, requireVersion(to), asker ? { asker } : {});
  }

  /** What happens next; a group that may begin must pass the gate, which may say that it waits. */
  async function look(channel: Rolling, at: Date): Promise<Look & { known: RolloutFacts }> {
    const rollout = channel.progress;
    const known = await facts(channel, rollout);
    const ahead = lookAhead(channel.name, rollout, known, at);
    const { step } = ahead;
    if (!step || requireGroup(rollout, step.group).state !== 'unstarted') return { ...ahead, known };
    const closed = gate.closed(channel, channelAt(channel, at).critical !== null);
    if (closed) {
      const waits = new Map([...ahead.waits, [step.group, closed.detail] as const]);
      return { step: null, waits, next: `${step.group}: ${closed.detail}`, known };
    }
    const report = await judge(channel, rollout);
    const against = [...report.reasons, ...doubtsOf(report)];
    if (report.allowed && against.length === 0) return { ...ahead, known };
    const why = [...new Set(against.map(({ detail }) => detail))].join('; ');
    const waits = new Map([...ahead.waits, [step.group, why] as const]);
    return { step: null, waits, next: `${step.group}: ${why}`, known };
  }

  async function scopeOf(channel: Rolling): Promise<WatchScope | null> {
    const reading = await fleet.glance();
    const snapshot = state.snapshot();
    const plane = snapshot.controlPlanes.get(channel.controlPlane ?? '')?.version ?? null;
    return watchScope(channel, reading.population(channel, snapshot), plane, now());
  }

  async function view(channel: Rolling): Promise<RolloutView> {
    const rollout = channel.progress;
    const { waits, next, known } = await look(channel, now());
    return {
      id: rollout.id,
      channel: channel.name,
      from: rollout.from,
      to: rollout.to,
      state: rollout.state,
      strategy: rollout.strategy,
      startedAt: rollout.startedAt,
      startedBy: rollout.startedBy,
      reason: rollout.reason,
      halted: rollout.halted,
      paused: rollout.paused,
      groups: rollout.groups.map((group) => viewGroup(group, known, waits)),
      next,
      watch: await scopeOf(channel),
      revision: channel.revision,
    };
  }

  /** Takes one step, if there is one to take. */
  async function advanceOne(name: string, fence: number): Promise<boolean> {
    const snapshot = state.snapshot();
    const channel = snapshot.channels.get(name);
    if (!channel?.progress || !channel.rollout || !isMoving(channel.progress)) return false;
    const before = { ...channel, progress: channel.progress };
    const at = now();
    const { step, known } = await look(before, at);
    observer.rolloutCounted(name, countsOf(before.progress, known));
    if (!step) return false;
    const after = stepped(before, takeStep(before.progress, step, at), { by: ACTOR.name, at, reason: step.reason });
    const attributes = { 'fairway.channel': name, 'fairway.group': step.group, 'fairway.event': step.event };
    await tracer.span('rollout step', { attributes }, () =>
      commit(before, after, step.event, step.group, at, step.reason, ACTOR, fence),
    );
    log.info({ channel: name, group: step.group, event: step.event }, step.reason);
    return true;
  }

  /** One commit, held to the channel's revision and to the release that it leads to. */
  function commit(
    before: Rolling,
    after: Channel,
    event: string,
    group: string | null,
    at: Date,
    reason: string,
    actor: Actor,
    fence?: number,
    cleared: Awaited<ReturnType<Gate['clear']>>['cleared'] = null,
  ): Promise<AuditEntry> {
    return commitDocument(state, {
      ...{ key: channelKey(before.name), before, after, action: `rollout-${event}`, reason, actor, at, fence, cleared },
      guards: releaseGuards(state.snapshot().releases, [before.progress.to, after.target]),
      entry: { before: summarize(before.progress, group), after: summarize(after.progress ?? null, group) },
    });
  }

  async function act(
    name: string,
    verb: RolloutVerb,
    input: RolloutInput,
    request: ChangeRequest,
  ): Promise<RolloutResult> {
    const before = find(name);
    requireRevision(channelKey(name), before, request.ifMatch);
    const at = now();
    const act = { by: request.actor.name, at, reason: input.reason };
    const known = await facts(before, before.progress);
    const { after, group, report, thawed, cleared } = await VERBS[verb]({ before, input, act, known, request });
    const reason = thawed ? `${input.reason} (although ${describeFreeze(thawed)})` : input.reason;
    const audit = request.dryRun
      ? null
      : await commit(before, after, verb, group, at, reason, request.actor, undefined, cleared);
    if (audit && after.target !== before.target) observer.targetChanged(name, 'roll-back');
    const changed = { ...after, progress: after.progress as Rollout, revision: audit?.revision ?? before.revision };
    return { rollout: await view(changed), report, audit };
  }

  interface Verbal {
    before: Rolling;
    input: RolloutInput;
    act: Act;
    known: RolloutFacts;
    request: ChangeRequest;
  }

  interface Done {
    after: Channel;
    group: string | null;
    report: Report | null;
    /** The freeze that an admin overrode. */
    thawed?: Holding | null;
    cleared?: Awaited<ReturnType<Gate['clear']>>['cleared'];
  }

  /** Throws `frozen` where a group must not begin now, unless an admin overrides it. */
  const thaw = ({ before, input, act, request }: Omit<Verbal, 'known'>, verb: RolloutVerb, force: string) => {
    const isCritical = channelAt(before, act.at).critical !== null;
    const group = input.group ? ` --group ${input.group}` : '';
    const again = `fairway rollout ${verb} ${before.name}${group}${force}`;
    return gate.requireThawed(before, isCritical, request.actor, input.overrideFreeze ?? false, again);
  };

  const VERBS: Record<RolloutVerb, (asked: Verbal) => Promise<Done>> = {
    async start({ before, input, act, known, request }) {
      const rollout = requireUnfinished(before);
      const group = input.group ? requireGroup(rollout, input.group) : requireNext(rollout, ['unstarted', 'canary']);
      const { name } = group.settings;
      requireTurn(rollout, group, input.force ?? false);
      requireUnbarred(before, act.at);
      const thawed = thaw({ before, input, act, request }, 'start', input.force ? ' --force' : '');
      const report = await judge(before, rollout, request.actor);
      gate.enforce(before.name, report, request);
      const step = startStep(before.name, group, known, input);
      const going = isMoving(rollout) ? rollout : resumeRollout(rollout, act);
      return { after: stepped(before, takeStep(going, step, act.at), act), group: name, report, thawed };
    },

    async done({ before, input, act, known, request }) {
      const rollout = requireUnfinished(before);
      const group = input.group ? requireGroup(rollout, input.group) : requireNext(rollout, ['canary', 'active']);
      const { name } = group.settings;
      const { agents, atTarget, heard, failed } = known.groups.get(name) ?? NO_FACTS;
      if (!input.force && (group.state === 'unstarted' || atTarget < agents * 0.9)) {
        const why =
          group.state === 'unstarted' ? 'has not begun' : `has ${atTarget} of ${agents} agents at ${rollout.to}`;
        throw new FairwayError('refused', `group ${name} ${why}; to end it anyway, use force (--force)`);
      }
      const thawed = group.state === 'unstarted' ? thaw({ before, input, act, request }, 'done', ' --force') : null;
      const step: GroupStep = { group: name, event: 'finish', reason: act.reason, present: heard, failed };
      const after = stepped(before, takeStep(rollout, step, act.at), act);
      // At 100 % all of its agents were told.
      if (group.state === 'active' && group.wave === 100) return { after, group: name, report: null, thawed };
      requireUnbarred(before, act.at);
      const report = await judge(before, rollout, request.actor);
      gate.enforce(before.name, report, request);
      return { after, group: name, report, thawed };
    },

    async 'roll-back'({ before, input, act, request }) {
      const rollout = before.progress;
      if (input.group) {
        const step: GroupStep = { group: input.group, event: 'roll-back', reason: act.reason };
        return { after: stepped(before, takeStep(rollout, step, act.at), act), group: input.group, report: null };
      }
      if (rollout.from === null || before.target !== rollout.to) {
        throw new FairwayError(
          'refused',
          `${before.name} has no start version to go back to; use withdraw or roll-back`,
        );
      }
      const after = rollBack(before, requireVersion(rollout.from), false, act);
      const verdict = await gate.clear(before, after, request, { wayOut: true });
      return { after, group: null, report: verdict.report, cleared: verdict.cleared };
    },

    async pause({ before, act }) {
      return { after: stepped(before, stopRollout(before.progress, 'pause', act), act), group: null, report: null };
    },

    async resume({ before, act }) {
      const after = stepped(before, resumeRollout(before.progress, act), act);
      // Whoever lets a halted rollout go on lets its channel go as well.
      return { after: before.progress.halted ? { ...after, hold: null } : after, group: null, report: null };
    },

    async reset({ before, input, act }) {
      const rollout = before.progress;
      if (input.group) {
        const step: GroupStep = { group: input.group, event: 'reset', reason: act.reason };
        return { after: stepped(before, takeStep(rollout, step, act.at), act), group: input.group, report: null };
      }
      if (!before.rollout || before.target !== rollout.to || !isUnfinished(rollout)) {
        throw new FairwayError('refused', `the rollout to ${rollout.to} is over; roll the channel forward again`);
      }
      const again = createRollout(before.name, before.rollout, rollout.from, rollout.to, null, act);
      return { after: stepped({ ...before, hold: null }, again, act), group: null, report: null };
    },
  };

  return {
    read: async (name) => view(find(name)),
    waits: async (name) => (await look(find(name), now())).waits,
    act,

    async advance(fence) {
      if (state.storeState().is !== 'up') return;
      for (const { name, progress } of state.snapshot().channels.values()) {
        if (!progress || !isMoving(progress)) continue;
        try {
          for (let steps = 0; steps < MAX_STEPS && (await advanceOne(name, fence)); steps++);
        } catch (error) {
          // Someone else changed the channel, or another server leads: the next round sees what is now.
          if (error instanceof FairwayError && error.code === 'revision_mismatch') continue;
          warn({ err: error, channel: name }, 'a rollout could not be looked at; it will be tried again');
        }
      }
    },
  };
}

/** The channel after a step; with the last one, its start versions are served no more. */
const stepped = (before: Channel, progress: Rollout, act: Act): Channel => ({
  ...before,
  ...(isUnfinished(progress) ? {} : { served: [...servedUntil(before, act.at)] }),
  progress,
  ...stamp(act),
});

function requireUnfinished({ name, progress }: Rolling): Rollout {
  if (isUnfinished(progress)) return progress;
  throw new FairwayError('refused', `the rollout of ${name} to ${progress.to} is ${progress.state} already`);
}

/** The first group that is in one of these states. Throws `refused`. */
function requireNext(rollout: Rollout, states: readonly GroupProgress['state'][]): GroupProgress {
  const group = rollout.groups.find(({ state }) => states.includes(state));
  if (group) return group;
  throw new FairwayError('refused', `no group of the rollout is ${states.join(' or ')}; name one`);
}

function requireTurn(rollout: Rollout, group: GroupProgress, force: boolean): void {
  const before = rollout.groups.slice(0, rollout.groups.indexOf(group)).find(({ state }) => state !== 'done');
  if (!before || force) return;
  const { name } = before.settings;
  throw new FairwayError(
    'refused',
    `group ${name} comes before ${group.settings.name} and is ${before.state}; to start it anyway, use force (--force)`,
  );
}

/** A pin stops people as well. */
function requireUnbarred(channel: Channel, at: Date): void {
  const { pin, name } = channelAt(channel, at);
  if (pin)
    throw new FairwayError(
      'channel_pinned',
      `pinned by ${pin.by}: ${pin.reason}. To release it: fairway unpin ${name}`,
    );
}

/** A person begins a group whatever its window and its waiting time say. */
function startStep(channel: string, group: GroupProgress, known: RolloutFacts, input: RolloutInput): GroupStep {
  const { name, canaries } = group.settings;
  const { heard, failed, eligible } = known.groups.get(name) ?? NO_FACTS;
  const base = { group: name, reason: input.reason, present: heard, failed };
  if (input.skipCanaries || group.state === 'canary' || canaries === 0 || known.counted) {
    if (group.state === 'canary' && !input.skipCanaries) {
      throw new FairwayError(
        'refused',
        `group ${name} has begun with its canaries; to go on without, use skipCanaries (--skip-canaries)`,
      );
    }
    return { ...base, event: 'skip-canaries', counted: known.counted };
  }
  if (eligible.length < canaries) {
    throw new FairwayError(
      'refused',
      `group ${name} has ${eligible.length} agents that can be a canary and needs ${canaries}; lower its canaries, or: fairway rollout start ${channel} --group ${name} --skip-canaries`,
    );
  }
  return { ...base, event: 'begin', canaries: eligible.slice(0, canaries) };
}

function viewGroup(group: GroupProgress, { groups }: RolloutFacts, waits: Look['waits']): GroupView {
  const { settings, state, since, wave } = group;
  const known = groups.get(settings.name) ?? NO_FACTS;
  return {
    ...{ name: settings.name, state, since, wave, waves: settings.waves },
    ...{ agents: known.agents, told: known.told, atTarget: known.atTarget, reverted: known.reverted },
    vanished: state === 'unstarted' ? 0 : Math.max((group.present ?? 0) - known.heard, 0),
    ...{ failed: known.failed, pinned: known.pinned, anonymous: known.anonymous },
    canaries: known.canaries.map(({ id, host, state: now }) => ({ id, host, state: now })),
    waitsFor: waits.get(settings.name) ?? null,
  };
}

function countsOf(rollout: Rollout, known: RolloutFacts): Record<string, Record<string, number>> {
  const groups = rollout.groups.map((group) => {
    const { name, agents, told, atTarget, reverted, vanished, failed } = viewGroup(group, known, new Map());
    return [name, { agents, told, at_target: atTarget, reverted, vanished, failed }] as const;
  });
  return Object.fromEntries(groups);
}

/** What an entry of the audit log holds of a rollout: the whole is in the channel's document. */
function summarize(rollout: Rollout | null, group: string | null): object | null {
  if (!rollout) return null;
  const { id, to, state, groups } = rollout;
  const named = groups.find(({ settings }) => settings.name === group);
  return {
    ...{ rollout: id, to, state },
    ...(named
      ? { group, groupState: named.state, wave: named.wave, canaries: named.canaries.map((each) => each.id) }
      : {}),
  };
}
