/** How long polls wait until this process gets to them: samples by how long, whole numbers that only grow. */
export interface DelayCounts {
  /** By the upper bound in seconds; each sample is in one bucket, or in none where it is beyond them all. */
  buckets: Record<(typeof DELAY_BOUNDS)[number], number>;
  samples: number;
  microseconds: number;
}

export const DELAY_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;

/**
 * Longer stalls are found for certain, shorter ones by chance, as polls meet them. No part of a second, on which much of
 * the other work is done: samples that keep step with it would always meet it, or never.
 */
const SAMPLE_EVERY_MS = 97;
/** Updaters give up by then; bounds what is noted after a process was stopped for hours. */
const MAX_DELAY_MS = 10_000;

export const newDelayCounts = (): DelayCounts => ({
  buckets: { 0.005: 0, 0.01: 0, 0.025: 0, 0.05: 0, 0.1: 0, 0.25: 0, 0.5: 0, 1: 0, 2.5: 0 },
  samples: 0,
  microseconds: 0,
});

/**
 * Samples how long a poll that came now would wait for the event loop, which is all that it can wait for here
 * (docs/decisions/0018-poll-delay.md). No poll pays for it.
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
    // One sample for a stall would hide the polls that came during it: they waited for the rest of it.
    for (let rest = delay - SAMPLE_EVERY_MS; rest > 0; rest -= SAMPLE_EVERY_MS) note(rest);
    due = now + SAMPLE_EVERY_MS;
  }, SAMPLE_EVERY_MS);
  return { counts, stop: () => clearInterval(timer) };
}
