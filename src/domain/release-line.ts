import type { Version } from './version.ts';

/** Why an agent may not go from one version to another in one hop. */
export const HOP_FAULTS = ['agent_too_old', 'major_downgrade', 'legacy_skip'] as const;
export type HopFault = (typeof HOP_FAULTS)[number];

/** From this major on each major is a release line; before, each `X.Y` was one (RFD 12, "starting with 6.0"). */
const FIRST_SEMVER_MAJOR = 6;

/** The last line of each major before 6, from the public changelog. */
const LAST_LEGACY_MINOR = new Map([
  [1, 3],
  [2, 7],
  [3, 2],
  [4, 4],
]);

/**
 * Every reason why an agent at `from` must not be sent to `to` in one hop; empty if it may be.
 * A major may not be skipped or undone (RFD 12: "vN binaries are compatible with any other vN or vN-1"),
 * and below major 6 no line may be skipped ("you must not attempt to upgrade from 4.1 straight to 4.3").
 */
export function hopFaults(from: Version, to: Version): HopFault[] {
  const faults: HopFault[] = [];
  if (to.major - from.major > 1) faults.push('agent_too_old');
  if (from.major > to.major) faults.push('major_downgrade');
  if (to.major < FIRST_SEMVER_MAJOR && !sameOrNextLine(from, to) && !sameOrNextLine(to, from)) {
    faults.push('legacy_skip');
  }
  return faults;
}

function sameOrNextLine(older: Version, newer: Version): boolean {
  if (older.major === newer.major) return newer.minor - older.minor === 0 || newer.minor - older.minor === 1;
  // 4.4 → 5.0. If the last line of a major is unknown, so is the line that follows it.
  const last = LAST_LEGACY_MINOR.get(older.major);
  return newer.major - older.major === 1 && newer.minor === 0 && last !== undefined && older.minor >= last;
}

/** Is it as far on the way across majors, so that one may take the place of the other? */
export const isSameStop = (a: Version, b: Version): boolean =>
  a.major === b.major && (a.major >= FIRST_SEMVER_MAJOR || a.minor === b.minor);

/** The line that a version belongs to: `cloud`, its major, or `X.Y` below major 6. */
export function lineOf({ kind, major, minor }: Version): string {
  if (kind === 'cloud') return 'cloud';
  return major < FIRST_SEMVER_MAJOR ? `${major}.${minor}` : String(major);
}
