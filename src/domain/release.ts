import { compareVersions, parseVersion, type Version } from './version.ts';

/** The sets of artifacts that are built apart: the control plane's first, what agents install later (RFD 134, Cloud release artifacts). */
export const ARTIFACT_SETS = ['controlPlane', 'packages', 'helm'] as const;
export type ArtifactSet = (typeof ARTIFACT_SETS)[number];

export const ARTIFACT_STATES = ['absent', 'building', 'published'] as const;
export type ArtifactState = (typeof ARTIFACT_STATES)[number];

/** `at`: since when (ISO 8601); null where nobody said, as for what a history lists. */
export interface Artifact {
  state: ArtifactState;
  at: string | null;
}

/** Who did something, and when (ISO 8601). */
export interface Signature {
  by: string;
  at: string;
}

/** A change that a release brings, by the pull request that merged it into main. */
export interface ReleaseChange {
  pr: number;
  title: string;
  /** It must be signed off before the release goes beyond canaries (RFD 134, Cloud promotion process). */
  significant: boolean;
  signedOff: Signature | null;
}

/** A release that Fairway knows of. */
export interface Release {
  /** Canonical, without `v`. */
  version: string;
  /** Hex, in full or shortened; null where a history gives none. */
  commit: string | null;
  /** When its tag was cut, ISO 8601: a time, only a date where a history gives no more, or null where it gives none. */
  cutAt: string | null;
  /** The release that `changes` are counted from. */
  previous: string | null;
  /** It fixes a vulnerability. */
  security: boolean;
  /** Its existence is not public yet (RFD 134, Security releases). */
  embargoed: boolean;
  artifacts: Record<ArtifactSet, Artifact>;
  changes: ReleaseChange[];
  /** Withdrawn because it is bad (RFD 134, Rollbacks). */
  pulled: (Signature & { reason: string }) | null;
  /** Null: imported from a history. `digest` tells whether a registration says the same again. */
  registered: (Signature & { digest: string }) | null;
}

/** The releases that Fairway knows of, by version. */
export type Catalogue = ReadonlyMap<string, Release>;

/** What a history lists has been published. */
export function listedRelease(listed: Pick<Release, 'version' | 'cutAt' | 'security'>): Release {
  const published = { state: 'published', at: listed.cutAt } as const;
  return {
    commit: null,
    previous: null,
    embargoed: false,
    artifacts: { controlPlane: published, packages: published, helm: published },
    changes: [],
    pulled: null,
    registered: null,
    ...listed,
  };
}

/** Is it out, and not withdrawn? Only such a release counts for the outside world. */
export const isPublic = ({ embargoed, pulled }: Release): boolean => !embargoed && pulled === null;

/** What agents need of the release and does not exist yet. Helm charts count only for channels that say so. */
export function missingArtifacts({ artifacts }: Release, needsHelm: boolean): ArtifactSet[] {
  const needed: ArtifactSet[] = needsHelm ? ['packages', 'helm'] : ['packages'];
  return needed.filter((set) => artifacts[set].state !== 'published');
}

/** Versions, newest first by precedence. */
export function newestFirst(releases: Iterable<Pick<Release, 'version'>>): Version[] {
  return [...releases].flatMap(({ version }) => parseVersion(version) ?? []).sort((a, b) => compareVersions(b, a));
}

/** The stable versions that are out and not withdrawn, newest first. */
export function publicStables(catalogue: Catalogue): Version[] {
  return newestFirst([...catalogue.values()].filter(isPublic)).filter(({ kind }) => kind === 'stable');
}
