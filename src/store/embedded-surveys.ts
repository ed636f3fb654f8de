import type { Hearing, Store } from '../domain/store.ts';
import type { Survey } from '../domain/survey.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import type { IsFenced } from './embedded-lease.ts';

type SurveyVerbs = Pick<Store, 'saveSurvey' | 'dropSurvey' | 'hearing' | 'saveHearing' | 'time'>;

/** The verbs on surveys and hearing on LMDB, and the time of this machine. */
export function embeddedSurveys(files: EmbeddedFiles, isFenced: IsFenced, surveys: Table<Survey, string>): SurveyVerbs {
  const hearings = files.table<[string, Hearing][], string>('hearing');

  return {
    saveSurvey: (survey, fence) =>
      files.write(() => {
        const field = surveyField(survey);
        if (isFenced(fence) || (surveys.get(field)?.revision ?? 0) !== survey.revision) return false;
        surveys.put(field, { ...survey, revision: survey.revision + 1 });
        return true;
      }),

    dropSurvey: (channel, source) =>
      files.write(() => {
        const field = surveyField({ channel, source });
        const known = surveys.get(field) !== undefined;
        surveys.remove(field);
        return known;
      }),

    hearing: () => files.read(() => new Map(hearings.get(HEARING) ?? [])),

    saveHearing: (hearing, fence) =>
      files.write(() => {
        if (!isFenced(fence)) hearings.put(HEARING, [...hearing]);
      }),

    time: async () => Date.now(),
  };
}

const HEARING = 'hearing';

export const surveyField = ({ channel, source }: Pick<Survey, 'channel' | 'source'>): string => `${channel} ${source}`;
