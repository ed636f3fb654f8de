import { channelsOf, countedVersion, recordOf } from '../domain/agent.ts';
import { EVIDENCE_SOURCES, type EvidenceSource, surveysAbout } from '../domain/census.ts';
import { FairwayError } from '../domain/errors.ts';
import { arrangeCounts } from '../domain/fleet-figures.ts';
import type { Actor } from '../domain/role.ts';
import { requireChannel } from '../domain/snapshot.ts';
import type { FleetRecords } from '../domain/store.ts';
import {
  acceptedReadings,
  fallOf,
  isFirstOfNobody,
  type SettlePolicy,
  SURVEY_SOURCES,
  type Survey,
  type SurveySource,
} from '../domain/survey.ts';
import type { Census } from './census-view.ts';
import type { Fleet } from './fleet.ts';
import type { State } from './state.ts';

/** What a verdict about a channel rests on. */
export interface ChannelEvidence {
  channel: string;
  /** Does a fresh source know all agents, so that no former target has to be presumed? */
  complete: boolean;
  sources: Census['sources'];
}

/** What a person's decision about a source did. */
export interface EvidenceResult {
  channel: string;
  source: EvidenceSource;
  /** Agents that the source counted, or that were kept for it, before and after. */
  before: number;
  after: number;
}

export interface EvidenceInput {
  reason: string;
}

interface EvidenceRequest {
  actor: Actor;
  dryRun: boolean;
}

/** What is believed of the fleet, and the ways in which a person can say otherwise. */
export interface Evidences {
  read(channel: string): Promise<ChannelEvidence>;
  /** Confirms that a source's agents are really fewer. Throws `not_found` where nothing is settling. */
  accept(channel: string, source: string, input: EvidenceInput, request: EvidenceRequest): Promise<EvidenceResult>;
  /** Forgets all that a source said of a channel. Throws `not_found` where it said nothing. */
  forget(channel: string, source: string, input: EvidenceInput, request: EvidenceRequest): Promise<EvidenceResult>;
  /**
   * Forgets the agents of a channel that count at one version, or a release line of it that was not counted. Throws
   * `not_found` where there is neither.
   */
  forgetVersion(
    channel: string,
    version: string,
    input: EvidenceInput,
    request: EvidenceRequest,
  ): Promise<EvidenceResult>;
}

export interface EvidencesOptions {
  store: FleetRecords;
  state: Pick<State, 'snapshot' | 'commit'>;
  fleet: Pick<Fleet, 'census'>;
  policy: SettlePolicy;
  now: () => Date;
}

/** More tries than writers that meet: an import, a reading of metrics, a second person. */
const MAX_TRIES = 5;
const PAGE = 500;

export function createEvidences({ store, state, fleet, policy, now }: EvidencesOptions): Evidences {
  /** Surveys of a source that describe a channel: its own, that of its control plane, those of channels beside it. */
  async function surveysOf(name: string, source: SurveySource): Promise<Survey[]> {
    const snapshot = state.snapshot();
    const { controlPlane } = requireChannel(snapshot, name);
    const planeOf = (channel: string) => snapshot.channels.get(channel)?.controlPlane ?? null;
    const figures = arrangeCounts(await store.counts());
    const rank = ({ channel }: Survey) => (channel === name ? 0 : channel === `@${controlPlane}` ? 1 : 2);
    return surveysAbout(figures, { name, controlPlane }, planeOf)
      .filter((survey) => survey.source === source)
      .sort((a, b) => rank(a) - rank(b));
  }

  /** A fall, or a first reading without any agent, which has none to fall from. */
  const unsettled = (survey: Survey): { from: number; to: number } | null =>
    fallOf(survey, policy) ?? (isFirstOfNobody(survey, policy) ? { from: 0, to: 0 } : null);

  /** The one that is not settled, or the first. */
  async function requireSurvey(name: string, source: SurveySource): Promise<Survey> {
    const surveys = await surveysOf(name, source);
    const survey = surveys.find(unsettled) ?? surveys[0];
    if (survey) return survey;
    throw new FairwayError('not_found', `${source} says nothing of ${name}; see what does: fairway evidence ${name}`);
  }

  async function record(action: string, result: EvidenceResult, { reason }: EvidenceInput, actor: Actor, more = {}) {
    const { channel, source, before, after } = result;
    await state.commit([], {
      at: now().toISOString(),
      actor: actor.name,
      action,
      subject: `channel/${channel}`,
      reason,
      before: { source, agents: before, ...more },
      after: { source, agents: after },
    });
  }

  return {
    async read(name) {
      const { channel, sources } = await fleet.census(name);
      return { channel, complete: sources.every(({ source }) => source !== 'presumed'), sources };
    },

    async accept(name, text, input, { actor, dryRun }) {
      const source = readSource(text);
      for (let tries = 1; ; tries++) {
        const survey = await requireSurvey(name, source);
        const fall = unsettled(survey);
        if (!fall) {
          throw new FairwayError('not_found', `the ${source} of ${name} did not fall, so there is nothing to accept`);
        }
        const result = { channel: name, source, before: fall.from, after: fall.to };
        if (dryRun) return result;
        const accepted = { ...survey, readings: acceptedReadings(survey.readings, policy) };
        if (await store.saveSurvey(accepted)) {
          if (source === 'inventory') {
            await store.prune({
              unlisted: { scope: survey.scope, before: survey.readAt, seenUntil: survey.at, only: name },
            });
          }
          await record('accept-evidence', result, input, actor);
          return result;
        }
        if (tries === MAX_TRIES)
          throw new FairwayError('revision_mismatch', `${source} of ${name} is being read; try again`);
      }
    },

    async forget(name, text, input, { actor, dryRun }) {
      const source = readSource(text);
      const survey = await requireSurvey(name, source);
      const before = Math.max(0, ...survey.readings.map(({ agents }) => agents));
      const result = { channel: name, source, before, after: 0 };
      if (dryRun) return result;
      await store.dropSurvey(survey.channel, source);
      if (source === 'inventory') {
        await store.prune({ unlisted: { scope: survey.scope, before: Number.MAX_SAFE_INTEGER, only: name } });
      }
      await record('forget-evidence', result, input, actor);
      return result;
    },

    async forgetVersion(name, version, input, { actor, dryRun }) {
      requireChannel(state.snapshot(), name);
      const ids: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await store.agents({
          channel: name,
          version,
          limit: PAGE,
          ...(cursor === null ? {} : { cursor }),
        });
        for (const agent of page.agents) {
          const own = recordOf(agent);
          if (countedVersion(own) === version && channelsOf(own).includes(name)) ids.push(agent.id);
        }
        cursor = page.cursor;
      } while (cursor !== null);
      const { uncounted } = await store.counts();
      const isUncounted = uncounted.some(({ channel, line }) => channel === name && line === version);
      if (ids.length === 0 && !isUncounted) {
        throw new FairwayError(
          'not_found',
          `no agent of ${name} counts at ${version}; list them: fairway agents -c ${name}`,
        );
      }
      const result: EvidenceResult = {
        channel: name,
        source: 'check-ins',
        before: ids.length + Number(isUncounted),
        after: 0,
      };
      if (dryRun) return result;
      if (isUncounted) await store.forgetUncounted(name, version);
      for (const id of ids) await store.forget(id);
      await record('forget-version', result, input, actor, { version });
      return result;
    },
  };
}

function readSource(text: string): SurveySource {
  const source = SURVEY_SOURCES.find((each) => each === text);
  if (source) return source;
  const known = (EVIDENCE_SOURCES as readonly string[]).includes(text);
  const why = known ? `${text} cannot be accepted or forgotten as a whole` : `there is no source ${text}`;
  throw new FairwayError('invalid', `${why}; the sources are ${SURVEY_SOURCES.join(' and ')}`);
}
