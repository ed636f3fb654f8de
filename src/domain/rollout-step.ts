import { parseDuration } from './duration.ts';
import {
  type Canary,
  type GroupProgress,
  type GroupStep,
  isMoving,
  isUnfinished,
  type Rollout,
  waveAfter,
} from './rollout.ts';
import { describeMoment, openingAt } from './window.ts';
import { count, number } from './words.ts';

export const CANARY_STATES = ['told', 'at-target', 'reverted', 'silent'] as const;

/** A canary as it was seen last. */
export interface CanaryFacts extends Canary {
  state: (typeof CANARY_STATES)[number];
  /** When it was seen last (epoch milliseconds); null: not since it is known. */
  seenAt: number | null;
  /** Milliseconds for which that counts; unset: 20 minutes. An updater that asks less often is not seen so often. */
  freshFor?: number | undefined;
}

/** What is known of a group's agents. */
export interface GroupFacts {
  /** Those that are there now; `heard` of them were heard lately. */
  agents: number;
  heard: number;
  /** Those whose turn has come, and how many of these were heard lately at the target: silence proves nothing. */
  told: number;
  toldAtTarget: number;
  atTarget: number;
  reverted: number;
  failed: number;
  /** Their updater is pinned or disabled on the host. */
  pinned: number;
  canaries: CanaryFacts[];
  /** Hosts, or ids, of some that reverted, fell silent or have a failing updater. */
  names: { reverted: string[]; silent: string[]; failed: string[] };
  /** Those that do not say who they are when they ask, so they go last. */
  anonymous: number;
  /** Agents that can be canaries, those that go first in front; at most as many as a group may have. */
  eligible: Canary[];
}

export interface RolloutFacts {
  /** Are there agents, but none that a source names? Then nothing but time decides. */
  counted: boolean;
  /** By the group's name. */
  groups: ReadonlyMap<string, GroupFacts>;
  /** Why no machine may move the channel at all: pinned, held, frozen; null where nothing forbids it. */
  barred: string | null;
}

export const NO_FACTS: GroupFacts = {
  ...{ agents: 0, heard: 0, told: 0, toldAtTarget: 0, atTarget: 0 },
  ...{ reverted: 0, failed: 0, pinned: 0, anonymous: 0, canaries: [], eligible: [] },
  names: { reverted: [], silent: [], failed: [] },
};

/** The share of a group that must be heard, and run the target, before it goes on (RFD 184, Updating a group). */
const ENOUGH = 0.9;
/** A canary must have been seen at the target within this time: 20 min (RFD 184, Canary testing). */
const CANARY_FRESH_MS = 20 * 60 * 1_000;
const HOUR_MS = 60 * 60 * 1_000;

/** What happens next in a rollout: the step that may be taken now, and what each group waits for. */
export interface Look {
  step: GroupStep | null;
  /** By the group's name; null where it waits for nothing. */
  waits: ReadonlyMap<string, string | null>;
  /** What happens next, in one sentence. */
  next: string;
}

/** Looks for the next step. A group that may begin still has to pass the gate. */
export function lookAhead(channel: string, rollout: Rollout, facts: RolloutFacts, at: Date): Look {
  if (!isUnfinished(rollout)) {
    const nothing = new Map(rollout.groups.map(({ settings }): [string, null] => [settings.name, null]));
    const why =
      rollout.state === 'done' ? `every group is at ${rollout.to}` : `it was rolled back${left(rollout, facts)}`;
    return { step: null, waits: nothing, next: `nothing: ${why}` };
  }
  const waits = new Map<string, string | null>();
  let step: GroupStep | null = null;
  let before: GroupProgress | null = null;
  let back: GroupProgress | null = null;
  let isTurn = true;
  for (const group of rollout.groups) {
    const { name } = group.settings;
    const known = facts.groups.get(name) ?? NO_FACTS;
    let found: Found;
    // Where a person took a group back, no later one goes on by itself.
    if (back && group.state !== 'done') found = { waits: `the group ${back.settings.name} was rolled back` };
    else if (!isTurn && group.state === 'unstarted')
      found = { waits: `the group ${before?.settings.name} must be done` };
    else found = lookAtGroup(channel, rollout, group, known, before, facts, at);
    waits.set(name, found.waits);
    if (!step && found.step) step = found.step;
    if (group.state !== 'done') isTurn = false;
    if (group.state === 'rolledback') back ??= group;
    before = group;
  }
  const stopped = wayOn(channel, rollout) ?? facts.barred;
  const current = rollout.groups.find(({ state }) => state !== 'done');
  const name = current?.settings.name ?? '';
  return {
    step: stopped === null && isMoving(rollout) ? step : null,
    waits,
    next: stopped ?? `${name}: ${waits.get(name) ?? 'goes on'}`,
  };
}

/** How many agents still have to go back, after a roll-back. */
function left({ to }: Rollout, { groups }: RolloutFacts): string {
  const sum = (field: 'agents' | 'atTarget') => [...groups.values()].reduce((all, facts) => all + facts[field], 0);
  const there = sum('atTarget');
  if (there === 0) return '';
  return `; ${number(there)} of ${count(sum('agents'), 'agent')} still ${there === 1 ? 'runs' : 'run'} ${to}`;
}

/** The commands that lead on from a rollout that was stopped; what was halted is mostly to be taken back. */
function wayOn(channel: string, { state }: Rollout): string | null {
  if (state !== 'halted' && state !== 'paused') return null;
  const on = `to go on: fairway rollout resume ${channel}`;
  return state === 'halted' ? `to go back: fairway rollout roll-back ${channel}; ${on}` : on;
}

type Found = { step?: GroupStep; waits: string | null };

function lookAtGroup(
  channel: string,
  rollout: Rollout,
  group: GroupProgress,
  known: GroupFacts,
  before: GroupProgress | null,
  facts: RolloutFacts,
  at: Date,
): Found {
  switch (group.state) {
    case 'unstarted':
      return mayBegin(channel, group, known, before, facts.counted, at);
    case 'canary':
      return lookAtCanaries(rollout, group, known, at);
    case 'active':
      return isTimed(rollout, group) ? lookAtTime(rollout, group, at) : lookAtWave(rollout, group, known, at);
    case 'done':
      return { waits: null };
    case 'rolledback':
      return {
        waits: `it was rolled back; to begin again: fairway rollout reset ${channel} --group ${group.settings.name}`,
      };
  }
}

/** What stands in the way of a group's begin, but for the gate. */
function mayBegin(
  channel: string,
  { settings }: GroupProgress,
  known: GroupFacts,
  before: GroupProgress | null,
  counted: boolean,
  at: Date,
): Found {
  const { name, canaries, waitHours, window } = settings;
  const earliest = before?.startedAt ? Date.parse(before.startedAt) + waitHours * HOUR_MS : 0;
  if (earliest > at.getTime()) {
    return { waits: `${waitHours} h after ${before?.settings.name} began, at ${describeMoment(earliest, window)}` };
  }
  const opening = openingAt(settings, at);
  if (!opening.open) return { waits: `its window opens at ${describeMoment(opening.until, window)}` };
  const there = { present: known.heard, failed: known.failed };
  const step = { group: name, event: 'begin', reason: `group ${name} begins`, ...there } as const;
  if (counted) {
    const reason = `group ${name} begins; no source names its agents, so it goes at once, without canaries or waves`;
    return { step: { ...step, event: 'skip-canaries', reason, counted: true }, waits: null };
  }
  if (canaries === 0) return { step: { ...step, event: 'skip-canaries' }, waits: null };
  const chosen = known.eligible.slice(0, canaries);
  if (chosen.length < canaries) {
    const has = `it has ${count(chosen.length, 'agent')} that can be a canary and needs ${canaries}`;
    const how = `lower its canaries, or begin without: fairway rollout start ${channel} --group ${name} --skip-canaries`;
    return { waits: `${has}; ${how}` };
  }
  return { step: { ...step, canaries: chosen }, waits: null };
}

function lookAtCanaries({ to }: Rollout, group: GroupProgress, known: GroupFacts, at: Date): Found {
  const now = at.getTime();
  const since = Date.parse(group.since ?? '');
  const isBack = ({ state, seenAt, freshFor = CANARY_FRESH_MS }: CanaryFacts) =>
    state === 'at-target' && seenAt !== null && seenAt >= since && now - seenAt <= freshFor;
  const open = group.canaries.filter(({ id }) => !known.canaries.some((each) => each.id === id && isBack(each)));
  if (open.length > 0) {
    const minutes = Math.max(Math.floor((now - since) / 60_000), 0);
    const were = open.length === 1 ? 'was' : 'were';
    const back = known.canaries.filter(({ state }) => state === 'reverted').map(({ id, host }) => host ?? id);
    const news = back.length > 0 ? `; ${back.join(', ')} went back` : '';
    const canaries = count(open.length, 'canary', 'canaries');
    return { waits: `${canaries} that ${were} told ${minutes} min ago must be seen at ${to}${news}` };
  }
  const { name } = group.settings;
  const soaks = soakingUntil(group, group.since);
  if (soaks > now) return { waits: `its canaries soak until ${describeMoment(soaks, group.settings.window)}` };
  return { step: { group: name, event: 'widen', reason: `all canaries of ${name} run ${to}` }, waits: null };
}

/** Until when those that were told at `since` are watched before more agents go; epoch milliseconds. */
const soakingUntil = ({ settings }: GroupProgress, since: string | null): number =>
  Date.parse(since ?? '') + (parseDuration(settings.soak ?? '') ?? 0);

/** Does nothing but time decide when the group is done? */
const isTimed = ({ strategy }: Pick<Rollout, 'strategy'>, { counted }: GroupProgress) =>
  counted || strategy === 'time-based';

/** When the window is over that the group, which nothing but time ends, is in (epoch milliseconds); null: in none. */
export function timedUntil(rollout: Pick<Rollout, 'strategy'>, group: GroupProgress, at: Date): number | null {
  if (!isTimed(rollout, group) || !group.settings.window) return null;
  const { open, until } = openingAt(group.settings, at);
  return open && Number.isFinite(until) ? until : null;
}

function lookAtTime(rollout: Rollout, group: GroupProgress, at: Date): Found {
  const { name, window } = group.settings;
  const until = timedUntil(rollout, group, at);
  if (until !== null) return { waits: `its window is over at ${describeMoment(until, window)}` };
  const reason =
    group.counted && !window ? `the agents of ${name} are not named, so none is waited for` : 'its window is over';
  return { step: { group: name, event: 'finish', reason: `${name} is done: ${reason}` }, waits: null };
}

function lookAtWave({ to }: Rollout, group: GroupProgress, known: GroupFacts, at: Date): Found {
  const { settings, wave } = group;
  const { name } = settings;
  const present = group.present ?? 0;
  const missing = Math.ceil(present * ENOUGH) - known.heard;
  if (missing > 0) {
    return { waits: `${known.heard} of the ${count(present, 'agent')} that it began with are heard; 90 % must be` };
  }
  const isLast = wave >= 100;
  // At 100 % the turn of all has come.
  const { told: all, toldAtTarget: there } = known;
  if (there < Math.ceil(all * ENOUGH)) {
    const held = known.pinned > 0 ? `; ${known.pinned} are pinned or disabled on their hosts` : '';
    const of = isLast ? 'its agents' : `the ${count(all, 'agent')} of its ${wave} % wave`;
    return { waits: `${there} of ${isLast ? `its ${count(all, 'agent')}` : of} run ${to}; 90 % must${held}` };
  }
  const soaks = soakingUntil(group, group.waveSince);
  if (soaks > at.getTime() && all > 0) {
    return { waits: `its ${wave} % wave soaks until ${describeMoment(soaks, settings.window)}` };
  }
  return isLast
    ? { step: { group: name, event: 'finish', reason: `90 % of the agents of ${name} run ${to}` }, waits: null }
    : {
        step: {
          group: name,
          event: 'widen',
          reason: `90 % of the ${wave} % wave of ${name} run ${to}; next: ${waveAfter(settings, wave)} %`,
        },
        waits: null,
      };
}
