import { type BranchCuts, cutTimes } from './branch-cut.ts';
import { formatStampTime } from './cloud-version.ts';
import { FairwayError } from './errors.ts';
import { type Catalogue, publicStables } from './release.ts';
import { parseVersion, requireVersion, type Version } from './version.ts';

/** The length of git's short hashes. */
const HASH_LENGTH = 7;

/** For how long after a branch was cut cloud releases of both majors are right, unless the settings say otherwise. */
export const MAJOR_OVERLAP = 14 * 24 * 3_600_000;

/** What decides on the major of a cloud release besides the catalogue. */
export interface MajorRules {
  cuts: BranchCuts;
  /** Milliseconds. */
  overlap: number;
  at: Date;
}

/**
 * The majors that a cloud release may have now, lowest first; the last one is main's. It is the latest stable major + 1
 * (RFD 134, Cloud release process), and one more once that branch was cut. For `overlap` after a cut, and where its time
 * is not known, the major before is right as well: a build may be under way. Empty while no stable release is known.
 */
export function cloudMajors(catalogue: Catalogue, rules: MajorRules): number[] {
  const latest = publicStables(catalogue)[0];
  if (!latest) return [];
  const times = cutTimes(catalogue, rules.cuts);
  const next = latest.major + 1;
  const main = times.has(next) ? next + 1 : next;
  const cut = times.get(main - 1);
  // A branch that has a stable release was cut before it, however long ago that was.
  const isOpen = cut === undefined || cut === null ? main > next : rules.at.getTime() - cut < rules.overlap;
  return isOpen ? [main - 1, main] : [main];
}

/** Returns why this cloud version must not be registered, or null. */
export function cloudMajorFault(version: Version, catalogue: Catalogue, rules: MajorRules): string | null {
  const majors = cloudMajors(catalogue, rules);
  if (majors.length === 0) {
    return 'no stable release is known, so there is no major for cloud releases; import the release history first';
  }
  if (majors.includes(version.major)) return null;
  const isNext = majors.includes(version.major - 1);
  const branch = version.major - 1;
  const cut = `${branch}.0.0-rc.1 is registered, or the cut is declared: fairway releases cut-branch ${branch}`;
  const from = isNext ? `; ${version.major} is allowed once ${cut}` : '';
  return `the major of a cloud release must be ${majors.join(' or ')} now (latest stable + 1), not ${version.major}${from}`;
}

export interface MintInput {
  /** The commit's hash, 6 to 40 hex digits; the longer the better. */
  commit: string;
  /** When it is cut. */
  at: Date;
  /** One of `cloudMajors`; main's by default. */
  major?: number | undefined;
}

/** Makes the cloud version for a commit of main. Throws `invalid`. */
export function mintCloudVersion(
  { commit, at, major }: MintInput,
  catalogue: Catalogue,
  rules: Omit<MajorRules, 'at'>,
): Version {
  const main = cloudMajors(catalogue, { ...rules, at }).at(-1);
  const text = `${major ?? main ?? 0}.0.0-cloud.${formatStampTime(at)}.${stampHash(commit)}`;
  const version = requireVersion(text);
  const fault = cloudMajorFault(version, catalogue, { ...rules, at });
  if (fault) throw new FairwayError('invalid', fault);
  return version;
}

/**
 * Shortens a hash as git does. An identifier of digits only is compared as a number and must not start with 0 (semver),
 * so the short hash is lengthened until it contains a letter.
 */
function stampHash(commit: string): string {
  const hash = commit.toLowerCase();
  if (!/^[0-9a-f]{6,40}$/.test(hash)) {
    throw new FairwayError('invalid', `"${commit}" is not a commit hash; give 6 to 40 hex digits (git rev-parse HEAD)`);
  }
  const letter = hash.search(/[a-f]/);
  const short = letter < 0 ? hash : hash.slice(0, Math.max(HASH_LENGTH, letter + 1));
  if (parseVersion(`1.0.0-cloud.20200101T000000.${short}`)) return short;
  throw new FairwayError(
    'invalid',
    `"${commit}" has only digits and starts with 0, which semver does not allow; give more digits of the hash`,
  );
}
