import { Temporal } from 'temporal-polyfill';
import { parseDuration } from './duration.ts';
import { clock } from './words.ts';

/** A point in time that a person wrote, or what is wrong with it. */
export type Reading = { at: Date; fault: null } | { at: null; fault: string };

const FROM_NOW = /^\d{1,5}[mhd]$/;
const TIME_OF_DAY = /^(?:(tomorrow)(?: |$))?(?:(\d{1,2}:\d\d))?$/;
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?(?:\[([\w/+-]+)\])?$/;

/** How people may write a time. */
export const MOMENTS = '90m, 2h, 3d, 18:00, tomorrow 08:00, 2026-11-22, 2026-11-22T18:00 or 2026-11-22T18:00:00Z';

/**
 * Reads when something ends or happened: a duration from now, the next time that the clock shows a time of day, or a
 * date, alone or with a time. What names no zone is in `timeZone`; a date alone is the start of the day there. A day
 * that does not exist, and a time that a change of the clocks leaves out or repeats, are faults that say what to write.
 */
export function readMoment(text: string, now: Date, timeZone: string): Reading {
  const words = text.trim();
  const length = FROM_NOW.test(words) ? parseDuration(words) : null;
  if (length !== null) return found(now.getTime() + length);
  const [, tomorrow, time] = TIME_OF_DAY.exec(words) ?? [];
  if (tomorrow !== undefined || time !== undefined) return readTimeOfDay(tomorrow !== undefined, time, now, timeZone);
  const [, day = '', at, offset, zone] = DATE.exec(words) ?? [];
  if (day === '') return wrong(`"${text}" is not a valid time; write ${MOMENTS}`);
  return readDate(day, at, offset, zone ?? timeZone);
}

/** The minute in a zone and in UTC: `2026-11-22 18:00 Europe/Berlin (2026-11-22 17:00 UTC)`. */
export function describeMoment(at: Date, timeZone: string): string {
  const utc = clock(at.toISOString());
  if (timeZone === 'UTC') return utc;
  const there = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);
  const local = there.toPlainDateTime().toString({ smallestUnit: 'minute' }).replace('T', ' ');
  return `${local} ${timeZone} (${utc})`;
}

/** The zone, or UTC if there is no such zone. */
export const knownZone = (name: string): string => (isZone(name) ? name : 'UTC');

const isZone = (name: string): boolean => attempt(() => new Temporal.ZonedDateTime(0n, name)) !== null;

const found = (at: number): Reading => ({ at: new Date(at), fault: null });
const wrong = (fault: string): Reading => ({ at: null, fault });

/** The time of day tomorrow, or the next one from now. */
function readTimeOfDay(tomorrow: boolean, time: string | undefined, now: Date, timeZone: string): Reading {
  const today = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timeZone).toPlainDate();
  const next = today.add({ days: 1 });
  if (time === undefined) return readDate(next.toString(), undefined, undefined, timeZone);
  const clockTime = time.padStart(5, '0');
  if (!tomorrow) {
    const reading = readDate(today.toString(), clockTime, undefined, timeZone);
    const last = lastAt(today.toString(), clockTime, timeZone);
    // A time that is over, or was left out today, is that of tomorrow.
    if (last === null || last > now.getTime()) return reading;
  }
  return readDate(next.toString(), clockTime, undefined, timeZone);
}

/** The last moment at which the clock shows this, in epoch milliseconds; null if there is no such time of day. */
function lastAt(day: string, time: string, timeZone: string): number | null {
  const plain = attempt(() => Temporal.PlainDateTime.from(`${day}T${time}`));
  return plain?.toZonedDateTime(timeZone, { disambiguation: 'later' }).epochMilliseconds ?? null;
}

function readDate(day: string, time: string | undefined, offset: string | undefined, timeZone: string): Reading {
  const date = attempt(() => Temporal.PlainDate.from(day));
  if (!date) return wrong(`there is no day ${day}`);
  if (!isZone(timeZone)) return wrong(`there is no time zone ${timeZone}`);
  if (time === undefined) return found(date.toZonedDateTime(timeZone).epochMilliseconds);
  const plain = attempt(() => Temporal.PlainDateTime.from(`${day}T${time}`));
  if (!plain) return wrong(`there is no time of day ${time}`);
  if (offset === undefined) return readLocal(plain, timeZone);
  const instant = attempt(() => Temporal.Instant.from(`${day}T${time}${offset}`));
  return instant ? found(instant.epochMilliseconds) : wrong(`there is no offset ${offset}`);
}

/** A time on the clocks of a zone, which must come exactly once. */
function readLocal(plain: Temporal.PlainDateTime, timeZone: string): Reading {
  const [first, last] = (['earlier', 'later'] as const).map((disambiguation) =>
    plain.toZonedDateTime(timeZone, { disambiguation }),
  ) as [Temporal.ZonedDateTime, Temporal.ZonedDateTime];
  if (first.epochMilliseconds === last.epochMilliseconds) return found(first.epochMilliseconds);
  const written = plain.toString({ smallestUnit: 'minute' });
  const offsets = `${written}${first.offset} or ${written}${last.offset}`;
  if (first.toPlainDateTime().equals(plain)) return wrong(`${written} comes twice in ${timeZone}; write ${offsets}`);
  const [before, after] = [first, last].map((each) => each.toPlainDateTime().toString({ smallestUnit: 'minute' }));
  return wrong(`${written} does not exist in ${timeZone}, where clocks skip it; write ${before} or ${after}`);
}

/** Null instead of Temporal's error for what does not exist. */
function attempt<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
