import { parseDuration } from './duration.ts';
import { DAYS, type Day, type Window, windowFault } from './window.ts';

export const STRATEGIES = ['halt-on-error', 'time-based'] as const;
export const UNMATCHED = ['last', 'hold'] as const;

/** A group of a channel's agents, as it is set. */
export interface RolloutGroup {
  name: string;
  /** The spellings by which agents name the group. */
  match: string[];
  /** How many agents go first. */
  canaries: number;
  /** Percentages of the group, ascending; the last one is 100. */
  waves: number[];
  days: Day[];
  /** Null: it may begin at any time of these days, in UTC. */
  window: Window | null;
  /** Hours after the group before began. */
  waitHours: number;
  /**
   * How long canaries, and then each wave, are watched at least, such as `1h`; unset in older documents: not at all.
   */
  soak?: string | undefined;
  /** How long the group may take until it counts as slow, such as `4h`. */
  alertAfter: string;
}

/** How a channel's agents go to a new target, group after group. */
export interface RolloutSettings {
  strategy: (typeof STRATEGIES)[number];
  groups: RolloutGroup[];
  /** Agents of no group belong to the last one, or are never told to update. */
  unmatched: (typeof UNMATCHED)[number];
}

export const MAX_GROUPS = 20;
export const MAX_CANARIES = 10;
export const DEFAULT_GROUP: Omit<RolloutGroup, 'name' | 'match'> = {
  canaries: 0,
  waves: [100],
  days: [...DAYS],
  window: null,
  waitHours: 0,
  soak: '0s',
  alertAfter: '4h',
};

/** What is wrong with one field. */
export interface SettingsFault {
  path: (string | number)[];
  message: string;
}

/** Returns everything that is wrong with the settings. */
export function rolloutFaults({ strategy, groups }: RolloutSettings): SettingsFault[] {
  const faults: SettingsFault[] = [];
  const say = (message: string, ...path: (string | number)[]) => faults.push({ path: ['groups', ...path], message });
  if (groups.length === 0) say('a rollout needs at least one group');
  if (groups.length > MAX_GROUPS) say(`a channel has at most ${MAX_GROUPS} groups`);
  const spellings = new Map<string, string>();
  const names = new Set<string>();
  groups.forEach((group, index) => {
    const { name, match } = group;
    if (names.has(name.toLowerCase())) say(`there are two groups with the name ${name}`, index, 'name');
    names.add(name.toLowerCase());
    for (const spelling of new Set([name, ...match].map((each) => each.toLowerCase()))) {
      const other = spellings.get(spelling);
      if (other === undefined) spellings.set(spelling, name);
      else if (other !== name) say(`"${spelling}" means the groups ${other} and ${name}`, index, 'match');
    }
    for (const [field, message] of groupFaults(group, strategy)) say(message, index, field);
  });
  return faults;
}

type FieldFault = [field: keyof RolloutGroup, message: string];

function groupFaults(group: RolloutGroup, strategy: RolloutSettings['strategy']): FieldFault[] {
  const { canaries, waves, days, window, match, soak = '0s', alertAfter } = group;
  const isCount = Number.isInteger(canaries) && canaries >= 0 && canaries <= MAX_CANARIES;
  const wave = waveFault(waves);
  const timed = strategy === 'time-based' && window === null;
  const faults: [field: keyof RolloutGroup, message: string | null | false][] = [
    ['match', match.length === 0 && 'name at least one spelling'],
    ['canaries', !isCount && `expected a whole number from 0 to ${MAX_CANARIES}`],
    ['waves', wave],
    ['days', days.length === 0 && 'name at least one day'],
    ['window', window && windowFault(window)],
    ['window', timed && 'a time-based group is done when its window is over, so it needs a window'],
    ['soak', parseDuration(soak) === null && 'expected a duration such as 1h'],
    ['alertAfter', !((parseDuration(alertAfter) ?? 0) > 0) && 'expected a duration such as 4h'],
  ];
  return faults.filter((fault): fault is FieldFault => typeof fault[1] === 'string');
}

function waveFault(waves: readonly number[]): string | null {
  const odd = waves.find((wave) => !(wave > 0 && wave <= 100));
  if (odd !== undefined) return `${odd} is not a percentage above 0 and up to 100`;
  const down = waves.findIndex((wave, index) => index > 0 && wave <= (waves[index - 1] as number));
  if (down > 0) return `${waves[down]} % does not come after ${waves[down - 1]} %; waves only grow`;
  return waves.at(-1) === 100 ? null : 'the last wave must be 100 %';
}

/** Finds the group that agents mean by a spelling; null: none of these. */
export type FindGroup<G> = (spelling: string | null) => G | null;

/** Spellings are compared as they are first, then without regard to case. */
export function prepareGroups<G extends Pick<RolloutGroup, 'name' | 'match'>>(groups: readonly G[]): FindGroup<G> {
  const exact = new Map<string, G>();
  const anyCase = new Map<string, G>();
  for (const group of groups) {
    for (const spelling of [group.name, ...group.match]) {
      if (!exact.has(spelling)) exact.set(spelling, group);
      const lower = spelling.toLowerCase();
      if (!anyCase.has(lower)) anyCase.set(lower, group);
    }
  }
  return (spelling) =>
    spelling === null ? null : (exact.get(spelling) ?? anyCase.get(spelling.toLowerCase()) ?? null);
}
