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

/** Milliseconds in which the process answers no poll, because work in steps is done, whatever it is for. */
const AT_ONCE_MS = 5;
/** When the work of this turn of the event loop should end; null before there was any. */
let turnEnds: number | null = null;

/** Has the work of this turn taken so long that others should have a turn? */
function isTurnOver(): boolean {
  if (turnEnds === null) {
    turnEnds = performance.now() + AT_ONCE_MS;
    setImmediate(() => {
      turnEnds = null;
    });
    return false;
  }
  return performance.now() >= turnEnds;
}

/** Runs work in steps, and lets the process answer others in between. */
export const inTurns = <T>(work: Generator<void, T>): Promise<T> => run(work, nextTurn);

/**
 * As `inTurns`, for work that others wait for: it does not queue behind operator requests. What is short is mostly done
 * when this returns.
 */
export const inOwnTurns = <T>(work: Generator<void, T>): Promise<T> => run(work, ownTurn);

const ownTurn = () => new Promise<void>((resolve) => void setImmediate(resolve));

async function run<T>(work: Generator<void, T>, turn: () => Promise<void>): Promise<T> {
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) return step.value;
    if (isTurnOver()) await turn();
  }
}

/** Handles one item after the other, and lets the process answer others in between. */
export async function inSlices<T, R>(items: Iterable<T>, handle: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    const result = handle(item);
    results.push(result instanceof Promise ? await result : result);
    if (isTurnOver()) await nextTurn();
  }
  return results;
}
