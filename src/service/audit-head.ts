import type { Logger } from 'pino';
import { headText } from '../domain/audit.ts';
import { repeat } from '../process/repeat.ts';
import type { State } from './state.ts';

/** Milliseconds between two looks for a new head. */
const LOOK_EVERY = 10 * 60 * 1_000;

/**
 * Logs the head of the audit log at the start, every ten minutes if it has changed, and at the end, so that a log that
 * is replaced as a whole can be told apart by what a log collector has.
 */
export function noteHead(state: Pick<State, 'peek'>, log: Logger, every = LOOK_EVERY): { stop(): void } {
  let noted: string | null = null;
  async function look(): Promise<void> {
    const snapshot = state.peek();
    const head = snapshot && headText(snapshot);
    if (head === null || head === noted) return;
    noted = head;
    log.info({ head }, 'the head of the audit log, for fairway audit verify --head');
  }
  void look();
  const looking = repeat('audit head', every, log, look);
  return {
    stop() {
      looking.stop();
      void look();
    },
  };
}
