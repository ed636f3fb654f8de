import { compareVersions, parseVersion, type Version } from './version.ts';

/** A release that Fairway knows of. */
export interface Release {
  /** Canonical, without `v`. */
  version: string;
  /** `YYYY-MM-DD`; null where the source gives none. */
  date: string | null;
  /** It fixes a vulnerability. */
  security: boolean;
  /** Its existence is not public yet (RFD 134, Security releases). */
  embargoed: boolean;
  /** Have the packages that agents install been published? They are built apart from the control plane's (RFD 134, Cloud release artifacts). */
  packages: 'absent' | 'building' | 'published';
  /** Withdrawn because it is bad (RFD 134, Rollbacks). */
  pulled: { reason: string; by: string; at: string } | null;
}

/** The releases that Fairway knows of, by version. */
export type Catalogue = ReadonlyMap<string, Release>;

/** Officially supported are the latest major and the two before it (RFD 12). */
export const SUPPORTED_MAJORS = 3;

/** The lowest supported major, or null while no stable release is known. */
export function oldestSupportedMajor(catalogue: Catalogue): number | null {
  let latest: number | null = null;
  for (const { version } of catalogue.values()) {
    const parsed = parseVersion(version);
    if (parsed?.kind === 'stable' && (latest === null || parsed.major > latest)) latest = parsed.major;
  }
  return latest === null ? null : latest - SUPPORTED_MAJORS + 1;
}

/** The catalogue's versions, newest first by precedence. */
export function newestFirst(catalogue: Catalogue): Version[] {
  return [...catalogue.keys()].flatMap((version) => parseVersion(version) ?? []).sort((a, b) => compareVersions(b, a));
}
