import { newestFirst, type Release } from './release.ts';
import { majorBranch, minorBranch } from './release-branch.ts';
import { SUPPORTED_MAJORS } from './support.ts';

/** How urgent a fix is (RFD 12, examples). */
export const URGENCIES = ['urgent', 'not-urgent', 'security'] as const;
export type Urgency = (typeof URGENCIES)[number];

/** The branches that a fix goes to, and the releases that will contain it. */
export interface BackportPlan {
  urgency: Urgency;
  /** Every fix is merged here first. */
  merge: 'main';
  /** `from` is the branch to create it from; null if it exists. */
  backports: { branch: string; from: string | null }[];
  releases: { version: string; follows: string }[];
}

/**
 * Plans a fix for a bug in all versions, by RFD 12's examples. Urgent and security fixes go to the newest minor of
 * every supported major and are released as patches; other fixes wait for the next minor of the latest major. The
 * numbers of pulled and embargoed releases are not used again.
 */
export function planBackports(releases: Iterable<Release>, urgency: Urgency): BackportPlan {
  const stables = newestFirst(releases).filter(({ kind }) => kind === 'stable');
  const newestMajor = stables[0]?.major ?? 0;
  const newest = stables.filter(
    ({ major }, index) => major > newestMajor - SUPPORTED_MAJORS && stables[index - 1]?.major !== major,
  );
  const plan: BackportPlan = { urgency, merge: 'main', backports: [], releases: [] };
  for (const { text, major, minor, patch } of urgency === 'not-urgent' ? newest.slice(0, 1) : newest) {
    const next = urgency === 'not-urgent' ? { minor: minor + 1, patch: 0 } : { minor, patch: patch + 1 };
    const from = urgency === 'not-urgent' ? majorBranch(major) : null;
    plan.backports.push({ branch: majorBranch(major), from: null }, { branch: minorBranch(major, next.minor), from });
    plan.releases.push({ version: `${major}.${next.minor}.${next.patch}`, follows: text });
  }
  return plan;
}
