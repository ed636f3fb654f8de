import { Temporal } from 'temporal-polyfill';
import { parseDuration } from './duration.ts';

/** The days of a week, the first of which is Temporal's day 1. */
export const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
export type Day = (typeof DAYS)[number];

/** When agents may move: `for` (such as `6h`) from `start` (`HH:MM`) in a time zone. */
export interface Window {
  start: string;
  for: string;
  timeZone: string;
}

/** A window and the days on which it opens. Without a window these are whole days in UTC. */
export interface Schedule {
  window: Window | null;
  days: readonly Day[];
}

const ALL_DAY: Window = { start: '00:00', for: '24h', timeZone: 'UTC' };
const LONGEST_MS = 24 * 60 * 60 * 1_000;
/** Days to look ahead: a window that opens once a week opens within these. */
const AHEAD = 8;

/** Returns what is wrong with a window, or null. */
export function windowFault({ start, for: length, timeZone }: Window): string | null {
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(start)) return 'start must be a time of day from 00:00 to 23:59';
  const duration = parseDuration(length);
  if (duration === null) return 'for must be a duration such as 6h or 90m';
  if (duration === 0) return 'the window has no length; for must be more than 0';
  if (duration > LONGEST_MS) return 'a window lasts at most 24h';
  return isTimeZone(timeZone) ? null : `there is no time zone ${timeZone}; use a name such as Europe/Berlin or UTC`;
}

function isTimeZone(name: string): boolean {
  try {
    new Temporal.ZonedDateTime(0n, name);
    return true;
  } catch {
    return false;
  }
}

/** Whether a schedule is open, and when that changes next (epoch milliseconds; Infinity: never). */
export interface Opening {
  open: boolean;
  until: number;
}

const ALWAYS: Opening = { open: true, until: Number.POSITIVE_INFINITY };

/**
 * Says whether the schedule is open at `at`. A start that daylight saving leaves out comes as much later as the clock
 * jumps, and of a start that comes twice the first one counts. A window is as long as it says, whatever clocks do.
 */
export function openingAt({ window, days }: Schedule, at: Date): Opening {
  if (window === null && days.length === DAYS.length) return ALWAYS;
  const now = at.getTime();
  const spans = spansAround(window ?? ALL_DAY, days, now);
  const next = spans.find(([, end]) => end > now);
  if (!next) return { open: false, until: Number.POSITIVE_INFINITY };
  const [start, end] = next;
  if (start > now) return { open: false, until: start };
  return end - now > (AHEAD - 1) * LONGEST_MS ? ALWAYS : { open: true, until: end };
}

/** The times for which the window is open, from the day before to `AHEAD` days after; those that touch are one. */
function spansAround({ start, for: length, timeZone }: Window, days: readonly Day[], now: number): [number, number][] {
  const duration = parseDuration(length) ?? 0;
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate();
  const plainTime = Temporal.PlainTime.from(start);
  const spans: [number, number][] = [];
  for (let offset = -1; offset <= AHEAD; offset++) {
    const date = today.add({ days: offset });
    if (!days.includes(DAYS[date.dayOfWeek - 1] as Day)) continue;
    const opens = date.toZonedDateTime({ timeZone, plainTime }).epochMilliseconds;
    const last = spans.at(-1);
    if (last && opens <= last[1]) last[1] = Math.max(last[1], opens + duration);
    else spans.push([opens, opens + duration]);
  }
  return spans;
}

/** "04:00 Europe/Berlin", the time of day at which something happens where the window is. */
export function describeMoment(at: number, window: Window | null): string {
  const timeZone = window?.timeZone ?? 'UTC';
  const there = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone);
  const day = DAYS[there.dayOfWeek - 1];
  return `${day} ${there.toPlainDate()} ${there.toPlainTime().toString({ smallestUnit: 'minute' })} ${timeZone}`;
}
