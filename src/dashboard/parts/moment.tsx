import { duration } from '../../domain/duration.ts';

/** `2026-11-22 18:00 UTC`. */
export const clock = (at: string): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** A time in words, with the exact time as its tooltip. */
export function Moment({ at, now }: { at: string; now: Date }) {
  const seconds = (now.getTime() - Date.parse(at)) / 1000;
  const words = seconds < 0 ? `in ${duration(-seconds)}` : seconds < 10 ? 'just now' : `${duration(seconds)} ago`;
  return (
    <time datetime={at} title={clock(at)}>
      {words}
    </time>
  );
}
