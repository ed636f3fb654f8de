import type { Release, Signature } from './release.ts';

/** The key of what is remembered of GitHub's labels. */
export const SIGN_OFFS_KEY = 'sign-offs/github';

/**
 * What GitHub told of labels. A label may be older than the release that the change comes with, so it is remembered;
 * deliveries are, because GitHub repeats them.
 */
export interface SignOffs {
  /** The last deliveries that changed something, by the digests of their bodies, the newest last. */
  deliveries: string[];
  /** The last word on each pull request, the newest last. */
  verdicts: (Signature & { pr: number; signedOff: boolean })[];
}

/** Bounds both lists; a redelivery comes within days, and a release soon after its changes. */
const MAX_REMEMBERED = 1_000;

export const NO_SIGN_OFFS: SignOffs = { deliveries: [], verdicts: [] };

export function remember(signOffs: SignOffs, delivery: string, verdict: SignOffs['verdicts'][number]): SignOffs {
  const others = signOffs.verdicts.filter(({ pr }) => pr !== verdict.pr);
  return {
    deliveries: [...signOffs.deliveries, delivery].slice(-MAX_REMEMBERED),
    verdicts: [...others, verdict].slice(-MAX_REMEMBERED),
  };
}

/** The sign-off that a change brings along when its release is registered. */
export function rememberedSignOff(signOffs: SignOffs | null, pr: number): Signature | null {
  const verdict = signOffs?.verdicts.find((each) => each.pr === pr);
  return verdict?.signedOff ? { by: verdict.by, at: verdict.at } : null;
}

/**
 * The release with the change signed off or no longer so; null where that says nothing new, or it has no such change.
 */
export function withSignOff<R extends Release>(release: R, pr: number, signedOff: Signature | null): R | null {
  const change = release.changes.find((each) => each.pr === pr);
  if (!change || (change.signedOff === null) === (signedOff === null)) return null;
  return { ...release, changes: release.changes.map((each) => (each === change ? { ...each, signedOff } : each)) };
}
