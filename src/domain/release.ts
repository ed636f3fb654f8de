import { derivedOnce } from './derived.ts';
import { compareVersions, parseVersion, type Version } from './version.ts';

/** Artifacts are built in sets, the control plane's first (RFD 134, Cloud release artifacts). */
export const ARTIFACT_SETS = ['controlPlane', 'packages', 'helm'] as const;
export type ArtifactSet = (typeof ARTIFACT_SETS)[number];

export const ARTIFACT_STATES = ['absent', 'building', 'published'] as const;
export type ArtifactState = (typeof ARTIFACT_STATES)[number];

/** `at` is when the state was reached (ISO 8601); null if it was never left, or a history has no date. */
export interface Artifact {
  state: ArtifactState;
  at: string | null;
}

/** Who did something, and when (ISO 8601). */
export interface Signature {
  by: string;
  at: string;
}

/** A change in a release, identified by the pull request that merged it into main. */
export interface ReleaseChange {
  pr: number;
  title: string;
  /** Who made it, as the pull request says, such as a GitHub login; left out if CI did not say. */
  author?: string | undefined;
  /** The change must be signed off before the release goes beyond canaries (RFD 134, Cloud promotion process). */
  significant: boolean;
  signedOff: Signature | null;
}

/** A release that Fairway knows of. */
export interface Release {
  /** Canonical, without `v`. */
  version: string;
  /** Hex, full or shortened; null if a history has none. */
  commit: string | null;
  /** When the tag was cut: an ISO 8601 time, or only a date, or null, as far as a history knows it. */
  cutAt: string | null;
  /** The branch that it was cut from, if CI said so; else RFD 12 says it (release-branch.ts). */
  branch?: string | undefined;
  /** The release that `changes` are counted from. */
  previous: string | null;
  /** The fixes under embargo that it says it contains, canonical. */
  includes?: string[] | undefined;
  /** Does it fix a vulnerability? */
  security: boolean;
  /** Is its existence still a secret (RFD 134, Security releases)? */
  embargoed: boolean;
  artifacts: Record<ArtifactSet, Artifact>;
  changes: ReleaseChange[];
  /** Withdrawn because it is bad (RFD 134, Rollbacks). */
  pulled: (Signature & { reason: string }) | null;
  /** Null if it was imported from a history. `digest` shows whether a later registration is the same. */
  registered: (Signature & { digest: string }) | null;
}

/** The releases that Fairway knows of, by version. */
export type Catalogue = ReadonlyMap<string, Release>;

/** A release from a history; its artifacts count as published. */
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

/** The release and those that it was built on, by `previous`, newest first, as far as the catalogue knows them. */
export function withPredecessors(catalogue: Catalogue, version: string): Release[] {
  const chain = new Map<string, Release>();
  for (let next = catalogue.get(version); next && !chain.has(next.version); next = catalogue.get(next.previous ?? '')) {
    chain.set(next.version, next);
  }
  return [...chain.values()];
}

/** Is the release out and not pulled? Only such releases count for support, tags and the major of cloud releases. */
export const isPublic = ({ embargoed, pulled }: Release): boolean => !embargoed && pulled === null;

/** The artifacts that agents need and that are not published yet. Only channels with `needsHelm` need Helm charts. */
export function missingArtifacts({ artifacts }: Release, needsHelm: boolean): ArtifactSet[] {
  const needed: ArtifactSet[] = needsHelm ? ['packages', 'helm'] : ['packages'];
  return needed.filter((set) => artifacts[set].state !== 'published');
}

/** The versions, newest first by precedence. */
export function newestFirst(releases: Iterable<Pick<Release, 'version'>>): Version[] {
  return [...releases].flatMap(({ version }) => parseVersion(version) ?? []).sort((a, b) => compareVersions(b, a));
}

/** The versions of a catalogue, newest first by precedence. */
export const versionsOf = derivedOnce((catalogue: Catalogue): readonly Version[] => newestFirst(catalogue.values()));

/** The public stable versions, newest first. */
export const publicStables = derivedOnce((catalogue: Catalogue): readonly Version[] =>
  newestFirst([...catalogue.values()].filter(isPublic)).filter(({ kind }) => kind === 'stable'),
);
