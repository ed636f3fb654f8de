import { createHash, hash } from 'node:crypto';
import { FairwayError } from './errors.ts';
import type { RolloutGroup, RolloutSettings } from './rollout-settings.ts';

export const GROUP_STATES = ['unstarted', 'canary', 'active', 'done', 'rolledback'] as const;
export type GroupState = (typeof GROUP_STATES)[number];

export const GROUP_EVENTS = ['begin', 'skip-canaries', 'widen', 'finish', 'roll-back', 'reset'] as const;
export type GroupEvent = (typeof GROUP_EVENTS)[number];

export const ROLLOUT_STATES = ['unstarted', 'active', 'halted', 'paused', 'done', 'rolledback'] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** An agent that goes before the others of its group. */
export interface Canary {
  id: string;
  host: string | null;
}

/** How far a group has come. Times are ISO 8601. */
export interface GroupProgress {
  /** The group as it was set when it began; until then, as it is set now. */
  settings: RolloutGroup;
  state: GroupState;
  /** The version that its agents get before their turn; null: none. */
  from: string | null;
  /** When it entered its state; null if it never left `unstarted`. */
  since: string | null;
  /** When it began; null if it has not. */
  startedAt: string | null;
  /** The percentage that may go once the canaries have; 0 if it has not begun. */
  wave: number;
  waveSince: string | null;
  /** Agents that were there when it began; null if it has not. */
  present: number | null;
  /** Those of them whose updater failed then; unset if it has not begun, or began under an earlier release. */
  failed?: number | undefined;
  canaries: Canary[];
  /** True where no source names agents, so that nothing but time decides. */
  counted: boolean;
}

export interface Said {
  by: string;
  at: string;
  reason: string;
}

/** A channel's way from its start version to its target, group after group. */
export interface Rollout {
  /** Also the salt of the agents' numbers, so that it is not always the same hosts that go first. */
  id: string;
  /** What a roll-back leads to; null: nothing was served before. */
  from: string | null;
  to: string;
  state: RolloutState;
  strategy: RolloutSettings['strategy'];
  unmatched: RolloutSettings['unmatched'];
  startedAt: string;
  startedBy: string;
  reason: string;
  since: string;
  /** Who stopped it, and why; null unless it is halted. */
  halted: Said | null;
  /** Null unless it is paused. */
  paused: Said | null;
  /** When a person last let it go on; what happened before is forgiven. */
  resumedAt?: string | null | undefined;
  groups: GroupProgress[];
}

/** All transitions of a group; one that is missing here cannot happen. `widen` leads to the next wave. */
export const TRANSITIONS: Record<GroupState, Partial<Record<GroupEvent, GroupState>>> = {
  unstarted: { begin: 'canary', 'skip-canaries': 'active', finish: 'done' },
  canary: { 'skip-canaries': 'active', widen: 'active', finish: 'done', 'roll-back': 'rolledback' },
  active: { widen: 'active', finish: 'done', 'roll-back': 'rolledback' },
  done: { 'roll-back': 'rolledback' },
  rolledback: { reset: 'unstarted' },
};

/** What a verb of a person does to the whole rollout. */
export const ROLLOUT_MOVES: Record<'pause' | 'halt' | 'resume', readonly RolloutState[]> = {
  pause: ['unstarted', 'active'],
  halt: ['unstarted', 'active', 'paused', 'done'],
  resume: ['paused', 'halted'],
};

export interface RolloutAct {
  by: string;
  at: Date;
  reason: string;
}

const BITS = 52;
const DIGITS = BITS / 4;

/**
 * The number of an agent in a rollout, from 0 (included) to 1: the first 52 bits of the SHA-256 of `rollout:agent`. It
 * may go when its number is below the wave. docs/rollouts.md has test vectors.
 */
export const numberOf = (rollout: string, agent: string): number =>
  Number.parseInt(hash('sha256', `${rollout}:${agent}`).slice(0, DIGITS), 16) / 2 ** BITS;

/** Agents whose numbers are remembered, in some 10 MB. */
const MOST_REMEMBERED = 50_000;

/** `numberOf` for agents that ask again and again. It remembers at most `most` agents, and then begins anew. */
export function rememberNumbers(most = MOST_REMEMBERED): typeof numberOf {
  const known = new Map<string, { rollout: string; number: number }>();
  return (rollout, agent) => {
    const before = known.get(agent);
    if (before?.rollout === rollout) return before.number;
    const number = numberOf(rollout, agent);
    if (known.size >= most) known.clear();
    // A copy, since a part of a string keeps the whole request that it was cut from.
    known.set(Buffer.from(agent).toString(), { rollout, number });
    return number;
  };
}

/** New for each rollout: a channel cannot begin two at the same moment. */
function idOf(channel: string, to: string, { at, by }: RolloutAct): string {
  return createHash('sha256').update(`${channel} ${to} ${at.toISOString()} ${by}`).digest('hex').slice(0, 16);
}

const unstarted = (settings: RolloutGroup, from: string | null): GroupProgress => ({
  ...{ settings, state: 'unstarted', from, since: null, startedAt: null },
  ...{ wave: 0, waveSince: null, present: null, canaries: [], counted: false },
});

/**
 * A rollout that begins. One that it takes the place of may be unfinished: then its start version stays the one to go
 * back to, and only groups that were done start from its target.
 */
export function createRollout(
  channel: string,
  settings: RolloutSettings,
  from: string | null,
  to: string,
  before: Rollout | null,
  act: RolloutAct,
): Rollout {
  const at = act.at.toISOString();
  const left = before && isUnfinished(before) ? before : null;
  const start = left ? left.from : from;
  const done = new Set(left?.groups.filter(({ state }) => state === 'done').map((group) => group.settings.name));
  return {
    ...{ id: idOf(channel, to, act), from: start, to, state: 'unstarted' },
    ...{ strategy: settings.strategy, unmatched: settings.unmatched },
    ...{ startedAt: at, startedBy: act.by, reason: act.reason, since: at, halted: null, paused: null },
    groups: settings.groups.map((group) => unstarted(group, done.has(group.name) ? from : start)),
  };
}

/** A rollout in which every group goes at once, because a person asked for that. */
export function createImmediate(...args: Parameters<typeof createRollout>): Rollout {
  const rollout = createRollout(...args);
  const { startedAt: at } = rollout;
  const groups = rollout.groups.map(
    (group): GroupProgress => ({ ...group, state: 'done', since: at, startedAt: at, wave: 100, waveSince: at }),
  );
  return { ...rollout, state: 'done', groups };
}

/** May it still tell the target to more agents? */
export const isUnfinished = ({ state }: Pick<Rollout, 'state'>): boolean => state !== 'done' && state !== 'rolledback';

/** Does it go on by itself? */
export const isMoving = ({ state }: Pick<Rollout, 'state'>): boolean => state === 'unstarted' || state === 'active';

const hasBegun = ({ state }: GroupProgress) => state !== 'unstarted';

/**
 * The rollout under changed settings: groups that have begun stay as they were set, in front, with the agents that they
 * have; the others are those of the settings. A group that would take agents from one that has begun waits for the next
 * rollout, because they may have been told the target. Throws `refused` where the settings have no groups any more.
 */
export function regroup(rollout: Rollout, settings: RolloutSettings | null): Rollout {
  if (!isUnfinished(rollout)) return rollout;
  if (!settings) {
    throw new FairwayError(
      'refused',
      `a rollout to ${rollout.to} is under way; finish it or roll it back before you remove the groups`,
    );
  }
  const begun = rollout.groups.filter(hasBegun);
  const taken = new Set(begun.flatMap((group) => spellingsOf(group.settings)));
  const known = new Map(rollout.groups.map((group) => [group.settings.name, group]));
  const last = rollout.groups.at(-1);
  // Agents of no group have begun with the last one.
  const rest = rollout.unmatched === 'last' && last && hasBegun(last) ? last : null;
  const others = settings.groups
    .filter((group) => !spellingsOf(group).some((spelling) => taken.has(spelling)))
    .flatMap((group): GroupProgress[] => {
      const before = known.get(group.name);
      if (!rest) return [unstarted(group, before?.from ?? rollout.from)];
      return before ? [unstarted({ ...group, match: before.settings.match }, before.from)] : [];
    });
  const { strategy } = settings;
  const unmatched = rest ? rollout.unmatched : settings.unmatched;
  const front = begun.filter((group) => group !== rest);
  const groups = [...front, ...others, ...(rest ? [rest] : [])];
  return withState({ ...rollout, strategy, unmatched, groups }, rollout.since);
}

const spellingsOf = ({ name, match }: RolloutGroup): string[] => [name, ...match].map((each) => each.toLowerCase());

export interface GroupStep {
  group: string;
  event: GroupEvent;
  reason: string;
  /** With `begin` and `skip-canaries`. */
  present?: number | undefined;
  failed?: number | undefined;
  canaries?: Canary[] | undefined;
  counted?: boolean | undefined;
}

/** Throws `not_found`. */
export function requireGroup(rollout: Rollout, name: string): GroupProgress {
  const group = rollout.groups.find(({ settings }) => settings.name === name);
  if (group) return group;
  const names = rollout.groups.map(({ settings }) => settings.name).join(', ');
  throw new FairwayError('not_found', `the rollout has no group ${name}; its groups are: ${names}`);
}

/** The wave after `wave`, or 100. */
export const waveAfter = ({ waves }: RolloutGroup, wave: number): number => waves.find((each) => each > wave) ?? 100;

/** Takes a step of one group. Throws `refused` if `TRANSITIONS` does not allow it. */
export function takeStep(rollout: Rollout, step: GroupStep, at: Date): Rollout {
  const group = requireGroup(rollout, step.group);
  const next = TRANSITIONS[group.state][step.event];
  if (next === undefined) {
    throw new FairwayError('refused', `group ${step.group} is ${group.state}, which does not allow ${step.event}`);
  }
  const now = at.toISOString();
  const groups = rollout.groups.map((each) => (each === group ? groupAfter(group, step, next, now) : each));
  return withState({ ...rollout, groups }, now);
}

function groupAfter(group: GroupProgress, step: GroupStep, state: GroupState, now: string): GroupProgress {
  if (step.event === 'reset') return unstarted(group.settings, group.from);
  const since = state === group.state ? group.since : now;
  const begins = group.startedAt === null;
  const { settings } = group;
  const moved = { ...group, state, since };
  if (begins) {
    const counted = step.counted ?? false;
    const first = counted || state === 'done' ? 100 : waveAfter(settings, 0);
    return {
      ...{ ...moved, startedAt: now, wave: first, waveSince: now, counted },
      ...{ present: step.present ?? 0, failed: step.failed ?? 0, canaries: step.canaries ?? [] },
    };
  }
  if (state === 'done') return { ...moved, wave: 100 };
  if (step.event !== 'widen' && step.event !== 'skip-canaries') return moved;
  // From the canaries to the first wave, which the group has had as its next one since it began.
  const wave = group.state === 'canary' ? group.wave : waveAfter(settings, group.wave);
  return { ...moved, wave, waveSince: now };
}

/** The state of the whole that its groups make, unless it is halted or paused. */
function withState(rollout: Rollout, since: string): Rollout {
  const { groups, state } = rollout;
  const stopped = state === 'halted' || state === 'paused';
  const all = (each: GroupState) => groups.length > 0 && groups.every((group) => group.state === each);
  const found: RolloutState = all('done')
    ? 'done'
    : all('rolledback')
      ? 'rolledback'
      : stopped
        ? state
        : groups.some(hasBegun)
          ? 'active'
          : 'unstarted';
  if (found === state) return rollout;
  return { ...rollout, state: found, since, halted: null, paused: null };
}

/** Stops the rollout: nobody new is told. Throws `refused` if it is not under way. */
export function stopRollout(rollout: Rollout, how: 'pause' | 'halt', act: RolloutAct): Rollout {
  requireMove(rollout, how);
  const said = { by: act.by, at: act.at.toISOString(), reason: act.reason };
  return how === 'halt'
    ? { ...rollout, state: 'halted', since: said.at, halted: said, paused: null }
    : { ...rollout, state: 'paused', since: said.at, paused: said };
}

/** Lets it go on where it was. Throws `refused` if it is neither halted nor paused. */
export function resumeRollout(rollout: Rollout, { at }: RolloutAct): Rollout {
  requireMove(rollout, 'resume');
  const now = at.toISOString();
  return withState({ ...rollout, state: 'active', halted: null, paused: null, since: now, resumedAt: now }, now);
}

function requireMove({ state, to }: Rollout, move: keyof typeof ROLLOUT_MOVES): void {
  if (ROLLOUT_MOVES[move].includes(state)) return;
  throw new FairwayError('refused', `the rollout to ${to} is ${state}, which does not allow ${move}`);
}

/** The rollout after its channel left the target: what has begun is rolled back. */
export function endRollout(rollout: Rollout, at: Date): Rollout {
  const since = at.toISOString();
  const groups = rollout.groups.map((group): GroupProgress => {
    const state = TRANSITIONS[group.state]['roll-back'];
    return state ? { ...group, state, since } : group;
  });
  return { ...rollout, state: 'rolledback', since, halted: null, paused: null, groups };
}
