import type { Hearing, Store } from '../domain/store.ts';
import type { Survey } from '../domain/survey.ts';
import type { RedisClient } from './redis-client.ts';
import { HEARING, LEASE, SURVEYS } from './redis-keys.ts';
import { DROP_SURVEY, SAVE_HEARING, SAVE_SURVEY, TIME } from './redis-scripts/surveys.ts';

type SurveyVerbs = Pick<Store, 'saveSurvey' | 'dropSurvey' | 'hearing' | 'saveHearing' | 'time'>;

/** The verbs on surveys and hearing, and the time of Redis. */
export function redisSurveys(client: RedisClient): SurveyVerbs {
  return {
    async saveSurvey(survey, fence) {
      const next = survey.revision + 1;
      const args = [surveyField(survey), survey.revision, ...stored({ ...survey, revision: next }), fence ?? ''];
      return (await client.run(SAVE_SURVEY, [SURVEYS, LEASE], args)) === 1;
    },

    async dropSurvey(channel, source) {
      return (await client.run(DROP_SURVEY, [SURVEYS], [surveyField({ channel, source })])) === 1;
    },

    async hearing() {
      const text = await client.get(HEARING);
      return new Map<string, Hearing>(text === null ? [] : JSON.parse(text));
    },

    async saveHearing(hearing, fence) {
      await client.run(SAVE_HEARING, [HEARING, LEASE], [JSON.stringify([...hearing]), fence]);
    },

    async time() {
      const [seconds, microseconds] = (await client.run(TIME, [LEASE])) as [string, string];
      return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
    },
  };
}

/** All surveys that Redis has. */
export async function readSurveys(client: RedisClient): Promise<Survey[]> {
  return Object.values(await client.hgetall(SURVEYS)).map((text) => JSON.parse(text.slice(text.indexOf(' ') + 1)));
}

export const surveyField = ({ channel, source }: Pick<Survey, 'channel' | 'source'>): string => `${channel} ${source}`;

const stored = (survey: Survey): [revision: number, json: string] => [survey.revision, JSON.stringify(survey)];
