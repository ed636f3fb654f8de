import { FairwayError } from '../domain/errors.ts';
import type { Release, Signature } from '../domain/release.ts';
import { NO_SIGN_OFFS, remember, SIGN_OFFS_KEY, withSignOff } from '../domain/sign-off.ts';
import { releaseKey, replace, type Stored } from '../domain/snapshot.ts';
import { type ChangeRequest, commitDocument, requireRevision, retryOnConflict } from './change.ts';
import type { Releases } from './releases.ts';
import type { State } from './state.ts';

/** A change of a pull request's label, as GitHub reports it. */
export interface LabelEvent {
  /** The SHA-256 of the signed body, hex; a redelivery has the same. */
  delivery: string;
  pr: number;
  /** True if the label was set, false if it was removed. */
  signedOff: boolean;
  /** The GitHub login of the person who did it. */
  by: string;
  /** ISO 8601; a time to come counts as now, so that it does not outlast later events. */
  at: string;
}

/** Engineers sign off that a change was tested and is ready (RFD 134, Cloud promotion process). */
export interface SignOffs {
  /** Signs a change off, or withdraws the sign-off. Throws `not_found`. */
  byHand(
    version: string,
    pr: number,
    input: { signedOff: boolean; reason: string },
    request: ChangeRequest,
  ): Promise<Stored<Release>>;
  /** Does the same for every release that has the change. Answers their versions, or why it did nothing. */
  byLabel(event: LabelEvent): Promise<{ releases: string[] } | { ignored: string }>;
}

export interface SignOffsOptions {
  state: State;
  releases: Pick<Releases, 'read'>;
  now: () => Date;
}

export function createSignOffs({ state, releases, now }: SignOffsOptions): SignOffs {
  return {
    async byHand(version, pr, { signedOff, reason }, request) {
      const { actor, ifMatch, dryRun } = request;
      const before = releases.read(version, actor);
      const key = releaseKey(before.version);
      requireRevision(key, before, ifMatch);
      if (!before.changes.some((change) => change.pr === pr)) {
        throw new FairwayError(
          'not_found',
          `${before.version} has no change ${pr}; read the release to see its changes`,
        );
      }
      const at = now();
      const after = withSignOff(before, pr, signedOff ? { by: actor.name, at: at.toISOString() } : null);
      if (!after || dryRun) return after ?? before;
      const change = { key, before, after, action: actionOf(signedOff), reason: reason || `change ${pr}`, actor, at };
      const { revision } = await commitDocument(state, change);
      return { ...after, revision };
    },

    byLabel: (event) =>
      retryOnConflict({ ifMatch: null }, async () => {
        const snapshot = state.snapshot();
        const before = snapshot.signOffs;
        const known = before ?? NO_SIGN_OFFS;
        const { delivery, pr, by, signedOff } = event;
        const at = Date.parse(event.at) > now().getTime() ? now().toISOString() : event.at;
        if (known.deliveries.includes(delivery)) return { ignored: 'this delivery was already processed' };
        const last = known.verdicts.find((verdict) => verdict.pr === pr);
        if (last && Date.parse(last.at) > Date.parse(at))
          return { ignored: 'a later event for this change was already processed' };
        const actor = `github:${by}`;
        const signature: Signature | null = signedOff ? { by: actor, at } : null;
        const changed = [...snapshot.releases.values()].flatMap((release) => {
          const after = withSignOff(release, pr, signature);
          return after ? [{ release, after }] : [];
        });
        const versions = changed.map(({ after }) => after.version);
        const remembered = remember(known, delivery, { pr, by: actor, at, signedOff });
        const writes = changed.map(({ release, after }) => replace(releaseKey(after.version), release, after));
        await state.commit([replace(SIGN_OFFS_KEY, before ?? undefined, remembered), ...writes], {
          at: now().toISOString(),
          actor,
          action: actionOf(signedOff),
          subject: SIGN_OFFS_KEY,
          reason: `change ${pr} was ${signedOff ? 'labelled' : 'unlabelled'}`,
          before: null,
          after: { pr, releases: versions },
        });
        return { releases: versions };
      }),
  };
}

const actionOf = (signedOff: boolean) => (signedOff ? 'sign-off' : 'withdraw-sign-off');
