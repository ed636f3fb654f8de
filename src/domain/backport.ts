import { FairwayError } from './errors.ts';
import { newestFirst, type Release } from './release.ts';
import { majorBranch, minorBranch } from './release-branch.ts';
import { SUPPORTED_MAJORS } from './support.ts';
import type { Version } from './version.ts';

/**
 * What a change is for (RFD 12, branches and examples): an `urgent` or `not-urgent` fix, a fix of a vulnerability, work
 * for the next minor or the next major, or a fix that is not backported (`none`).
 */
export const URGENCIES = ['urgent', 'not-urgent', 'security', 'next-minor', 'next-major', 'none'] as const;
export type Urgency = (typeof URGENCIES)[number];

/** The branches that a change goes to, and the releases that will contain it. */
export interface BackportPlan {
  urgency: Urgency;
  /** Every change is merged here first. */
  merge: 'main';
  /** `from` is the branch to create it from; null if it exists. */
  backports: { branch: string; from: string | null }[];
  releases: { version: string; follows: string }[];
}

/** What is known of a fix besides its urgency. */
export interface BackportNeeds {
  /** The supported majors that have the bug; all of them if left out. */
  majors?: readonly number[] | undefined;
  /** Older supported majors that a customer wants a fix for, although it is not urgent. */
  customerRequested?: readonly number[] | undefined;
}

/**
 * Plans where a change goes, by RFD 12's list of branches and its examples. Urgent and security fixes, and those that a
 * customer asked for, go to the newest minor of their majors and are released as patches; other fixes wait for the next
 * minor of the latest major. A branch whose release is still tested gets fixes as well. The numbers of pulled and
 * embargoed releases are not used again. Throws `invalid` for majors that are not supported.
 */
export function planBackports(
  releases: Iterable<Release>,
  urgency: Urgency,
  { majors, customerRequested = [] }: BackportNeeds = {},
): BackportPlan {
  const known = newestFirst(releases);
  const newest = newestOfMajors(known);
  const tested = inTesting(known, newest);
  const possible = [...tested, ...newest.map(({ major }) => major)];
  for (const major of [...(majors ?? []), ...customerRequested]) requireSupported(major, possible);
  if (customerRequested.length > 0 && urgency !== 'not-urgent') {
    throw new FairwayError('invalid', 'a request of a customer matters only for a fix that is not urgent');
  }
  const plan: BackportPlan = { urgency, merge: 'main', backports: [], releases: [] };
  if (urgency === 'next-major' || urgency === 'none') return plan;
  const isConcerned = (major: number) => majors === undefined || majors.includes(major);
  if (urgency !== 'next-minor') {
    plan.backports.push(...tested.filter(isConcerned).map((major) => ({ branch: majorBranch(major), from: null })));
  }
  for (const version of newest.filter(({ major }) => isConcerned(major))) {
    if (urgency === 'urgent' || urgency === 'security' || customerRequested.includes(version.major)) {
      addPatch(plan, version);
    } else if (version === newest[0]) addMinor(plan, version);
  }
  return plan;
}

function addPatch({ backports, releases }: BackportPlan, { text, major, minor, patch }: Version): void {
  backports.push({ branch: majorBranch(major), from: null }, { branch: minorBranch(major, minor), from: null });
  releases.push({ version: `${major}.${minor}.${patch + 1}`, follows: text });
}

function addMinor({ backports, releases }: BackportPlan, { text, major, minor }: Version): void {
  const from = majorBranch(major);
  backports.push({ branch: from, from: null }, { branch: minorBranch(major, minor + 1), from });
  releases.push({ version: `${major}.${minor + 1}.0`, follows: text });
}

/** The newest stable release of each supported major, newest first. */
function newestOfMajors(known: readonly Version[]): Version[] {
  const stables = known.filter(({ kind }) => kind === 'stable');
  const latest = stables[0]?.major ?? 0;
  return stables.filter(({ major }, index) => major > latest - SUPPORTED_MAJORS && stables[index - 1]?.major !== major);
}

/** Majors whose branch was cut for a release candidate and that have no stable release yet (RFD 12, branches). */
function inTesting(known: readonly Version[], [latest]: readonly Version[]): number[] {
  const candidates = known.filter(({ kind, major }) => kind === 'rc' && major > (latest?.major ?? 0));
  return [...new Set(candidates.map(({ major }) => major))];
}

function requireSupported(major: number, possible: readonly number[]): void {
  if (possible.includes(major)) return;
  const supported = possible.join(', ') || 'none is known';
  throw new FairwayError(
    'invalid',
    `major ${major} is not supported, so nothing is backported to it; supported: ${supported}`,
  );
}
