import type { Channel } from './channel.ts';
import { parseDuration } from './duration.ts';
import type { GroupProgress, Rollout } from './rollout.ts';
import { type GroupFacts, NO_FACTS } from './rollout-step.ts';
import { compareVersions } from './version.ts';
import { DEFAULT_WATCH, readShare, type WatchSettings } from './watch-settings.ts';
import { count, shortened } from './words.ts';

/** Fewer agents are a coincidence. */
const AT_LEAST = 3;

/** A move that is watched. One without groups is seen as a rollout with one group that went at once. */
export interface WatchedMove {
  rollout: Rollout;
  /** True for a move without groups. */
  plain: boolean;
  /** Reverts count from here; epoch milliseconds. */
  since: number;
}

/** The move of the channel that is watched at `at`; null if there is none, or its time is over. */
export function watchedMove(channel: Channel, at: Date): WatchedMove | null {
  const { target, progress, watch, forgiven } = channel;
  const length = parseDuration((watch ?? DEFAULT_WATCH).for) ?? 0;
  if (target === null || length === 0) return null;
  const now = at.getTime();
  const isOver = (end: string) => Date.parse(end) + length <= now;
  if (progress && progress.to === target) {
    if (progress.state === 'rolledback' || (progress.state === 'done' && isOver(progress.since))) return null;
    return { rollout: progress, plain: false, since: Date.parse(progress.resumedAt ?? progress.startedAt) };
  }
  const before = channel.served.at(-1);
  if (!before || compareVersions(before.version, target) >= 0 || isOver(before.until)) return null;
  return {
    rollout: { ...plainMove(channel, before), resumedAt: forgiven },
    plain: true,
    since: Date.parse(forgiven ?? before.until),
  };
}

/** The group of a move without groups. */
export const ALL_AGENTS = 'all agents';

function plainMove({ name, target, updatedBy }: Channel, { version, until }: Channel['served'][number]): Rollout {
  return {
    ...{ id: name, from: version, to: target ?? '', state: 'done', strategy: 'halt-on-error', unmatched: 'last' },
    ...{ startedAt: until, startedBy: updatedBy, reason: '', since: until, halted: null, paused: null },
    groups: [
      {
        settings: {
          ...{ name: ALL_AGENTS, match: [], canaries: 0, waves: [100], days: [], window: null },
          ...{ waitHours: 0, alertAfter: '4h' },
        },
        ...{ state: 'done', from: version, since: until, startedAt: until, wave: 100, waveSince: until },
        ...{ present: null, canaries: [], counted: false },
      },
    ],
  };
}

/**
 * What was there before a move, or before a person let it go on: taken at the first look, and stored, so that a new
 * leader goes on with it.
 */
export interface WatchBase {
  /** Of the channel. */
  name: string;
  /** The move that it belongs to. */
  move: string;
  /** ISO 8601. */
  at: string;
  /** The control plane's version; null if it is not known. */
  controlPlane: string | null;
  /** By the group's name: those that had begun. */
  groups: Readonly<Record<string, GroupBase>>;
}

/** Agents that were heard, and those whose updater failed. */
export interface GroupBase {
  present: number;
  failed: number;
}

/** Names a move, apart from the moves before it; one that a person let go on is another. */
export const nameMove = ({ id, startedAt, resumedAt }: Rollout): string =>
  [id, startedAt, resumedAt ?? ''].join(' ').trim();

/** Does it belong to the move? */
export const isBaseOf = ({ move }: Pick<WatchBase, 'move'>, { rollout }: WatchedMove): boolean =>
  move === nameMove(rollout);

/** The groups of a move whose agents are watched. */
export const watchedGroups = ({ rollout }: WatchedMove): GroupProgress[] =>
  rollout.groups.filter(({ state }) => state !== 'unstarted' && state !== 'rolledback');

/** Takes what is there now for what was there before. */
export function takeBase(
  name: string,
  move: WatchedMove,
  facts: ReadonlyMap<string, GroupFacts>,
  controlPlane: string | null,
  at: Date,
): WatchBase {
  const groups = watchedGroups(move).map(({ settings }) => {
    const { heard, failed } = facts.get(settings.name) ?? NO_FACTS;
    return [settings.name, { present: heard, failed }] as const;
  });
  return { name, move: nameMove(move.rollout), at: at.toISOString(), controlPlane, groups: Object.fromEntries(groups) };
}

/** Sums what was there before the groups of a move went; what a group began with is known best by the group itself. */
export function beforeMove(move: WatchedMove, { groups }: WatchBase): GroupBase {
  const each = watchedGroups(move).map(({ settings, present, failed = 0 }): GroupBase => {
    const own = present === null ? { present: 0, failed: 0 } : { present, failed };
    return present === null || move.rollout.resumedAt ? (groups[settings.name] ?? own) : own;
  });
  return {
    present: each.reduce((sum, { present }) => sum + present, 0),
    failed: each.reduce((sum, { failed }) => sum + failed, 0),
  };
}

/** What is known of a move's agents now. */
export interface WatchFacts {
  groups: readonly GroupFacts[];
  /** Agents that were there when their groups began. */
  present: number;
  /** Failing updaters that were there before. */
  failedBefore: number;
  controlPlane: { was: string | null; is: string | null };
  /** Conditions that have failed for too long, each as a sentence. */
  conditions: readonly string[];
}

/** Why the move must stop, with the figures and some of the agents; null if nothing looks bad. */
export function judgeMove(settings: WatchSettings, facts: WatchFacts): string | null {
  const sum = (of: (group: GroupFacts) => number) => facts.groups.reduce((all, group) => all + of(group), 0);
  const names = (of: (group: GroupFacts) => readonly string[]) => facts.groups.flatMap(of);
  const told = sum((group) => group.told);
  const heard = sum((group) => group.heard);
  // An outage silences all agents of a channel; only while most of them are heard is one that is silent gone.
  const vanished = heard * 2 >= facts.present ? Math.max(facts.present - heard, 0) : 0;
  const reverted = sum((group) => group.reverted);
  const failed = Math.max(sum((group) => group.failed) - facts.failedBefore, 0);
  const { was, is } = facts.controlPlane;
  const reasons = [
    past(reverted, told, settings.maxReverted, (limit) =>
      describe(
        reverted,
        `of ${told} that were told went back by themselves`,
        limit,
        names((group) => group.names.reverted),
      ),
    ),
    past(vanished, facts.present, settings.maxVanished, (limit) =>
      describe(
        vanished,
        `of ${facts.present} fell silent`,
        limit,
        names((group) => group.names.silent),
      ),
    ),
    past(failed, told, settings.maxFailed, (limit) =>
      describe(
        failed,
        `of ${told} have an updater that fails`,
        limit,
        names((group) => group.names.failed),
      ),
    ),
    ...facts.conditions,
    was !== null && is !== null && compareVersions(is, was) < 0
      ? `the control plane went back from ${was} to ${is}`
      : null,
  ];
  return shortened(reasons.filter((reason) => reason !== null).join('; ')) || null;
}

/** More than the share, and more than a coincidence. */
function past(part: number, whole: number, share: string | number, say: (limit: string) => string): string | null {
  const limit = readShare(share) ?? 0;
  if (part < AT_LEAST || part <= whole * limit) return null;
  return say(typeof share === 'number' ? `${share * 100}%` : share);
}

const MOST_NAMES = 5;

function describe(agents: number, what: string, limit: string, names: readonly string[]): string {
  const some = names.slice(0, MOST_NAMES).join(', ');
  const more = agents > MOST_NAMES ? ' and others' : '';
  return `${count(agents, 'agent')} ${what} (limit ${limit})${some ? `: ${some}${more}` : ''}`;
}
