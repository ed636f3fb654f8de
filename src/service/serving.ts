import type { Snapshot } from '../domain/snapshot.ts';
import type { Steps } from '../domain/steps.ts';
import { inOwnTurns } from '../process/turns.ts';

/** Prepares for the next snapshot in steps. What it returns is called when that one is served, and must be short. */
export type Prepare = (next: Snapshot) => Steps<() => void>;

/** The snapshot that this process serves, and those who follow it. */
export interface Serving {
  /** Null if none was ever served. */
  peek(): Snapshot | null;
  /**
   * Serves what `make` makes of the served snapshot; null changes nothing. One is made and prepared for after the
   * other, while polls are answered from the one before, and then all is swapped within one turn. Resolves when it is
   * served, with whether it is.
   */
  serve(make: (served: Snapshot | null) => Steps<Snapshot | null>): Promise<boolean>;
  /** Calls `prepare` for every next snapshot, until the returned function is called. */
  onNext(prepare: Prepare): () => void;
  /** Calls `listener` with every snapshot that is served, until the returned function is called. */
  onChange(listener: (snapshot: Snapshot) => void): () => void;
}

export function createServing(first: Snapshot | null): Serving {
  const preparing = new Set<Prepare>();
  const listeners = new Set<(snapshot: Snapshot) => void>();
  let served = first;
  /** Settles when all that was asked for is served; null while nothing is under way. */
  let underWay: Promise<void> | null = null;

  function* advance(make: (served: Snapshot | null) => Steps<Snapshot | null>): Steps<boolean> {
    const next = yield* make(served);
    if (!next) return false;
    const swaps: (() => void)[] = [];
    for (const prepare of preparing) swaps.push(yield* prepare(next));
    served = next;
    for (const swap of swaps) swap();
    for (const listener of listeners) listener(next);
    return true;
  }

  return {
    peek: () => served,
    serve(make) {
      const begin = () => inOwnTurns(advance(make));
      const result = underWay ? underWay.then(begin) : begin();
      const settled = result.then(
        () => {},
        () => {},
      );
      underWay = settled;
      void settled.then(() => {
        if (underWay === settled) underWay = null;
      });
      return result;
    },
    onNext(prepare) {
      preparing.add(prepare);
      return () => void preparing.delete(prepare);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
