import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../domain/duration.ts';
import { describeMoment, readMoment } from '../domain/moment.ts';
import { UsageError } from './errors.ts';

/** The time zone of this terminal: TZ, or that of the machine. */
const localZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** Reads the value of an option such as `--at`, in the time zone of this terminal. Throws `UsageError`. */
export function readTime(option: string, text: string, now: Date): Date {
  const { at, fault } = readMoment(text, now, localZone());
  if (at) return at;
  throw new UsageError(`${option}: ${fault}`);
}

/** A point in time as this terminal's clock shows it, and in UTC. */
export const describeTime = (at: Date): string => describeMoment(at, localZone());

/** Reads the time limit of a command that waits, in milliseconds. */
export function readDuration(text: string): number {
  const length = parseDuration(text);
  if (length === null || length === 0) throw new InvalidArgumentError('It must be a duration such as 90s, 30m or 2h.');
  return length;
}
