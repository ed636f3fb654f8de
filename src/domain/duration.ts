/** A duration as settings and people write it. */
export const DURATION = /^(\d{1,6})(ms|s|m|h|d)$/;

const MILLISECONDS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a text such as 500ms, 30s, 5m, 24h or 30d; null for any other text. */
export function parseDuration(text: string): number | null {
  const [, amount = '', unit = ''] = DURATION.exec(text) ?? [];
  const size = MILLISECONDS[unit];
  return size === undefined ? null : Number(amount) * size;
}

/** Milliseconds. People name no time that is farther ahead: a year, and a day for those that have one more. */
export const FARTHEST = 366 * 86_400_000;

const LARGE_UNITS: [seconds: number, name: string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
];

/**
 * Seconds in the largest unit that fits at least twice, so that rounding never loses more than a third: `45 s`,
 * `90 min`, `2 h`, `9 d`.
 */
export function duration(seconds: number): string {
  const [size, name] = LARGE_UNITS.find(([unit]) => seconds >= 2 * unit) ?? [1, 's'];
  return `${Math.floor(Math.max(seconds, 0) / size)} ${name}`;
}
