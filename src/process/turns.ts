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

/** Items handled at a stretch: a few milliseconds, in which the process answers no poll. */
const AT_ONCE = 50;

/** Handles one item after the other, and lets the process answer others in between. */
export async function inSlices<T, R>(items: Iterable<T>, handle: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    results.push(await handle(item));
    if (results.length % AT_ONCE === 0) await nextTurn();
  }
  return results;
}

/** Lets callers go on one at a time, in their order, each in a turn of its own: others are answered between two. */
export function takeTurns(): () => Promise<void> {
  const waiting: (() => void)[] = [];
  let isBusy = false;

  function begin(): void {
    const next = waiting.shift();
    isBusy = next !== undefined;
    if (!next) return;
    next();
    setImmediate(begin);
  }

  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (!isBusy) begin();
    });
}
