import { createHash } from 'node:crypto';
import { cloudMajorFault, type MajorRules } from './cloud-release.ts';
import { cutFault } from './cut.ts';
import { FairwayError } from './errors.ts';
import {
  ARTIFACT_SETS,
  type ArtifactSet,
  type ArtifactState,
  type Catalogue,
  type Release,
  type ReleaseChange,
} from './release.ts';
import { branchesOf } from './release-branch.ts';
import { requireVersion, type Version } from './version.ts';

/** A release as CI registers it. */
export interface Registration {
  version: string;
  commit: string;
  /** ISO 8601. */
  cutAt: string;
  /** `main`, `branch/vX` or `branch/vX.Y`. */
  branch?: string | undefined;
  previous?: string | undefined;
  /** Releases under embargo whose fixes it contains. */
  includes?: string[] | undefined;
  security?: boolean | undefined;
  embargoed?: boolean | undefined;
  artifacts?: Partial<Record<ArtifactSet, ArtifactState | undefined>> | undefined;
  changes?: Omit<ReleaseChange, 'signedOff'>[] | undefined;
}

/**
 * Makes the release. Throws `invalid` for one that must not be registered (RFD 12, Suffixes; RFD 134, Cloud release
 * process).
 */
export function createRelease(
  registration: Registration,
  catalogue: Catalogue,
  { by, at, cuts, overlap }: { by: string } & MajorRules,
): Release {
  const version = requireVersion(registration.version);
  const { security = false, embargoed = false, changes = [] } = registration;
  const previous = registration.previous === undefined ? null : requireVersion(registration.previous).text;
  const includes = (registration.includes ?? []).map((each) => requireVersion(each).text);
  const unknown = includes.find((each) => each === version.text || !catalogue.has(each));
  if (unknown !== undefined) {
    throw new FairwayError('invalid', `${version.text} cannot include ${unknown}; name another registered release`);
  }
  const cutAt = new Date(registration.cutAt).toISOString();
  const commit = registration.commit.toLowerCase();
  if (version.cloud) {
    const fault = cloudMajorFault(version, catalogue, { cuts, overlap, at });
    if (fault) throw new FairwayError('invalid', fault);
    if (!commit.startsWith(version.cloud.hash) && !version.cloud.hash.startsWith(commit)) {
      throw new FairwayError(
        'invalid',
        `${version.text} does not belong to commit ${commit}; register the commit that was built`,
      );
    }
  }
  const { branch } = registration;
  const fault = branchFault(version, branch) ?? cutFault(version, { cutAt, previous }, catalogue, at);
  if (fault) throw new FairwayError('invalid', fault);
  const twice = changes.find(({ pr }, index) => changes.findIndex((change) => change.pr === pr) !== index);
  if (twice) throw new FairwayError('invalid', `change ${twice.pr} is listed twice; list each pull request once`);
  const time = at.toISOString();
  return {
    version: version.text,
    commit,
    cutAt,
    ...(branch === undefined ? {} : { branch }),
    previous,
    ...(includes.length === 0 ? {} : { includes }),
    security,
    embargoed,
    artifacts: readArtifacts(registration.artifacts ?? {}, time),
    changes: changes.map((change) => ({ ...change, signedOff: null })),
    pulled: null,
    registered: { by, at: time, digest: digestOf(registration) },
  };
}

function branchFault(version: Version, branch: string | undefined): string | null {
  const possible = branchesOf(version);
  if (branch === undefined || possible.length === 0 || possible.includes(branch)) return null;
  return `${version.text} is not cut from ${branch} but from ${possible.join(' or ')} (RFD 12, branches)`;
}

function readArtifacts(states: NonNullable<Registration['artifacts']>, at: string): Release['artifacts'] {
  const entries = ARTIFACT_SETS.map((set) => {
    const state = states[set] ?? 'absent';
    return [set, { state, at: state === 'absent' ? null : at }];
  });
  return Object.fromEntries(entries);
}

/** SHA-256 (hex) of the registration: equal for equal registrations, whatever happened to the release since. */
export function digestOf(registration: Registration): string {
  const { version, commit, cutAt, branch, previous, includes, security, embargoed, artifacts, changes } = registration;
  const said = [
    requireVersion(version).text,
    commit.toLowerCase(),
    Date.parse(cutAt),
    previous === undefined ? null : requireVersion(previous).text,
    security ?? false,
    embargoed ?? false,
    ARTIFACT_SETS.map((set) => artifacts?.[set] ?? 'absent'),
    (changes ?? []).map(({ pr, title, significant, author }) => [pr, title, significant, ...(author ? [author] : [])]),
    // Left out unless it is said, so that digests of earlier releases of Fairway stay.
    ...(branch === undefined ? [] : [branch]),
    ...(includes === undefined ? [] : [{ includes: includes.map((each) => requireVersion(each).text) }]),
  ];
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}
