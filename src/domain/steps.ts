/** Work in short steps. The code that runs it decides whether others get a turn between two of them. */
export type Steps<T> = Generator<void, T, void>;

/** Runs all steps at one stretch. */
export function atOnce<T>(work: Steps<T>): T {
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}
