/** Samples of how long polls wait until this process answers them. All numbers are integers that only grow. */
export interface DelayCounts {
  /** By upper bound in seconds. Each sample is in one bucket only, or in none if it is beyond the last bound. */
  buckets: Record<(typeof DELAY_BOUNDS)[number], number>;
  samples: number;
  microseconds: number;
}

export const DELAY_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;

/**
 * Longer stalls are always sampled; shorter ones by chance, as polls meet them. 97 does not divide a second, the rhythm
 * of much other work: samples in step with that work would meet it always or never.
 */
const SAMPLE_EVERY_MS = 97;
/** Updaters give up after this long. It bounds the samples of a process that was paused for hours. */
const MAX_DELAY_MS = 10_000;

export const newDelayCounts = (): DelayCounts => ({
  buckets: { 0.005: 0, 0.01: 0, 0.025: 0, 0.05: 0, 0.1: 0, 0.25: 0, 0.5: 0, 1: 0, 2.5: 0 },
  samples: 0,
  microseconds: 0,
});

/**
 * Samples how long a poll would wait for the event loop, the only thing that it can wait for in this process
 * (docs/decisions/0018-poll-delay.md). The polls themselves are not timed.
 */
export function samplePollDelay(): { counts: Readonly<DelayCounts>; stop(): void } {
  const counts = newDelayCounts();
  let due = performance.now() + SAMPLE_EVERY_MS;

  function note(delay: number): void {
    counts.samples++;
    counts.microseconds += Math.round(delay * 1000);
    const bound = DELAY_BOUNDS.find((seconds) => delay <= seconds * 1000);
    if (bound !== undefined) counts.buckets[bound]++;
  }

  const timer = setInterval(() => {
    const now = performance.now();
    const delay = Math.min(Math.max(now - due, 0), MAX_DELAY_MS);
    note(delay);
    // Polls that came during a stall waited for the rest of it, so one sample for the whole stall would hide them.
    for (let rest = delay - SAMPLE_EVERY_MS; rest > 0; rest -= SAMPLE_EVERY_MS) note(rest);
    due = now + SAMPLE_EVERY_MS;
  }, SAMPLE_EVERY_MS);
  return { counts, stop: () => clearInterval(timer) };
}
