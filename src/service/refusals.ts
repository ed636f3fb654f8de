import type { Logger } from 'pino';
import { FairwayError } from '../domain/errors.ts';
import type { CommitResult, ControlLog } from '../domain/store.ts';
import { repeat } from '../process/repeat.ts';

export interface RefusalsOptions {
  store: Pick<ControlLog, 'probe'>;
  /** Milliseconds between two questions whether the store takes changes. */
  checkEvery: number;
  /** Does the store answer at all? */
  answers: () => boolean;
  log: Logger;
}

/** Knows whether the store takes changes: one that is full, read-only or lacks replicas still answers. */
export interface Refusals {
  /** Why the store refuses changes; null if it takes them. */
  peek(): string | null;
  /** The changes that the store has refused since the start. */
  count(): number;
  /** Runs a change, and records whether the store took it. */
  note(change: () => Promise<CommitResult>): Promise<CommitResult>;
  stop(): void;
}

export function watchRefusals({ store, checkEvery, answers, log }: RefusalsOptions): Refusals {
  let refusal: string | null = null;
  let isLogged = false;
  let refused = 0;

  function move(found: string | null): void {
    refusal = found;
    // That the store is away is logged elsewhere.
    if (found !== null && !isLogged && answers()) {
      isLogged = true;
      log.error({ reason: found }, 'the store refuses changes; agents are served the last state');
    } else if (found === null && isLogged) {
      isLogged = false;
      log.info({}, 'the store takes changes again');
    }
  }

  const checking = repeat('writable', checkEvery, log, () =>
    store.probe().then(
      () => move(null),
      (error: Error) => move(error.message),
    ),
  );
  return {
    peek: () => refusal,
    count: () => refused,
    async note(change) {
      try {
        const result = await change();
        // A conflict shows nothing, because nothing was written.
        if ('entry' in result) move(null);
        return result;
      } catch (error) {
        if (error instanceof FairwayError && error.code === 'store_unavailable') {
          refused++;
          move(error.message);
        }
        throw error;
      }
    },
    stop: () => checking.stop(),
  };
}
