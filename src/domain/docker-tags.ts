import { type Catalogue, isPublic, publicStables } from './release.ts';
import { compareVersions, type Version } from './version.ts';

/** What a registry script has to do for a release. A move from null creates the tag, a move to null deletes it. */
export interface TagPlan {
  /** Tags that belong to this release only and never move. */
  create: string[];
  move: { tag: string; from: string | null; to: string | null }[];
}

/**
 * The Docker tags of a release (RFD 12): `X.Y.Z` never moves, `X` is at the newest release of the major, and there is
 * no `X.Y`. A pre-release moves no tag. When a release is pulled, `X` goes back to the release before it. A release
 * under embargo has no tags yet.
 */
export function planTags(version: Version, catalogue: Catalogue): TagPlan {
  const release = catalogue.get(version.text);
  const out = release === undefined || isPublic(release);
  return { create: out ? [version.text] : [], move: release?.embargoed ? [] : moveMajor(version, out, catalogue) };
}

function moveMajor(version: Version, out: boolean, catalogue: Catalogue): TagPlan['move'] {
  if (version.kind !== 'stable') return [];
  const others = publicStables(catalogue).filter(({ major, text }) => major === version.major && text !== version.text);
  const newest = others[0] ?? null;
  if (newest && compareVersions(newest, version) > 0) return [];
  const [from, to] = out ? [newest, version] : [version, newest];
  return [{ tag: String(version.major), from: from?.text ?? null, to: to?.text ?? null }];
}
