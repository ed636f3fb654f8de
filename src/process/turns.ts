import { setImmediate as nextTurn } from 'node:timers/promises';

/** Resolves once the process has answered others that wait, polls among them. */
export { nextTurn };

/** Runs work that yields now and then, and lets the process answer others in between. */
export async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) return step.value;
    await nextTurn();
  }
}
