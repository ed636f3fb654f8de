import type { Version, VersionKind } from './version.ts';

/** Where a release of a kind may go, by its suffix (RFD 12, Suffixes; RFD 134 for cloud). */
export const USES: Record<VersionKind, string> = {
  stable: 'production, self-hosted',
  rc: 'testing of release candidates',
  beta: 'staging',
  alpha: 'demos and early deploys',
  dev: 'development builds',
  cloud: 'the stages of the cloud',
  other: 'unknown',
};

/**
 * The branch that a release is cut from (RFD 12, branches): release candidates from the branch of their major, `X.Y.0`
 * and its patches from the branch of their minor. Null for an unknown suffix.
 */
export function branchOf({ kind, major, minor }: Version): string | null {
  if (kind === 'other') return null;
  if (kind === 'rc') return majorBranch(major);
  return kind === 'stable' ? minorBranch(major, minor) : 'main';
}

/**
 * All branches that a release of the kind may be cut from, the usual one first; empty for an unknown suffix. RFD 134
 * draws the first alpha of a major on its branch.
 */
export function branchesOf(version: Version): string[] {
  const branch = branchOf(version);
  if (branch === null) return [];
  const isEarly = version.kind === 'alpha' || version.kind === 'beta';
  return isEarly ? [branch, majorBranch(version.major)] : [branch];
}

export const majorBranch = (major: number): string => `branch/v${major}`;

export const minorBranch = (major: number, minor: number): string => `branch/v${major}.${minor}`;
