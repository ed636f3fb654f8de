import { FairwayError } from './errors.ts';
import type { Freeze } from './freeze.ts';
import type { Purpose } from './purpose.ts';
import { isMachine } from './role.ts';
import { createImmediate, createRollout, endRollout, isUnfinished, type Rollout, regroup } from './rollout.ts';
import type { RolloutSettings } from './rollout-settings.ts';
import { overtake, type ScheduledChange } from './schedule.ts';
import { compareVersions, requireVersion, type Version, type VersionKind } from './version.ts';
import { WATCH_ACTOR, type WatchSettings } from './watch-settings.ts';
import type { Window } from './window.ts';
import { clock, who } from './words.ts';

/** A version that the channel served, and until when (ISO 8601). */
export interface ServedTarget {
  version: string;
  until: string;
}

export interface Pin {
  reason: string;
  by: string;
  at: string;
  /** ISO 8601; null: until it is unpinned. */
  until: string | null;
}

export interface Critical {
  reason: string;
  by: string;
  at: string;
  /** ISO 8601; null: until it is cleared or the target changes. */
  until: string | null;
}

/** A person took the target back, so no stage, plan or promotion moves the channel until a person lets it go. */
export interface Hold {
  by: string;
  /** ISO 8601. */
  at: string;
  reason: string;
}

/** The way to a target across majors, one release of each after the other, so that no agent is stranded. */
export interface Plan {
  /** Where it leads: the last of `route`. */
  target: string;
  route: string[];
  /** The index in `route` of the channel's present target. */
  step: number;
  critical: boolean;
  startedBy: string;
  startedAt: string;
  reason: string;
}

/** Serves a version to a group of agents. */
export interface Channel {
  name: string;
  description: string;
  accepts: VersionKind[];
  /** What the channel is for, which `accepts` follows unless it was named; unset: no rule. */
  purpose?: Purpose | null | undefined;
  /** What stands before the version in an answer. */
  versionPrefix: 'v' | '';
  /** Its agents are deployed with Helm charts, so it takes a release only once those are published too. */
  needsHelm: boolean;
  /** The control plane that its agents connect to. */
  controlPlane: string | null;
  /** The version for client tools, canonical; null: the target. */
  toolsVersion: string | null;
  /** What client tools get while a pull has left no target; unset: nothing. Any target ends it. */
  toolsFallback?: string | null | undefined;
  /** In which order its agents go to a new target; unset: all at once. */
  rollout?: RolloutSettings | null | undefined;
  /** When v2 updaters may move, and when plans and promotions may move the target; unset: always. */
  window?: Window | null | undefined;
  /** When its target does not move forward; unset: it always may. */
  freezes?: Freeze[] | null | undefined;
  /** Canonical, without prefix; null: agents get `none`. */
  target: string | null;
  critical: Critical | null;
  pin: Pin | null;
  hold: Hold | null;
  /** The way to the target, ascending, which is its last entry unless the channel is withdrawn. */
  lineage: string[];
  /** Former targets, for the gate to presume agents at. */
  served: ServedTarget[];
  /** The steps still to come; null where the target is not on its way anywhere. Any move but the plan's own ends it. */
  plan: Plan | null;
  /** What is looked at after a move; unset: the usual (`DEFAULT_WATCH`). */
  watch?: WatchSettings | null | undefined;
  /** When a person let the channel go that the watch had held (ISO 8601); what happened before counts no more. */
  forgiven?: string | null | undefined;
  /** How far the last rollout is; unset if the channel has had none since it got its groups. */
  progress?: Rollout | null | undefined;
  /** Changes that people scheduled, by their time, and those of late that were not carried out; unset: none. */
  scheduled?: ScheduledChange[] | undefined;
  updatedAt: string;
  updatedBy: string;
}

/**
 * What is remembered of a deleted channel: its agents may be there again when one of that name is made, and its
 * bootstrap must not make it again.
 */
export interface RetiredChannel {
  name: string;
  served: ServedTarget[];
  controlPlane: string | null;
  /** The hold of the channel, if it was held when it was deleted. */
  hold?: Hold | null | undefined;
  /** ISO 8601. */
  at: string;
  by: string;
}

export type ChannelSettings = Pick<
  Channel,
  | 'description'
  | 'accepts'
  | 'purpose'
  | 'versionPrefix'
  | 'needsHelm'
  | 'controlPlane'
  | 'toolsVersion'
  | 'rollout'
  | 'window'
  | 'watch'
  | 'freezes'
>;

/** Who changes a channel, when, and why. */
export interface Act {
  by: string;
  at: Date;
  reason: string;
  /** When they decided it, if not at `at`: a scheduled change is decided when it is accepted. */
  decidedAt?: Date | undefined;
}

export const VERBS = [
  'roll-forward',
  'roll-back',
  'pin',
  'unpin',
  'critical',
  'withdraw',
  'cancel-plan',
  'release',
  'check',
] as const;
export type Verb = (typeof VERBS)[number];

export const DEFAULT_SETTINGS: ChannelSettings = {
  description: '',
  accepts: ['stable', 'cloud'],
  versionPrefix: 'v',
  needsHelm: false,
  controlPlane: null,
  toolsVersion: null,
};

/** Enough to find any way back; older steps are in the audit log. */
const MAX_LINEAGE = 50;
/** Bounds the document. */
const MAX_SERVED = 50;

/** Parts of a name between slashes. */
export const MAX_SEGMENTS = 8;
const SEGMENT = /^[a-z0-9][a-z0-9._-]*$/;
const RESERVED_SEGMENTS = new Set(['version', 'critical', 'tools']);

/** Returns what is wrong with a channel's name, or null. */
export function channelNameFault(name: string): string | null {
  const segments = name.split('/');
  if (name.length > 128) return 'a channel name has at most 128 characters';
  if (segments.length > MAX_SEGMENTS) return `a channel name has at most ${MAX_SEGMENTS} segments`;
  if (!segments.every((segment) => SEGMENT.test(segment))) {
    return 'a channel name is made of segments of a-z, 0-9, ".", "_" and "-" that begin with a letter or digit, joined by "/"';
  }
  if (segments[0] === 'webapi') return 'a channel name must not begin with "webapi"';
  const reserved = segments.find((segment) => RESERVED_SEGMENTS.has(segment));
  return reserved ? `a channel name must not have a segment "${reserved}"` : null;
}

/** Does the change take agents back, or leave them where they are? */
export const isBack = ({ target }: Pick<Channel, 'target'>, after: Pick<Channel, 'target'>): boolean =>
  target !== null && after.target !== null && compareVersions(after.target, target) <= 0;

/** What must be kept of the channel when it is deleted. */
export function retire(channel: Channel, act: Act): RetiredChannel {
  const { name, controlPlane, hold } = channel;
  return { name, served: serve(channel, act.at), controlPlane, hold, at: act.at.toISOString(), by: act.by };
}

/** The target that agents follow, or followed last; null if the channel never had one. */
export const presentTarget = ({
  target,
  lineage,
  served,
}: Pick<Channel, 'target' | 'lineage' | 'served'>): string | null =>
  target ?? lineage.at(-1) ?? served.at(-1)?.version ?? null;

/** When the channel last served a target (ISO 8601); null if it serves one, or never did. */
export const withdrawnAt = ({
  target,
  lineage,
  served,
  updatedAt,
}: Pick<Channel, 'target' | 'lineage' | 'served' | 'updatedAt'>): string | null => {
  if (target !== null) return null;
  // A channel of an early release has a lineage, and no record of what it served.
  return served.at(-1)?.until ?? (lineage.length > 0 ? updatedAt : null);
};

/**
 * A new channel, which serves `target` or, without one, `none`. One of the same name may have been there before; then
 * the new one is held, because a person took the old one away.
 */
export function createChannel(
  name: string,
  settings: ChannelSettings,
  target: Version | null,
  act: Act,
  retired?: RetiredChannel,
): Channel {
  const base: Channel = {
    name,
    ...settings,
    target: null,
    critical: null,
    pin: null,
    hold: null,
    lineage: [],
    served: retired?.served ?? [],
    plan: null,
    ...stamp(act),
  };
  // Nothing was served before, so there is no version that a rollout could start from.
  const served = target ? { ...moveTo(base, target, act), progress: undefined } : base;
  return { ...served, hold: retired ? holdAgain(retired, act) : null };
}

/** The hold of a channel that is made again. */
export const holdAgain = ({ hold, by, at }: RetiredChannel, act: Act): Hold =>
  hold ?? heldBy({ ...act, reason: `it was deleted at ${clock(at)} by ${who(by)}, then created again` });

/** Why no machine moves the channel, and what to do; null unless it is held. */
export const describeHold = ({ name, hold, served }: Pick<Channel, 'name' | 'hold' | 'served'>): string | null =>
  hold && `held by ${who(hold.by)}: ${hold.reason}; ${wayOn({ name, hold, served })}`;

/** Has the watch stopped the move to the target? Not once it has taken the target back, in the commit of its hold. */
export const isHaltedByWatch = ({ hold, served }: Pick<Channel, 'hold' | 'served'>): boolean =>
  hold?.by === WATCH_ACTOR && !served.some(({ until }) => until === hold.at);

/** What the watch stopped is mostly to be taken back, so that comes first. */
const wayOn = ({ name, ...channel }: Parameters<typeof describeHold>[0]): string =>
  isHaltedByWatch(channel)
    ? `to go back: fairway roll-back ${name}; to go on anyway: fairway release ${name}`
    : `to let it go: fairway release ${name}`;

/** The channel as it is at `at`: pins and critical marks whose time has come are gone. */
export function channelAt(channel: Channel, at: Date): Channel {
  const pin = lasts(channel.pin, at) ? channel.pin : null;
  const critical = lasts(channel.critical, at) ? channel.critical : null;
  return pin === channel.pin && critical === channel.critical ? channel : { ...channel, pin, critical };
}

const lasts = (mark: Pin | Critical | null, at: Date) => !mark?.until || Date.parse(mark.until) > at.getTime();

/** When the channel next changes by itself (epoch milliseconds after `at`), or Infinity. */
export function nextExpiry(channel: Channel, at: Date): number {
  const ends = [channel.pin?.until, channel.critical?.until].flatMap((until) => (until ? [Date.parse(until)] : []));
  return Math.min(...ends.filter((end) => end > at.getTime()));
}

/**
 * Moves the target to a newer version. Throws `channel_pinned`, `not_newer`, and `refused` if a machine would move a
 * channel that is held.
 */
export function rollForward(
  channel: Channel,
  target: Version,
  critical: boolean,
  act: Act,
  immediate = false,
): Channel {
  const current = movable(channel, act.at);
  if (current.hold && isMachine(act.by))
    throw new FairwayError('refused', `${channel.name} is ${describeHold(current)}`);
  const { name, target: present } = current;
  const order = present === null ? 1 : compareVersions(target, present);
  if (order === 0) throw new FairwayError('not_newer', `${name} is at ${present} already`);
  if (order < 0) {
    throw new FairwayError(
      'not_newer',
      `${target.text} is older than ${present}, the target of ${name}; to go back: fairway roll-back ${name} ${target.text}`,
    );
  }
  return moveTo(current, target, act, { critical, immediate });
}

/** The version that a roll-back to nothing in particular leads to. Throws `no_previous_target`. */
export function previousTarget(channel: Channel): string {
  const { progress, lineage } = channel;
  const previous = (progress && isUnfinished(progress) ? progress.from : null) ?? lineage.at(-2);
  if (!previous) {
    throw new FairwayError('no_previous_target', `${channel.name} has no earlier target to go back to; name a version`);
  }
  return previous;
}

/** Moves the target to an older version, and holds the channel there. Throws `channel_pinned`, `not_older`. */
export function rollBack(channel: Channel, target: Version, critical: boolean, act: Act): Channel {
  const current = movable(channel, act.at);
  const from = current.target ?? current.lineage.at(-1);
  if (from && compareVersions(target, from) >= 0) {
    throw new FairwayError(
      'not_older',
      `${target.text} is not older than ${from}, the target of ${current.name}; to go on: fairway roll-forward ${current.name} ${target.text}`,
    );
  }
  return moveTo(current, target, act, { critical });
}

/**
 * Freezes the target, moved to `target` first if one is given. A pinned channel can be pinned again, with another
 * reason or end, but not moved. Throws `channel_pinned`, and `invalid` when there is nothing to freeze.
 */
export function pin(channel: Channel, target: Version | null, until: Date | null, act: Act): Channel {
  const moves = target !== null && target.text !== channel.target;
  const current = moves ? moveTo(movable(channel, act.at), target, act) : channel;
  if (current.target === null) {
    throw new FairwayError('invalid', `${channel.name} has no target to pin; name a version`);
  }
  const scheduled = overtake(current.scheduled, act, false);
  return { ...current, pin: mark(act, until), scheduled, ...stamp(act) };
}

/** Lets the target move again; a channel that is not pinned stays as it is. */
export function unpin(channel: Channel, act: Act): Channel {
  return { ...channel, pin: null, ...stamp(act) };
}

/** Lets stages, plans and promotions move the channel again; a channel that is not held stays as it is. */
export function release(channel: Channel, act: Act): Channel {
  const forgiven = channel.hold?.by === WATCH_ACTOR ? act.at.toISOString() : channel.forgiven;
  return { ...channel, hold: null, forgiven, ...stamp(act) };
}

/** Lets agents upgrade outside their maintenance window, or no longer. */
export function setCritical(channel: Channel, critical: boolean, until: Date | null, act: Act): Channel {
  return { ...channel, critical: critical ? mark(act, until) : null, ...stamp(act) };
}

/**
 * The channel as a document describes it. Its own lineage is kept: a document says where to go, not where it was.
 * Throws `channel_pinned` if that means a move.
 */
export function conform(channel: Channel, wanted: Channel, target: Version | null, act: Act): Channel {
  const { description, accepts, versionPrefix, needsHelm, controlPlane, toolsVersion } = wanted;
  const { purpose, rollout, window, watch, freezes } = wanted;
  const later = { purpose, rollout, window, watch, freezes };
  const settings = { description, accepts, versionPrefix, needsHelm, controlPlane, toolsVersion, ...later };
  const base =
    channel.target === (target?.text ?? null) ? changeSettings(channel, settings, act) : { ...channel, ...settings };
  const moved =
    base.target === (target?.text ?? null)
      ? base
      : target === null
        ? withdraw(base, act)
        : moveTo(movable(base, act.at), target, act);
  const { critical, pin } = wanted;
  const scheduled = pin && pin !== channel.pin ? overtake(moved.scheduled, act, false) : moved.scheduled;
  return { ...moved, critical, pin, scheduled, ...stamp(act) };
}

/** The channel with other settings; what has begun of a rollout stays. Throws `refused` as `regroup` does. */
export function changeSettings(channel: Channel, settings: Partial<ChannelSettings>, act: Act): Channel {
  const { rollout = channel.rollout } = settings;
  const progress =
    channel.progress && rollout !== channel.rollout ? regroup(channel.progress, rollout ?? null) : channel.progress;
  return { ...channel, ...settings, progress, ...stamp(act) };
}

/** Takes the target away, so that agents stay where they are, and holds the channel. Throws `channel_pinned`. */
export function withdraw(channel: Channel, act: Act): Channel {
  const current = movable(channel, act.at);
  const progress = current.progress && endRollout(current.progress, act.at);
  const scheduled = overtake(current.scheduled, act, false);
  const gone = { target: null, critical: null, plan: null, progress, hold: heldBy(act), scheduled };
  return { ...current, ...gone, toolsFallback: undefined, served: serve(current, act.at), ...stamp(act) };
}

/**
 * Moves the target away from a release that was pulled, or takes it away where there is nothing to go back to.
 * A pin does not hold it: it freezes a choice among good releases. It stays, so that nothing else moves the channel. A
 * hold stays as well, and a pull sets none: the release itself is barred everywhere (docs/decisions/0022-holds.md).
 * Scheduled changes stay for the same reason; the gate refuses those that lead to it.
 */
export function retreat(channel: Channel, target: Version | null, critical: boolean, act: Act): Channel {
  const { pin, hold, scheduled } = channelAt(channel, act.at);
  if (target) return { ...moveTo(channel, target, act, { critical }), pin, hold, scheduled };
  // Its way must not lead to the pulled release any more.
  const lineage = channel.lineage.filter((version) => version !== channel.target);
  return { ...withdraw({ ...channel, pin: null }, act), lineage, pin, hold, scheduled };
}

/** The channel without a target, with a version for client tools that have nothing to follow. */
export const withToolsFallback = (channel: Channel, version: Version | null): Channel => ({
  ...channel,
  toolsFallback: version?.text,
});

/** Lets client tools follow the target again. A pin does not hold that either: it freezes the target. */
export function releaseTools(channel: Channel, act: Act): Channel {
  return { ...channel, toolsVersion: null, ...stamp(act) };
}

/** The channel, unless it is pinned at `at`: throws `channel_pinned`. */
export function movable(channel: Channel, at: Date): Channel {
  const { name, pin } = channelAt(channel, at);
  if (!pin) return channel;
  const end = pin.until ? `until ${clock(pin.until)} ` : '';
  throw new FairwayError(
    'channel_pinned',
    `${name} is pinned ${end}by ${who(pin.by)}, reason: ${pin.reason}. To release it: fairway unpin ${name}`,
  );
}

/** How a target moves. `immediate`: to all groups at once. */
interface How {
  critical?: boolean;
  immediate?: boolean;
}

function moveTo(
  channel: Channel,
  target: Version,
  act: Act,
  { critical = false, immediate = false }: How = {},
): Channel {
  const behind = channel.lineage.filter((version) => compareVersions(version, target) < 0);
  return {
    ...channel,
    target: target.text,
    critical: critical ? mark(act, null) : null,
    pin: null,
    plan: null,
    hold: goesBack(channel, target) ? heldBy(act) : null,
    lineage: [...behind, target.text].slice(-MAX_LINEAGE),
    served: serve(channel, act.at),
    progress: progressTo(channel, target, act, immediate) ?? undefined,
    forgiven: undefined,
    scheduled: overtake(channel.scheduled, act, !goesBack(channel, target)),
    toolsFallback: undefined,
    ...stamp(act),
  };
}

/** The rollout that leads to a new target; one that goes back is given up, and its agents go back at once. */
function progressTo(channel: Channel, target: Version, act: Act, immediate: boolean): Rollout | null {
  const { name, rollout, target: from, progress } = channel;
  if (goesBack(channel, target)) return progress ? endRollout(progress, act.at) : null;
  if (!rollout) return null;
  return (immediate ? createImmediate : createRollout)(name, rollout, from, target.text, progress ?? null, act);
}

/** Is the target still on its way to some of the channel's agents? */
export const isRollingOut = ({ progress }: Pick<Channel, 'progress'>): boolean =>
  Boolean(progress && isUnfinished(progress));

export const describeRollingOut = ({ name, progress }: Pick<Channel, 'name' | 'progress'>): string =>
  `the rollout of ${name} to ${progress?.to} is ${progress?.state}; see: fairway rollout ${name}`;

/** Is `target` older than what the channel serves, or served before it was withdrawn? */
function goesBack({ target: present, lineage }: Channel, target: Version): boolean {
  const from = present ?? lineage.at(-1);
  return from !== undefined && compareVersions(target, from) < 0;
}

/** The former targets after the present one stops being served, with it the start versions of a rollout. */
function serve(channel: Channel, at: Date): ServedTarget[] {
  const { target } = channel;
  const served = servedUntil(channel, at);
  return target === null ? [...served] : remember(served, target, at);
}

/** The former targets; start versions of a rollout that is under way are served until `at`. */
export function servedUntil(
  { served, progress }: { served: readonly ServedTarget[]; progress?: Rollout | null | undefined },
  at: Date,
): readonly ServedTarget[] {
  if (!progress || !isUnfinished(progress)) return served;
  const froms = [...new Set(progress.groups.map(({ from }) => from))];
  return froms.reduce<readonly ServedTarget[]>((all, from) => (from === null ? all : remember(all, from, at)), served);
}

function remember(served: readonly ServedTarget[], version: string, at: Date): ServedTarget[] {
  const others = served.filter((each) => each.version !== version);
  const all = [...others, { version, until: at.toISOString() }];
  return all.length > MAX_SERVED ? forgetOne(all) : all;
}

/**
 * Without the earliest target that another one of its major stands for: of each major at least one must be remembered.
 */
function forgetOne(served: ServedTarget[]): ServedTarget[] {
  const majors = served.map(({ version }) => requireVersion(version).major);
  const spare = majors.findIndex((major, index) => majors.lastIndexOf(major) > index);
  return served.toSpliced(Math.max(spare, 0), 1);
}

const heldBy = ({ by, at, reason }: Act): Hold => ({ by, at: at.toISOString(), reason });

const mark = ({ reason, by, at }: Act, until: Date | null) => {
  return { reason, by, at: at.toISOString(), until: until?.toISOString() ?? null };
};

export const stamp = ({ by, at }: Act) => ({ updatedAt: at.toISOString(), updatedBy: by });
