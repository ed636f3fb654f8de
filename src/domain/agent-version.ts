import { compareVersions, MAX_VERSION_LENGTH, parseVersion, type Version } from './version.ts';

/** Stands for the version of an agent whose own cannot be read. It sorts below every version. */
export const UNREADABLE = '?';

/**
 * The version that an agent reports, as it is kept and shown, or `UNREADABLE`. Agents are not asked to write it well: a
 * leading `v` or `V`, white space around it and missing parts (`14.3` is 14.3.0) are accepted, and build metadata
 * stays.
 */
export function readAgentVersion(text: string): string {
  const trimmed = text.trim().replace(/^v/i, '');
  if (trimmed.length > MAX_VERSION_LENGTH) return UNREADABLE;
  const [, numbers = '', suffix = '', build = ''] =
    /^(\d+(?:\.\d+){0,2})(-[^+\s]*)?(\+[0-9A-Za-z.-]+)?$/.exec(trimmed) ?? [];
  const full = [...numbers.split('.'), '0', '0'].slice(0, 3).join('.');
  const version = numbers === '' ? null : parseVersion(full + suffix);
  return version ? version.text + build : UNREADABLE;
}

/**
 * The version that rules are applied to; null for an unreadable one. Build metadata has no precedence (semver.org, 10)
 * and is left out. A line (`lineOfAgent`) is taken for its first release.
 */
export function agentVersion(text: string): Version | null {
  if (text === UNREADABLE) return null;
  const line = /^(\d+)(?:\.(\d+))?\.x$/.exec(text);
  return parseVersion(line ? `${line[1]}.${line[2] ?? 0}.0` : text.replace(/\+.*$/, ''));
}

/** Semver precedence of versions that agents report; unreadable ones sort first. */
export function compareAgentVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [first, second] = [agentVersion(a), agentVersion(b)];
  if (!first || !second) return Number(first !== null) - Number(second !== null);
  return compareVersions(first, second);
}

/** The lower of two versions; the first where neither is lower. */
export const lowerVersion = (a: string, b: string): string => (compareAgentVersions(b, a) < 0 ? b : a);

/** The higher of two versions; the first where neither is higher. */
export const higherVersion = (a: string, b: string): string => (compareAgentVersions(b, a) > 0 ? b : a);

/** The highest major that is counted by its line; agents claim anything, and lines are bounded by this. */
const HIGHEST_LINE = 99;

/**
 * The release line of a version, for agents whose exact version is one too many to count: `14.x`, before 6.0 `4.3.x`.
 * The gate judges lines and majors, so nothing that it must know is lost.
 */
export function lineOfAgent(text: string): string {
  const version = agentVersion(text);
  if (!version || version.major > HIGHEST_LINE || (version.major < 6 && version.minor > HIGHEST_LINE))
    return UNREADABLE;
  return version.major < 6 ? `${version.major}.${version.minor}.x` : `${version.major}.x`;
}
