import { formatStampTime } from './cloud-version.ts';
import { FairwayError } from './errors.ts';
import { type Catalogue, publicStables } from './release.ts';
import { parseVersion, requireVersion, type Version } from './version.ts';

/** The length of git's short hashes. */
const HASH_LENGTH = 7;

/**
 * The majors that a cloud release may have now, lowest first: N, the latest stable major + 1 (RFD 134, Cloud release
 * process), and N + 1 once `branch/vN` was cut, which N.0.0-rc.1 shows (RFD 12). Empty while no stable release is
 * known.
 */
export function cloudMajors(catalogue: Catalogue): number[] {
  const latest = publicStables(catalogue)[0];
  if (!latest) return [];
  const next = latest.major + 1;
  return catalogue.has(`${next}.0.0-rc.1`) ? [next, next + 1] : [next];
}

/** Returns why this cloud version must not be registered, or null. */
export function cloudMajorFault(version: Version, catalogue: Catalogue): string | null {
  const majors = cloudMajors(catalogue);
  if (majors.length === 0) {
    return 'no stable release is known, so there is no major for cloud releases; import the release history first';
  }
  if (majors.includes(version.major)) return null;
  const early = majors.includes(version.major - 1);
  const from = early ? `; ${version.major} is allowed once ${version.major - 1}.0.0-rc.1 is registered` : '';
  const allowed = `${majors.join(' or ')} now (latest stable + 1)`;
  return `the major of a cloud release must be ${allowed}, not ${version.major}${from}`;
}

export interface MintInput {
  /** The commit's hash, 6 to 40 hex digits; the longer the better. */
  commit: string;
  at: Date;
  /** One of `cloudMajors`; the lowest by default. */
  major?: number | undefined;
}

/** Makes the cloud version for a commit of main. Throws `invalid`. */
export function mintCloudVersion({ commit, at, major }: MintInput, catalogue: Catalogue): Version {
  const [lowest] = cloudMajors(catalogue);
  const text = `${major ?? lowest ?? 0}.0.0-cloud.${formatStampTime(at)}.${stampHash(commit)}`;
  const version = requireVersion(text);
  const fault = cloudMajorFault(version, catalogue);
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
