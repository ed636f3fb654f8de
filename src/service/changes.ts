import { type ChangeTrace, traceChange } from '../domain/change-trace.ts';
import { visibleTo } from '../domain/embargo.ts';
import { FairwayError } from '../domain/errors.ts';
import type { Stage } from '../domain/promotion.ts';
import type { Actor } from '../domain/role.ts';
import type { Promotions } from './promotions.ts';
import type { State } from './state.ts';

/** Where a change is, and what it waits for. */
export interface ChangeView extends ChangeTrace {
  /** What happens next, in one sentence with the next command. */
  next: string;
}

/** Follows changes, so that engineers know when theirs are rolled out (RFD 134, Why). */
export interface Changes {
  /** Where the change of a pull request is. Throws `not_found`. */
  read(pr: number, actor: Actor): Promise<ChangeView>;
}

export interface ChangesOptions {
  state: Pick<State, 'snapshot'>;
  promotions: Pick<Promotions, 'read'>;
  stages: readonly Stage[];
}

export function createChanges({ state, promotions, stages }: ChangesOptions): Changes {
  async function nextOf(trace: ChangeTrace, actor: Actor): Promise<string> {
    const unsigned = trace.releases.find(({ signedOff, pulled }) => signedOff === null && pulled === null);
    if (trace.significant && unsigned) {
      const { version } = unsigned;
      return `it waits for its sign-off: fairway releases sign-off ${version} ${trace.pr} --reason "…"`;
    }
    const { newest } = trace.containedIn;
    if (!state.snapshot().promotions.has(newest))
      return `nothing: ${newest} is not promoted; channels are rolled forward`;
    const { next } = await promotions.read(newest, actor);
    return `${newest}: ${next}`;
  }

  return {
    async read(pr, actor) {
      const snapshot = state.snapshot();
      const releases = visibleTo(snapshot.releases, actor);
      const trace = traceChange(pr, { ...snapshot, releases, stages });
      if (trace) return { ...trace, next: await nextOf(trace, actor) };
      throw new FairwayError(
        'not_found',
        `no release has a change ${pr}; to see those of a release: fairway releases show VERSION`,
      );
    },
  };
}
