/** A channel's agents at one moment, for charts. */
export interface Point {
  /** Epoch milliseconds. */
  at: number;
  agents: number;
  atTarget: number;
  /** Below the target, however far. */
  behind: number;
  /** Agents that must not go to the target in one hop. */
  stranded: number;
}

/** The time series of each channel: milliseconds between points, and how many points are kept. */
export const RESOLUTIONS = {
  minute: { every: 60_000, keep: 24 * 60 },
  hour: { every: 3_600_000, keep: 90 * 24 },
} as const;
export type Resolution = keyof typeof RESOLUTIONS;

/** Is `at` in a later interval of the series than its last point? */
export function isDue(resolution: Resolution, at: number, last: number | undefined): boolean {
  const { every } = RESOLUTIONS[resolution];
  return last === undefined || Math.floor(at / every) > Math.floor(last / every);
}
