import type { FleetCounts } from '../domain/fleet-counts.ts';
import type { FleetRecords } from '../domain/store.ts';
import type { Reading, Survey } from '../domain/survey.ts';

/** Enough for surveys that are saved at once. */
const MAX_TRIES = 5;

export const findSurvey = ({ surveys }: FleetCounts, channel: string, source: Survey['source']): Survey | undefined =>
  surveys.find((survey) => survey.channel === channel && survey.source === source);

/** The readings that were stored; what a clock that was ahead dated after `now` is taken for the present. */
export const earlierReadings = (before: Survey | undefined, now: number): Reading[] =>
  (before?.readings ?? []).map(({ from, until, ...figures }) => {
    return { from: Math.min(from, now), until: Math.min(until, now), ...figures };
  });

/**
 * Saves what `make` makes of the stored survey, which is read again where another one was saved in between. Returns
 * null where nothing was saved: `make` gave null, the fence has fallen, or it was always another server's turn.
 */
export async function saveRevised(
  store: Pick<FleetRecords, 'counts' | 'saveSurvey'>,
  { channel, source }: Pick<Survey, 'channel' | 'source'>,
  make: (before: Survey | undefined) => Survey | null,
  { fence, counts }: { fence?: number | undefined; counts?: FleetCounts } = {},
): Promise<Survey | null> {
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const stored = tries === 1 && counts ? counts : await store.counts();
    const survey = make(findSurvey(stored, channel, source));
    if (!survey) return null;
    if (await store.saveSurvey(survey, fence)) return { ...survey, revision: survey.revision + 1 };
  }
  return null;
}
