import type { Channel } from '../domain/channel.ts';
import { FREEZE_EXEMPTIONS, type Freeze, MAX_FREEZES } from '../domain/freeze.ts';
import { readMoment } from '../domain/moment.ts';
import { MAX_GROUPS, type RolloutGroup } from '../domain/rollout-settings.ts';
import { MAX_CONDITIONS, type WatchCondition } from '../domain/watch-settings.ts';
import { DAYS } from '../domain/window.ts';
import * as schemas from '../http/schemas/channels.ts';
import { validated } from '../http/validation.ts';

/** What a person typed, by the name of the field such as `groups.0.waves`; boxes have a list. */
export type RolloutTexts = Record<string, string | readonly string[]>;

/** The settings of which this form is. */
export type RolloutPart = Pick<Channel, 'rollout' | 'watch' | 'window' | 'freezes'>;

/** Empty places for more of each list, so that the form needs no script. */
const SPARE = 3;

const WATCH_FIELDS = ['for', 'maxReverted', 'maxVanished', 'maxFailed', 'then'] as const;

/** The fields of a group that make it one; days are ticked in an empty place as well. */
const GROUP_TEXTS = ['name', 'match', 'canaries', 'waves', 'soak', 'waitHours', 'alertAfter'] as const;
const WINDOW_TEXTS = ['start', 'for', 'timeZone'] as const;

/** The form as it stands for a channel. */
export function textsOf({ rollout, watch, window, freezes }: RolloutPart): RolloutTexts {
  return {
    strategy: rollout?.strategy ?? 'halt-on-error',
    unmatched: rollout?.unmatched ?? 'last',
    ...joined('groups', rollout?.groups ?? [], groupTexts),
    ...prefixed('window', { ...window }),
    ...prefixed('watch', {
      ...Object.fromEntries(WATCH_FIELDS.map((field) => [field, watch ? String(watch[field]) : ''])),
    }),
    ...joined('conditions', watch?.conditions ?? [], (condition: WatchCondition) => ({ ...condition })),
    ...joined('freezes', freezes ?? [], (freeze: Freeze) => ({ ...freeze })),
  };
}

function groupTexts(group: RolloutGroup): RolloutTexts {
  const { name, match, canaries, waves, days, window, waitHours, soak = '0s', alertAfter } = group;
  return {
    name,
    match: match.length === 1 && match[0] === name ? '' : match.join(', '),
    canaries: String(canaries),
    waves: waves.join(', '),
    days,
    waitHours: String(waitHours),
    soak,
    alertAfter,
    ...prefixed('window', { ...window }),
  };
}

function prefixed(prefix: string, texts: RolloutTexts): RolloutTexts {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [`${prefix}.${name}`, text]));
}

function joined<T>(list: string, items: readonly T[], texts: (item: T) => RolloutTexts): RolloutTexts {
  return Object.assign({}, ...items.map((item, index) => prefixed(`${list}.${index}`, texts(item))));
}

/** A time that says its zone is kept as it is. */
const WITH_ZONE = /T.*(Z|[+-]\d\d:\d\d)$/;

/** How many places of a list the form shows: those that are filled, and some more up to the most. */
export function placesOf(texts: RolloutTexts, list: 'groups' | 'conditions' | 'freezes'): number {
  const most = { groups: MAX_GROUPS, conditions: MAX_CONDITIONS, freezes: MAX_FREEZES }[list];
  const filled = Object.entries(texts).flatMap(([name, text]) => {
    const [first, index, field] = name.split('.');
    return first === list && field !== 'days' && field !== 'except' && field !== 'place' && text !== ''
      ? [Number(index) + 1]
      : [];
  });
  return Math.min(Math.max(0, ...filled) + SPARE, most);
}

/** What was typed into a field, without white space around it; empty for one that is not there. */
export const textOf = (texts: RolloutTexts, name: string): string => {
  const text = texts[name];
  return typeof text === 'string' ? text.trim() : (text?.[0] ?? '');
};

/** The ticked boxes of a name. */
export const ticksOf = (texts: RolloutTexts, name: string): readonly string[] => [texts[name] ?? []].flat();

/**
 * The form with the times of freezes that people wrote in their own way and in `zone`. It then carries those very
 * moments, so that a change is the one which the preview shows. A time that cannot be read stays.
 */
export function withMoments(texts: RolloutTexts, now: Date, zone: string): RolloutTexts {
  const times = Object.keys(texts).filter((name) => /^freezes\.\d+\.(from|until)$/.test(name));
  const read = (name: string) => {
    const text = textOf(texts, name);
    return WITH_ZONE.test(text) ? text : (readMoment(text, now, zone).at?.toISOString() ?? text);
  };
  return { ...texts, ...Object.fromEntries(times.map((name) => [name, read(name)])) };
}

/** Reads the form with the API's own schema, so that a fault has the API's sentence. Throws `invalid`. */
export function readRolloutChange(texts: RolloutTexts) {
  const groups = readList(texts, 'groups', (at) => readGroup(texts, at));
  const freezes = readList(texts, 'freezes', (at) => readFreeze(texts, at));
  const { dryRun: _, ...change } = validated(schemas.PutChannel, {
    rollout:
      groups.length === 0
        ? null
        : { strategy: textOf(texts, 'strategy'), unmatched: textOf(texts, 'unmatched'), groups },
    watch: readWatch(texts),
    window: readWindow(texts, 'window'),
    freezes: freezes.length === 0 ? null : freezes,
    reason: textOf(texts, 'reason'),
  });
  return change;
}

/** The filled places of a list. One whose field `place` has a number comes before the one that is there. */
function readList(texts: RolloutTexts, list: 'groups' | 'conditions' | 'freezes', read: (at: string) => object | null) {
  return Array.from({ length: placesOf(texts, list) }, (_, index) => `${list}.${index}`)
    .flatMap((at, index) => {
      const item = textOf(texts, `${at}.remove`) === 'true' ? null : read(at);
      const wanted = Number(textOf(texts, `${at}.place`)) - 0.5;
      return item ? [{ item, place: wanted > 0 ? wanted : index + 1 }] : [];
    })
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

function readGroup(texts: RolloutTexts, at: string): object | null {
  const text = (field: string) => textOf(texts, `${at}.${field}`);
  const filled = [...GROUP_TEXTS, ...WINDOW_TEXTS.map((field) => `window.${field}`)];
  if (filled.every((field) => text(field) === '')) return null;
  const match = words(text('match'));
  return {
    name: text('name'),
    ...(match.length > 0 && { match }),
    ...(text('canaries') && { canaries: numberIn(text('canaries')) }),
    ...(text('waves') && { waves: words(text('waves').replaceAll('%', ' ')).map(numberIn) }),
    days: DAYS.filter((day) => ticksOf(texts, `${at}.days`).includes(day)),
    window: readWindow(texts, `${at}.window`),
    ...(text('waitHours') && { waitHours: numberIn(text('waitHours')) }),
    ...(text('soak') && { soak: text('soak') }),
    ...(text('alertAfter') && { alertAfter: text('alertAfter') }),
  };
}

function readWindow(texts: RolloutTexts, at: string): object | null {
  const [start, length, timeZone] = WINDOW_TEXTS.map((field) => textOf(texts, `${at}.${field}`));
  if (!start && !length && !timeZone) return null;
  return { start, for: length, ...(timeZone && { timeZone }) };
}

/** Null where nothing is filled in: then the usual limits hold. */
function readWatch(texts: RolloutTexts): object | null {
  const conditions = readList(texts, 'conditions', (at) => {
    const [name, query, length] = ['name', 'query', 'for'].map((field) => textOf(texts, `${at}.${field}`));
    return name || query ? { name, query, ...(length && { for: length }) } : null;
  });
  const filled = WATCH_FIELDS.flatMap((field): [string, string | number][] => {
    const text = textOf(texts, `watch.${field}`);
    return text === '' ? [] : [[field, field === 'for' ? text : numberIn(text)]];
  });
  if (filled.length === 0 && conditions.length === 0) return null;
  return { ...Object.fromEntries(filled), ...(conditions.length > 0 && { conditions }) };
}

function readFreeze(texts: RolloutTexts, at: string): object | null {
  const [from, until, reason] = ['from', 'until', 'reason'].map((field) => textOf(texts, `${at}.${field}`));
  if (!from && !until && !reason) return null;
  const except = FREEZE_EXEMPTIONS.filter((each) => ticksOf(texts, `${at}.except`).includes(each));
  return { from, until, reason, except };
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
/** A number, or the text for which the schema has a sentence. */
const numberIn = (text: string): number | string => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);
