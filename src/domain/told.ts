import type { Served } from './answer.ts';
import type { Channel } from './channel.ts';
import { type MembershipSettings, prepareMembership, type ResolveGroup } from './membership.ts';
import { type GroupProgress, numberOf, type Rollout } from './rollout.ts';
import { prepareGroups, type RolloutGroup } from './rollout-settings.ts';
import { compareVersions } from './version.ts';
import { WATCH_ACTOR } from './watch-settings.ts';
import { DAYS, openingAt, type Schedule } from './window.ts';

/** The parts of a channel that decide what its agents are told. */
export type ToldChannel = Pick<
  Channel,
  'name' | 'target' | 'critical' | 'hold' | 'rollout' | 'window' | 'progress' | 'served'
>;

/** The rollout that decides what the channel's agents are told; null where all get the target. */
export function leadingRollout({
  rollout,
  progress,
  target,
}: Pick<ToldChannel, 'rollout' | 'progress' | 'target'>): Rollout | null {
  return rollout && progress && target !== null && progress.to === target && progress.state !== 'done'
    ? progress
    : null;
}

/** The groups of a channel: those of the rollout that leads, else those of its settings. */
const groupsOf = (channel: ToldChannel): readonly RolloutGroup[] =>
  leadingRollout(channel)?.groups.map(({ settings }) => settings) ?? channel.rollout?.groups ?? [];

/** The group's name for the spelling that an agent uses (null: it names none); null: the agent is held back. */
export type GroupOf = (spelling: string | null) => string | null;

/**
 * Says which group of the channel agents belong to: the one that the settings map the spelling to, else the one of that
 * name or spelling, else what `unmatched` says. Null for a channel without groups.
 */
export function prepareGroupOf(
  channel: ToldChannel,
  mappings: MembershipSettings['groups'],
): { groupOf: GroupOf; isNamed(spelling: string): boolean } | null {
  if (!channel.rollout) return null;
  const { unmatched } = leadingRollout(channel) ?? channel.rollout;
  const groups = groupsOf(channel);
  const find = prepareGroups(groups);
  const mapped = Object.entries(mappings).flatMap(([spelling, { channel: to, group = spelling }]) => {
    const there = to === channel.name ? find(group) : null;
    return there ? [{ name: there.name, match: [spelling] }] : [];
  });
  const findMapped = prepareGroups(mapped.map(({ name, match }) => ({ name: match[0] ?? name, match, group: name })));
  const rest = unmatched === 'last' ? (groups.at(-1)?.name ?? null) : null;
  const known = (spelling: string | null) => findMapped(spelling)?.group ?? find(spelling)?.name ?? null;
  return { groupOf: (spelling) => known(spelling) ?? rest, isNamed: (spelling) => known(spelling) !== null };
}

/** Says which channel serves the agents of a group, where the default channel may have groups of its own. */
export function membershipOf(channels: ReadonlyMap<string, ToldChannel>, settings: MembershipSettings): ResolveGroup {
  const own = channels.get(settings.defaultChannel);
  const groups = own ? prepareGroupOf(own, settings.groups) : null;
  return prepareMembership(channels, settings, groups?.isNamed);
}

/** What one group's agents are told. */
export interface Turn {
  /** Who gets the target: all (1), nobody (0), or those whose number is below this. */
  below: number;
  /** They get the target too, whatever their numbers are. */
  canaries: ReadonlySet<string>;
  /** What those get whose turn has come, and what the others get. */
  told: Served;
  others: Served;
}

const NOBODY: ReadonlySet<string> = new Set();
const both = (version: string | null, auto: boolean): Served => ({ v1: version, v2: version, auto });

/** What a group's agents are told at `at`, as the table in docs/rollouts.md says. Critical opens windows. */
export function turnOf(group: GroupProgress, rollout: Rollout, critical: boolean, at: Date): Turn {
  const goes = rollout.state !== 'halted' && rollout.state !== 'paused';
  const waits = both(group.from, false);
  const goesOn = both(rollout.to, goes);
  switch (group.state) {
    case 'unstarted':
      return { below: 0, canaries: NOBODY, told: waits, others: waits };
    case 'canary':
      return { below: 0, canaries: canariesOf(group), told: goesOn, others: waits };
    case 'active':
      return { below: group.wave / 100, canaries: canariesOf(group), told: goesOn, others: waits };
    case 'done': {
      const isOpen = rollout.strategy !== 'time-based' || critical || openingAt(group.settings, at).open;
      const told = both(rollout.to, goes && isOpen);
      return { below: 1, canaries: NOBODY, told, others: told };
    }
    case 'rolledback': {
      const back = both(group.from, goes);
      return { below: 0, canaries: NOBODY, told: back, others: back };
    }
  }
}

const canariesOf = ({ canaries }: GroupProgress) => new Set(canaries.map(({ id }) => id));

/** Is it the agent's turn? An agent that does not say who it is has no number. */
export function isTurnOf(
  { below, canaries }: Pick<Turn, 'below' | 'canaries'>,
  rollout: string,
  id: string | undefined,
  numbers = numberOf,
): boolean {
  if (below >= 1) return true;
  if (id === undefined) return false;
  return canaries.has(id) || (below > 0 && numbers(rollout, id) < below);
}

/** What a channel tells its agents at one moment: the same to all, or by group. */
export interface Told {
  /** The rollout whose numbers count. */
  rollout: string;
  /** What agents get for whom `turns` has nothing. */
  all: Served;
  /** By the group's name. */
  turns: ReadonlyMap<string, Turn>;
  /** What agents of no group get if they are held back. */
  held: Served;
}

/** Did the last move lead to an older version? */
function wentBack({ target, served }: ToldChannel): boolean {
  const before = served.at(-1);
  return target !== null && before !== undefined && compareVersions(before.version, target) > 0;
}

/** What a channel tells its agents. Expired marks must be gone from it (`channelAt`). */
export function toldBy(channel: ToldChannel, at: Date): Told {
  const { target, rollout, window } = channel;
  const critical = channel.critical !== null;
  const leads = leadingRollout(channel);
  // The watch stopped a move without groups: v1 updaters were told already, v2 updaters need not follow. What it took
  // back is held as well, and there all must follow.
  const isStopped = leads === null && channel.hold?.by === WATCH_ACTOR && !wentBack(channel);
  const isOpen = Boolean(rollout) || critical || openingAt(scheduleOf(window), at).open;
  return {
    rollout: leads?.id ?? '',
    all: both(target, target !== null && isOpen && !isStopped),
    turns: new Map(
      leads
        ? leads.groups.map((group) => [group.settings.name, turnOf(group, leads, critical, at)])
        : timedGroups(channel).map((group) => [group.name, timedTurn(target, critical || openingAt(group, at).open)]),
    ),
    // Any version would move them, so v1 updaters get none.
    held: { v1: null, v2: leads ? leads.from : target, auto: false },
  };
}

/** Without a rollout, windows still say when the agents of time-based groups may move. */
const timedGroups = ({ rollout }: ToldChannel): readonly RolloutGroup[] =>
  rollout?.strategy === 'time-based' ? rollout.groups : [];

function timedTurn(target: string | null, isOpen: boolean): Turn {
  const told = both(target, isOpen);
  return { below: 1, canaries: NOBODY, told, others: told };
}

const scheduleOf = (window: ToldChannel['window']): Schedule => ({ window: window ?? null, days: DAYS });

/** When what a channel tells its agents changes by itself because a window opens or closes (epoch milliseconds). */
export function nextOpening(channel: ToldChannel, at: Date): number {
  const { rollout, window, target } = channel;
  if (target === null) return Number.POSITIVE_INFINITY;
  if (!rollout) return openingAt(scheduleOf(window), at).until;
  const leads = leadingRollout(channel);
  const timed = leads?.strategy === 'time-based' ? leads.groups.map(({ settings }) => settings) : timedGroups(channel);
  return Math.min(...timed.map((group) => openingAt(group, at).until), Number.POSITIVE_INFINITY);
}

/** What one agent of the channel is served at `at`, and its group. */
export function servedTo(
  channel: ToldChannel,
  groupOf: GroupOf | null,
  { id, group }: { id: string | undefined; group: string | null },
  at: Date,
): Served & { group: string | null } {
  const told = toldBy(channel, at);
  if (!groupOf) return { ...told.all, group: null };
  const name = groupOf(group);
  if (name === null) return { ...told.held, group: null };
  const turn = told.turns.get(name);
  if (!turn) return { ...told.all, group: name };
  return { ...(isTurnOf(turn, told.rollout, id) ? turn.told : turn.others), group: name };
}
