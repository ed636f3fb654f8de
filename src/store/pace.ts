import { setTimeout as sleep } from 'node:timers/promises';

/** Spreads `pieces` of work evenly over `within` milliseconds. The result waits until piece `index`, from 0, is due. */
export function pace(pieces: number, within: number): (index: number) => Promise<void> {
  const start = performance.now();
  return async (index) => {
    const wait = start + (index * within) / pieces - performance.now();
    // Timers have a resolution of one millisecond.
    if (wait >= 1) await sleep(wait);
  };
}
