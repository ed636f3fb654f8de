import type { Release } from '../domain/release.ts';
import type { Action } from '../domain/role.ts';
import type { Stored } from '../domain/snapshot.ts';
import * as promotionSchemas from '../http/schemas/promotions.ts';
import * as releaseSchemas from '../http/schemas/releases.ts';
import { validated } from '../http/validation.ts';
import type { ChangeRequest } from '../service/change.ts';
import type { PromotionView } from '../service/promotions.ts';
import type { ChannelMove } from '../service/recall.ts';
import type { DashboardServices } from './frame.ts';

export const RELEASE_VERBS = [
  'promote',
  'approve',
  'expedite',
  'halt',
  'resume',
  'supersede',
  'pull',
  'lift-embargo',
  'sign-off',
  'withdraw-sign-off',
] as const;
export type ReleaseVerb = (typeof RELEASE_VERBS)[number];

type FieldName = 'stage' | 'by' | 'pr' | 'channels' | 'critical';

/** What a person typed into a form about a release, to show it again. */
export type ReleaseValues = Partial<Record<FieldName | 'reason', string>>;

/** What a verb changes or would change; only the parts that it touches are set. */
export interface ReleaseEffect {
  /** The revision of the release or promotion, which must be the same when the change is confirmed. */
  revision: number;
  release?: Release;
  promotion?: PromotionView;
  moves?: ChannelMove[];
}

/** A verb as a form. */
export interface ReleaseVerbForm {
  title: string;
  explanation: string;
  action: Action;
  fields: FieldName[];
  reasonOptional?: true;
  /** The label of the button that confirms it. */
  confirm: (version: string, values: ReleaseValues) => string;
  /** Reads the form with the API's own schema and calls the service. Throws `invalid` and the service's errors. */
  act: (
    services: Pick<DashboardServices, 'promotions' | 'recall' | 'signOffs'>,
    version: string,
    values: ReleaseValues,
    request: ChangeRequest,
  ) => Promise<ReleaseEffect>;
}

const onPromotion = async (changed: Promise<PromotionView>): Promise<ReleaseEffect> => {
  const promotion = await changed;
  return { revision: promotion.revision, promotion };
};

const onRelease = async (
  changed: Promise<{ release: Stored<Release>; channels?: ChannelMove[] }>,
): Promise<ReleaseEffect> => {
  const { release, channels } = await changed;
  return { revision: release.revision, release, ...(channels && { moves: channels }) };
};

const signOffBy =
  (signedOff: boolean): ReleaseVerbForm['act'] =>
  ({ signOffs }, version, { pr, reason = '' }, request) => {
    const number = validated(releaseSchemas.PullRequest, pr);
    validated(releaseSchemas.SignOff, { ...(reason && { reason }) });
    return onRelease(signOffs.byHand(version, number, { signedOff, reason }, request).then((release) => ({ release })));
  };

export const RELEASE_VERB_FORMS: Record<ReleaseVerb, ReleaseVerbForm> = {
  promote: {
    title: 'Promote',
    explanation: 'Starts the next stage, if all its gates pass. Its control planes go first.',
    action: 'promote',
    fields: ['critical'],
    confirm: (version) => `Promote ${version}`,
    act: ({ promotions }, version, { reason, critical }, request) =>
      onPromotion(
        promotions.promote(
          version,
          validated(promotionSchemas.Promote, { reason, critical: critical === 'true' }),
          request,
        ),
      ),
  },
  approve: {
    title: 'Approve',
    explanation: 'Approves a stage for the release. It cannot be approved by the actor that registered it.',
    action: 'approve',
    fields: ['stage'],
    confirm: (_, { stage }) => `Approve ${stage}`,
    act: ({ promotions }, version, { stage, reason }, request) =>
      onPromotion(promotions.approve(version, validated(promotionSchemas.Approve, { stage, reason }), request)),
  },
  expedite: {
    title: 'Expedite',
    explanation:
      'Shortens the soaks of a release that supersedes another one, to the least that the settings allow. No gate is ' +
      'skipped. It cannot be expedited by the actor that registered it.',
    action: 'expedite',
    fields: [],
    confirm: (version) => `Expedite ${version}`,
    act: ({ promotions }, version, { reason }, request) =>
      onPromotion(promotions.expedite(version, validated(promotionSchemas.Expedite, { reason }), request)),
  },
  halt: {
    title: 'Halt',
    explanation: 'Stops the promotion where it is. Channels that have moved stay where they are.',
    action: 'halt',
    fields: [],
    confirm: () => 'Halt the promotion',
    act: ({ promotions }, version, { reason }, request) =>
      onPromotion(promotions.halt(version, validated(promotionSchemas.Halt, { reason }), request)),
  },
  resume: {
    title: 'Resume',
    explanation: 'Continues from where it was halted. A soak starts again.',
    action: 'resume',
    fields: [],
    confirm: () => 'Resume the promotion',
    act: ({ promotions }, version, { reason }, request) =>
      onPromotion(promotions.resume(version, validated(promotionSchemas.Resume, { reason }), request)),
  },
  supersede: {
    title: 'Supersede',
    explanation: 'Ends the promotion in favour of a release that fixes this one.',
    action: 'supersede',
    fields: ['by'],
    confirm: (_, { by }) => `Supersede by ${by}`,
    act: ({ promotions }, version, { by, reason }, request) =>
      onPromotion(promotions.supersede(version, validated(promotionSchemas.Supersede, { by, reason }), request)),
  },
  pull: {
    title: 'Pull',
    explanation:
      'Withdraws a bad release and halts its promotion. In the same commit, every channel that serves it moves to the ' +
      'newest earlier target that the gate allows.',
    action: 'pull',
    fields: ['critical'],
    confirm: (version) => `Pull ${version}`,
    act: ({ recall }, version, { reason, critical }, request) =>
      onRelease(
        recall.pull(version, validated(releaseSchemas.Pull, { reason, critical: critical === 'true' }), request),
      ),
  },
  'lift-embargo': {
    title: 'Lift the embargo',
    explanation: 'Makes the release public. Channels can be rolled forward to it in the same commit.',
    action: 'lift-embargo',
    fields: ['channels', 'critical'],
    confirm: (version) => `Make ${version} public`,
    act: ({ recall }, version, { reason, channels = '', critical }, request) => {
      const names = channels.split(/[\s,]+/).filter(Boolean);
      const input = { reason, channels: names, critical: critical === 'true' };
      return onRelease(recall.liftEmbargo(version, validated(releaseSchemas.LiftEmbargo, input), request));
    },
  },
  'sign-off': {
    title: 'Sign off',
    explanation: 'Records that a change was tested and is ready, like the label on GitHub.',
    action: 'sign-off',
    fields: ['pr'],
    reasonOptional: true,
    confirm: (_, { pr }) => `Sign off #${pr}`,
    act: signOffBy(true),
  },
  'withdraw-sign-off': {
    title: 'Withdraw a sign-off',
    explanation: 'Withdraws the record that a change is ready.',
    action: 'sign-off',
    fields: ['pr'],
    reasonOptional: true,
    confirm: (_, { pr }) => `Withdraw the sign-off of #${pr}`,
    act: signOffBy(false),
  },
};
