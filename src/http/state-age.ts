import type { Staleness } from '../domain/staleness.ts';
import type { State } from '../service/state.ts';

/** The age that answers of a stale state carry. A new object each second, so that a poll only looks at it. */
export interface StateAge {
  seconds: number;
  /** Names and values in turn. */
  headers: readonly string[];
  /** The same headers as they go on the wire, a line each. */
  lines: string;
  /** Is the state so old that agents get no version? */
  isWithheld: boolean;
}

/** Null while the state is fresh. */
export type ReadStateAge = () => StateAge | null;

const LOOK_EVERY_MS = 1_000;
/** What a cache must take for an age that is too large to say (RFC 9111, 1.2.2). */
const MAX_SECONDS = 2 ** 31;

/** Watches how old the state is, and calls `onWithheld` when agents get no version any more, or get one again. */
export function watchStateAge(
  state: Pick<State, 'age'>,
  { saidAfter, withheldAfter }: Staleness,
  onWithheld: () => void,
): { peek: ReadStateAge; close(): void } {
  const read = (): StateAge | null => {
    const age = state.age();
    if (age <= saidAfter) return null;
    const seconds = Math.min(Math.floor(age / 1_000), MAX_SECONDS);
    const headers = ['Age', String(seconds), 'Fairway-State-Age', String(seconds)];
    const lines = `Age: ${seconds}\r\nFairway-State-Age: ${seconds}\r\n`;
    return { seconds, headers, lines, isWithheld: age > withheldAfter };
  };
  let current = read();
  const looking = setInterval(() => {
    const before = current?.isWithheld ?? false;
    current = read();
    if ((current?.isWithheld ?? false) !== before) onWithheld();
  }, LOOK_EVERY_MS).unref();
  return { peek: () => current, close: () => clearInterval(looking) };
}
