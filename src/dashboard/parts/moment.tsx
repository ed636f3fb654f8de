import { duration } from '../../domain/duration.ts';
import { clock } from '../../domain/words.ts';

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
