import type { EvidenceSource } from '../domain/census.ts';
import type { Action } from '../domain/role.ts';
import { SURVEY_SOURCES } from '../domain/survey.ts';

/** What a person can say about a source that claims to know every agent. */
export const EVIDENCE_ACTS = ['accept', 'forget'] as const;
export type EvidenceAct = (typeof EVIDENCE_ACTS)[number];

interface EvidenceForm {
  title: string;
  explanation: string;
  action: Action;
}

export const EVIDENCE_FORMS: Record<EvidenceAct, EvidenceForm> = {
  accept: {
    title: 'Accept the fall',
    explanation:
      'Confirms that the source really has fewer agents. Only the lower figure counts then, and plans and promotions need not wait for a second reading.',
    action: 'accept-evidence',
  },
  forget: {
    title: 'Forget the source',
    explanation:
      'Forgets all that the source said of this channel, for example because it is gone. If it is read or imported again, it counts again.',
    action: 'forget-evidence',
  },
};

export const isSurvey = (source: EvidenceSource): boolean => (SURVEY_SOURCES as readonly string[]).includes(source);
