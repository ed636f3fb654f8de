import { parseDuration } from './duration.ts';

/** Who stops a move that looks bad. */
export const WATCH_ACTOR = 'system:watch';

/** Conditions of one channel. */
export const MAX_CONDITIONS = 20;

/** A PromQL expression that must hold; it may fail for so long, such as `1m`, because one bad sample says little. */
export interface WatchCondition {
  name: string;
  query: string;
  for: string;
}

/** What is looked at after a move, and what happens when it looks bad. */
export interface WatchSettings {
  /** How long after the last agent was told, such as `2h`; `0s`: not at all. */
  for: string;
  /** Shares, as numbers from 0 to 1 or as percentages such as `2%`. */
  maxReverted: string | number;
  maxVanished: string | number;
  maxFailed: string | number;
  conditions: WatchCondition[];
  then: (typeof REACTIONS)[number];
}

export const REACTIONS = ['halt', 'roll-back'] as const;

export const DEFAULT_WATCH: WatchSettings = {
  ...{ for: '2h', maxReverted: '2%', maxVanished: '10%', maxFailed: '5%', conditions: [] },
  // biome-ignore lint/suspicious/noThenProperty: a text, as the contract names it
  then: 'halt',
};

/** A share from 0 to 1 of a number or of a percentage such as `2%`; null if it is neither. */
export function readShare(share: string | number): number | null {
  const [, percent] = typeof share === 'string' ? (/^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(share) ?? []) : [];
  const value = typeof share === 'number' ? share : Number(percent) / 100;
  return value >= 0 && value <= 1 ? value : null;
}

/** Returns what is wrong with the settings, by field. */
export function watchFaults(settings: WatchSettings): [field: string, message: string][] {
  const shares = (['maxReverted', 'maxVanished', 'maxFailed'] as const).filter(
    (field) => readShare(settings[field]) === null,
  );
  const lengths = [settings.for, ...settings.conditions.map((each) => each.for)];
  const names = settings.conditions.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  return [
    ...shares.map((field): [string, string] => [field, 'expected a percentage such as 2%, or a share from 0 to 1']),
    ...(lengths.some((length) => parseDuration(length) === null)
      ? [['for', 'expected a duration such as 2h'] as [string, string]]
      : []),
    ...(twice === undefined
      ? []
      : [['conditions', `there are two conditions with the name ${twice}`] as [string, string]]),
  ];
}
