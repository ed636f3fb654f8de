import { currentStage, hasReached, type Promotion, progressOf, type Stage } from './promotion.ts';
import { halfOf } from './promotion-halves.ts';
import type { Catalogue, Release, ReleaseChange } from './release.ts';
import { requireVersion } from './version.ts';

/** What authors are told about their changes (RFD 134: "unaware of when their changes are getting rolled out"). */
export const CHANGE_EVENTS = ['reached', 'halted', 'awaits-sign-off'] as const;

/** Something that happened to the changes of a release. */
export interface ChangeEvent {
  kind: (typeof CHANGE_EVENTS)[number];
  release: string;
  stage: string;
  /** When it happened, ISO 8601; null for a sign-off that is awaited from the beginning. */
  at: string | null;
  /** Why the stage was halted; null otherwise. */
  reason: string | null;
  changes: { pr: number; title: string; author: string | null }[];
}

/** What events are found in: the releases as their reader may see them. */
export interface FollowedState {
  releases: Catalogue;
  promotions: ReadonlyMap<string, Promotion>;
}

/** What happened to changes between two states of the same server, in the order of the catalogue and of the stages. */
export function changeEvents(before: FollowedState, after: FollowedState, stages: readonly Stage[]): ChangeEvent[] {
  if (before.releases === after.releases && before.promotions === after.promotions) return [];
  return [...after.releases.values()].flatMap((release) => {
    const { version } = release;
    const [was, is] = [before.promotions.get(version), after.promotions.get(version)];
    if (release.changes.length === 0 || (before.releases.get(version) === release && was === is)) return [];
    return [
      ...findSteps(release, was, is, stages),
      ...findAwaited(before.releases.get(version), release, was, is, stages),
    ];
  });
}

function findSteps(
  release: Release,
  was: Promotion | undefined,
  is: Promotion | undefined,
  stages: readonly Stage[],
): ChangeEvent[] {
  if (!is || was === is) return [];
  const changes = release.changes.map(shortOf);
  return stages.flatMap(({ name: stage }): ChangeEvent[] => {
    const about = { release: release.version, stage, changes };
    const halts = (['control-planes', 'agents'] as const).flatMap((half): ChangeEvent[] => {
      const { state, since, halted } = progressOf(halfOf(is, half), stage);
      if (state !== 'halted' || (was && progressOf(halfOf(was, half), stage).state === 'halted')) return [];
      return [{ kind: 'halted', ...about, at: since, reason: halted?.reason ?? null }];
    });
    const own = progressOf(is, stage);
    const came = own.state !== 'halted' && hasReached(own) && !(was && hasReached(progressOf(was, stage)));
    return [...(came ? [{ kind: 'reached' as const, ...about, at: own.since, reason: null }] : []), ...halts];
  });
}

/** Changes that wait for their sign-off now, and did not before. */
function findAwaited(
  before: Release | undefined,
  release: Release,
  was: Promotion | undefined,
  is: Promotion | undefined,
  stages: readonly Stage[],
): ChangeEvent[] {
  const stage = signingStage(release, is, stages);
  if (stage === null) return [];
  const known = before && signingStage(before, was, stages) !== null ? unsigned(before) : [];
  const changes = unsigned(release).filter(({ pr }) => !known.some((each) => each.pr === pr));
  if (changes.length === 0) return [];
  const about = { release: release.version, stage: stage.name, at: is?.updatedAt ?? null, reason: null };
  return [{ kind: 'awaits-sign-off', ...about, changes: changes.map(shortOf) }];
}

/** The stage that waits for sign-offs of the release; null if none does. */
function signingStage(release: Release, promotion: Promotion | undefined, stages: readonly Stage[]): Stage | null {
  if (release.pulled || promotion?.supersededBy) return null;
  const stage = promotion ? currentStage(promotion, stages) : stages[0];
  if (!stage?.signOff || !stage.accepts.includes(requireVersion(release.version).kind)) return null;
  return !promotion || progressOf(promotion, stage.name).state === 'waiting' ? stage : null;
}

const unsigned = ({ changes }: Release): ReleaseChange[] =>
  changes.filter(({ significant, signedOff }) => significant && signedOff === null);

const shortOf = ({ pr, title, author }: ReleaseChange) => ({ pr, title, author: author ?? null });
