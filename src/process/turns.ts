const waiting: (() => void)[] = [];
let isBusy = false;

/**
 * Resolves in a later turn of the event loop, for one caller in each turn and in their order: polls and others are
 * answered between two, however many call at once.
 */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    waiting.push(resolve);
    if (!isBusy) setImmediate(begin);
    isBusy = true;
  });

function begin(): void {
  waiting.shift()?.();
  isBusy = waiting.length > 0;
  if (isBusy) setImmediate(begin);
}

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
