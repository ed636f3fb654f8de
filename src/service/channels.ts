import type { AuditEntry } from '../domain/audit.ts';
import {
  type Act,
  type Channel,
  type ChannelSettings,
  changeSettings,
  channelAt,
  channelNameFault,
  createChannel,
  DEFAULT_SETTINGS,
  isBack,
  pin,
  previousTarget,
  type RetiredChannel,
  release,
  retire,
  rollBack,
  rollForward,
  setCritical,
  unpin,
  type Verb,
  withdraw,
} from '../domain/channel.ts';
import { type Report, strandingOf } from '../domain/compatibility.ts';
import { derivedOnce } from '../domain/derived.ts';
import { FairwayError } from '../domain/errors.ts';
import { describeFreeze } from '../domain/freeze.ts';
import { nameOf, type Page, type PageQuery, pageByName, sortedBy } from '../domain/page.ts';
import { cancelPlan, planRoute, startPlan } from '../domain/plan.ts';
import { describeOverride, withPurpose } from '../domain/purpose.ts';
import type { Actor } from '../domain/role.ts';
import { isWaiting, type MoveInput, type ScheduledChange, shownAt, withoutScheduled } from '../domain/schedule.ts';
import {
  channelKey,
  replace,
  requireChannel,
  retiredKey,
  type Snapshot,
  type Stored,
  watchKey,
} from '../domain/snapshot.ts';
import { requireVersion } from '../domain/version.ts';
import { clock, count, who } from '../domain/words.ts';
import { type ChangeRequest, commitDocument, releaseGuards, requireRevision, targetGuards } from './change.ts';
import type { Fleet } from './fleet.ts';
import type { Gate, Verdict } from './gate.ts';
import type { State } from './state.ts';

/** A verb that changes a channel. */
export type ChangingVerb = Exclude<Verb, 'check'>;

export interface VerbInput extends MoveInput {
  reason: string;
  /** Agents that the operator accepts to strand; the report's number. */
  acceptStranding?: number | undefined;
}

/** What creating or changing a channel takes in addition to its settings. */
export interface ChannelInput {
  /** Only for a new channel. */
  target?: string | undefined;
  reason?: string | undefined;
  /** Agents that the operator accepts to strand; the report's number. */
  acceptStranding?: number | undefined;
}

/** A channel as it is now. `frozen` is unset unless a freeze holds; then it says until when and why. */
export type PresentChannel = Stored<Channel> & { frozen?: string | undefined };

export interface VerbResult {
  channel: PresentChannel;
  /** The gate's verdict where the target moved. */
  report: Report | null;
  /** Null on a dry run. */
  audit: AuditEntry | null;
}

/** When a verb counts, if not now. */
export interface Timing {
  /** Judges a dry run as of then: what is pinned or frozen no longer does not count. */
  moment?: Date | undefined;
  /** The scheduled change that this carries out; it leaves the channel with the same commit. */
  carriesOut?: ScheduledChange | undefined;
}

/** Counts events for Prometheus. */
export interface ChannelObserver {
  targetChanged(channel: string, verb: string): void;
  strandingAccepted(channel: string): void;
}

export interface Channels {
  /** All channels, by name. */
  list(): PresentChannel[];
  page(query: PageQuery): Page<PresentChannel>;
  read(name: string): PresentChannel;
  /** Creates the channel, or changes the given settings of it. */
  put(
    name: string,
    change: Partial<ChannelSettings> & ChannelInput,
    request: ChangeRequest,
  ): Promise<{ channel: PresentChannel; created: boolean; report: Report | null }>;
  remove(name: string, request: ChangeRequest): Promise<void>;
  act(name: string, verb: ChangingVerb, input: VerbInput, request: ChangeRequest, timing?: Timing): Promise<VerbResult>;
  check(name: string, version: string, asker: Actor): Promise<Report>;
}

export interface ChannelsOptions {
  state: State;
  fleet: Pick<Fleet, 'read'>;
  gate: Gate;
  observer: ChannelObserver;
  now: () => Date;
}

/** The state after each verb; what a verb may not do, the domain refuses. */
const TRANSITIONS: Record<ChangingVerb, (channel: Channel, input: VerbInput, act: Act) => Channel> = {
  'roll-forward': (channel, { version = '', critical = false, immediate = false }, act) =>
    rollForward(channel, requireVersion(version), critical, act, immediate),
  'roll-back': (channel, { version, critical = false }, act) =>
    rollBack(channel, requireVersion(version ?? previousTarget(channel)), critical, act),
  pin: (channel, { version, until }, act) =>
    pin(channel, version === undefined ? null : requireVersion(version), readEnd(until, act), act),
  unpin: (channel, _, act) => unpin(channel, act),
  critical: (channel, { critical = true, until }, act) => setCritical(channel, critical, readEnd(until, act), act),
  withdraw: (channel, _, act) => withdraw(channel, act),
  'cancel-plan': (channel, _, act) => cancelPlan(channel, act),
  release: (channel, _, act) => release(channel, act),
};

/** Verbs that may take a channel back to a good release. */
const WAYS_OUT: ReadonlySet<Verb> = new Set(['roll-back', 'pin']);

const hurries = (verb: Verb, { target }: Channel, after: Channel) =>
  verb === 'critical' && after.critical !== null && target !== null;

/** Steers channels; no target is set but through the gate. */
export function createChannels({ state, fleet, gate, observer, now }: ChannelsOptions): Channels {
  const sorted = derivedOnce((all: Snapshot['channels']) => sortedBy(all.values(), nameOf));

  const present = (channel: Stored<Channel>): PresentChannel => {
    const closed = gate.closed(channel, false);
    const { scheduled, ...rest } = channelAt(channel, now());
    const shown = shownAt(scheduled, now());
    return {
      ...rest,
      ...(shown.length > 0 ? { scheduled: shown } : {}),
      revision: channel.revision,
      ...(closed?.reason === 'frozen' ? { frozen: closed.detail } : {}),
    };
  };

  const find = (name: string) => requireChannel(state.snapshot(), name);

  async function act(
    name: string,
    verb: ChangingVerb,
    input: VerbInput,
    request: ChangeRequest,
    { moment, carriesOut }: Timing = {},
  ): Promise<VerbResult> {
    const { releases } = state.snapshot();
    const before = find(name);
    requireRevision(channelKey(name), before, request.ifMatch);
    if (carriesOut) requireWaiting(before, carriesOut);
    const at = moment ?? now();
    const decidedAt = carriesOut && new Date(carriesOut.acceptedAt);
    const act: Act = { by: request.actor.name, at, reason: input.reason, decidedAt };
    const moved =
      (input.stepped ? await startStepped(before, input, act) : null) ?? TRANSITIONS[verb](before, input, act);
    const after = carriesOut ? { ...moved, scheduled: withoutScheduled(moved.scheduled, carriesOut.id) } : moved;
    const moves = after.target !== null && after.target !== before.target;
    const wayOut = WAYS_OUT.has(verb) && isBack(before, after);
    const accepted = input.acceptStranding;
    const freeze = input.overrideFreeze ? 'override' : undefined;
    const again = verb === 'pin' ? `fairway pin ${name} ${after.target}` : undefined;
    const { cleared, ...verdict } = hurries(verb, before, after)
      ? await hurry(before, request, accepted)
      : await gate.clear(before, after, request, { accepted, wayOut, freeze, again, moment });
    const { report, overridden, thawed } = verdict;
    if (request.dryRun) return { channel: present({ ...after, revision: before.revision }), report, audit: null };

    const notes = [
      ...(overridden ? [`accepted stranding ${report?.stranded}`] : []),
      ...(thawed ? [`although ${describeFreeze(thawed)}`] : []),
      ...(report?.warnings ?? []).flatMap(({ reason, detail }) => (reason === 'beyond_purpose' ? [detail] : [])),
      ...(input.immediate && before.rollout ? ['to all groups at once'] : []),
      ...(carriesOut ? [describeOrder(carriesOut)] : []),
    ];
    const reason = notes.length > 0 ? `${input.reason} (${notes.join('; ')})` : input.reason;
    const audit = await commitDocument(state, {
      key: channelKey(name),
      before,
      after,
      action: verb,
      reason,
      actor: request.actor,
      at,
      fence: request.fence,
      guards: moves ? targetGuards(releases, after) : [],
      cleared,
    });
    if (after.target !== before.target) observer.targetChanged(name, verb);
    if (overridden) observer.strandingAccepted(name);
    return { channel: present({ ...after, revision: audit.revision }), report, audit };
  }

  /**
   * A mark that takes agents out of their maintenance window must not hurry them to where they are cut off: it is asked
   * for again with the number of those agents.
   */
  async function hurry(channel: Channel, request: ChangeRequest, accepted: number | undefined): Promise<Verdict> {
    const report = strandingOf(
      await gate.assess(channel, requireVersion(channel.target ?? ''), { asker: request.actor }),
    );
    return { report, overridden: gate.enforce(channel.name, report, request, accepted), cleared: null };
  }

  /** Null where the way needs no steps. */
  async function startStepped(channel: Channel, input: VerbInput, act: Act): Promise<Channel | null> {
    if (input.acceptStranding !== undefined) {
      throw new FairwayError(
        'invalid',
        'a stepped roll-forward strands no agent; leave out stepped or acceptStranding',
      );
    }
    const target = requireVersion(input.version ?? '');
    const route = planRoute(channel, target, await gate.assess(channel, target), state.snapshot().releases);
    return route.length < 2 ? null : startPlan(channel, route, input.critical ?? false, act);
  }

  return {
    list: () => sorted(state.snapshot().channels).map(present),
    page(query) {
      const { items, next } = pageByName(sorted(state.snapshot().channels), nameOf, query);
      return { items: items.map(present), next };
    },
    read: (name) => present(find(name)),
    act,
    async check(name, version, asker) {
      const channel = find(name);
      const report = await gate.assess(channel, requireVersion(version), { asker });
      const closed = gate.closed(channel, false);
      if (closed?.reason !== 'frozen') return report;
      return { ...report, warnings: [...report.warnings, { reason: 'frozen', detail: closed.detail }] };
    },

    async put(name, { target, reason = '', acceptStranding, ...said }, request) {
      const { channels, releases, retired } = state.snapshot();
      const settings = withPurpose(said);
      const before = channels.get(name);
      const former = before ? undefined : retired.get(name);
      requireRevision(channelKey(name), before, request.ifMatch);
      const { actor, dryRun } = request;
      const at = now();
      const act = { by: actor.name, at, reason };
      if (before) requireUnmoved(before, target);
      const after = before ? changeSettings(before, settings, act) : create(name, settings, target, act, former);
      const memory = before ? {} : { former: former?.controlPlane ?? null };
      const verdict = await gate.clear(before ?? null, after, request, { accepted: acceptStranding, ...memory });
      const toolsChange = after.toolsVersion !== (before?.toolsVersion ?? null);
      if (toolsChange) gate.enforceTools(after, { asker: actor });
      const change = {
        key: channelKey(name),
        before,
        after,
        action: before ? 'settings' : 'create',
        reason: notedOverride(after, settings, reason),
        actor,
        at,
        guards: releaseGuards(releases, [before ? null : after.target, toolsChange ? after.toolsVersion : null]),
        more: former ? [replace(retiredKey(name), former, null)] : [],
        cleared: verdict.cleared,
      };
      const revision = dryRun ? (before?.revision ?? 0) : (await commitDocument(state, change)).revision;
      if (verdict.overridden && !dryRun) observer.strandingAccepted(name);
      return { channel: present({ ...after, revision }), created: !before, report: verdict.report };
    },

    async remove(name, request) {
      const before = find(name);
      requireRevision(channelKey(name), before, request.ifMatch);
      const { followers: agents } = (await fleet.read()).population(before, state.snapshot());
      if (agents > 0) {
        throw new FairwayError(
          'channel_in_use',
          `${count(agents, 'enrolled agent')} ${agents === 1 ? 'follows' : 'follow'} ${name}; move them to another channel first`,
        );
      }
      if (request.dryRun) return;
      const at = now();
      const watched = state.snapshot().documents.get(watchKey(name));
      const memory = retire(before, { by: request.actor.name, at, reason: '' });
      const change = {
        key: channelKey(name),
        before,
        after: null,
        action: 'delete',
        reason: '',
        actor: request.actor,
        at,
        more: [
          replace(retiredKey(name), state.snapshot().retired.get(name), memory),
          ...(watched ? [replace(watchKey(name), watched, null)] : []),
        ],
      };
      await commitDocument(state, change);
    },
  };

  function create(
    name: string,
    settings: Partial<ChannelSettings>,
    target: string | undefined,
    act: Act,
    former: RetiredChannel | undefined,
  ): Channel {
    const fault = channelNameFault(name);
    if (fault) throw new FairwayError('invalid', fault);
    const version = target === undefined ? null : requireVersion(target);
    return createChannel(name, { ...DEFAULT_SETTINGS, ...settings }, version, act, former);
  }
}

/** `scheduled by token ops at 2026-11-30 16:00 UTC for 2026-12-01 02:00 UTC` */
const describeOrder = ({ by, at, acceptedAt }: ScheduledChange): string =>
  `scheduled by ${who(by)} at ${clock(acceptedAt)} for ${clock(at)}`;

/** Throws `revision_mismatch` if the change was carried out, cancelled or overtaken meanwhile. */
function requireWaiting({ name, scheduled }: Channel, { id }: ScheduledChange): void {
  if (scheduled?.some((each) => each.id === id && isWaiting(each))) return;
  throw new FairwayError('revision_mismatch', `the change ${id} of ${name} does not wait any more`);
}

/** The reason of a change of settings by which `accepts` overrides the purpose. */
function notedOverride(after: Channel, { accepts, purpose }: Partial<ChannelSettings>, reason: string): string {
  const override = accepts || purpose ? describeOverride(after.name, after) : null;
  return override ? `${reason} (${override})`.trim() : reason;
}

function requireUnmoved({ name }: Channel, target: string | undefined): void {
  if (target === undefined) return;
  throw new FairwayError(
    'invalid',
    `${name} exists; its target is moved with roll-forward or roll-back, not with its settings`,
  );
}

function readEnd(until: string | undefined, { at }: Act): Date | null {
  if (until === undefined) return null;
  const end = new Date(until);
  if (end > at) return end;
  throw new FairwayError('invalid', `until must lie in the future, and ${until} does not`);
}
