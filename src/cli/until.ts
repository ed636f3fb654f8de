import { parseDuration } from '../domain/duration.ts';
import { UsageError } from './errors.ts';

const FROM_NOW = /^\d{1,5}[mhd]$/;
const CLOCK = /^([01]?\d|2[0-3]):([0-5]\d)$/;

/**
 * When something ends, as ISO 8601: a duration from now (`90m`, `2h`, `3d`), the next time that the local clock
 * shows `18:00`, or a date and time. Throws `UsageError`.
 */
export function readUntil(text: string, now: Date): string {
  const duration = FROM_NOW.test(text) ? parseDuration(text) : null;
  if (duration !== null) return new Date(now.getTime() + duration).toISOString();
  const [, hour, minute] = CLOCK.exec(text) ?? [];
  if (hour && minute) return nextClock(Number(hour), Number(minute), now).toISOString();
  const time = new Date(text);
  // JavaScript would read a bare number as a date.
  if (!Number.isNaN(time.getTime()) && /^\d{4}-\d\d-\d\d/.test(text)) return time.toISOString();
  throw new UsageError(`--until ${text} is not a valid time; write 90m, 2h, 3d, 18:00 or 2026-11-22T18:00:00Z`);
}

function nextClock(hour: number, minute: number, now: Date): Date {
  const next = new Date(now);
  next.setHours(hour, minute, 0, 0);
  if (next <= now) next.setDate(next.getDate() + 1);
  return next;
}
