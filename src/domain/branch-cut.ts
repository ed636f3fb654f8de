import type { Act } from './channel.ts';
import { FairwayError } from './errors.ts';
import { type Catalogue, publicStables, type Signature } from './release.ts';
import { majorBranch } from './release-branch.ts';
import { parseVersion } from './version.ts';

/** The key of the branches that were declared as cut. */
export const BRANCH_CUTS_KEY = 'branches/cut';

/** `branch/vMAJOR` was created, so main builds the major after it (RFD 134, Cloud release process). */
export interface BranchCut extends Signature {
  major: number;
  reason: string;
}

/** The branches that people declared as cut, the newest last. */
export interface BranchCuts {
  cuts: BranchCut[];
}

export const NO_BRANCH_CUTS: BranchCuts = { cuts: [] };

/** Bounds the document; a major comes every few months. */
const MAX_CUTS = 50;

/** When a branch was cut, in epoch milliseconds, by its major; null where a history has no date. */
export type CutTimes = ReadonlyMap<number, number | null>;

/**
 * Since when each `branch/vN` is known to be cut: since a pre-release of `N.0.0` that was cut from it was registered, or
 * since a person declared it. Release candidates come from it (RFD 12); an alpha or a beta does where it is registered so (RFD 134).
 */
export function cutTimes(catalogue: Catalogue, { cuts }: BranchCuts): CutTimes {
  const times = new Map<number, number | null>();
  for (const { major, at } of cutsIn(catalogue)) times.set(major, earlier(times.get(major), at));
  for (const { major, at } of cuts) times.set(major, earlier(times.get(major), Date.parse(at)));
  return times;
}

/** Of each major, the release that showed first that its branch was cut. */
export function earliestCuts(catalogue: Catalogue): Set<string> {
  const first = new Map<number, { version: string; at: number | null }>();
  for (const { major, version, at } of cutsIn(catalogue)) {
    const known = first.get(major);
    if (!known || (at !== null && known.at !== null && at < known.at)) first.set(major, { version, at });
  }
  return new Set([...first.values()].map(({ version }) => version));
}

/** The releases that show that the branch of their major was cut, and since when the pipelines could know. */
function* cutsIn(catalogue: Catalogue): Generator<{ version: string; major: number; at: number | null }> {
  for (const { version: text, cutAt, branch, registered } of catalogue.values()) {
    const version = parseVersion(text);
    if (version === null) continue;
    const { major, minor, patch, kind } = version;
    const isOfBranch = kind === 'rc' || branch === majorBranch(major);
    if (minor !== 0 || patch !== 0 || !isOfBranch) continue;
    const known = registered?.at ?? cutAt;
    yield { version: text, major, at: known === null ? null : Date.parse(known) };
  }
}

const earlier = (known: number | null | undefined, at: number | null): number | null =>
  known === undefined || known === null || at === null ? (known ?? at) : Math.min(known, at);

/** Declares that `branch/vMAJOR` was cut; null where that is known. Throws `invalid` for another major than the next. */
export function declareCut(known: BranchCuts, major: number, catalogue: Catalogue, act: Act): BranchCuts | null {
  if (cutTimes(catalogue, known).has(major)) return null;
  const latest = publicStables(catalogue)[0];
  if (!latest) {
    throw new FairwayError('invalid', 'no stable release is known; import the release history first');
  }
  if (major !== latest.major + 1) {
    const next = majorBranch(latest.major + 1);
    throw new FairwayError(
      'invalid',
      `the next branch to be cut is ${next}, after ${latest.text}, not ${majorBranch(major)}`,
    );
  }
  const cut = { major, by: act.by, at: act.at.toISOString(), reason: act.reason };
  return { cuts: [...known.cuts, cut].slice(-MAX_CUTS) };
}
