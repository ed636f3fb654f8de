import type { z } from '@hono/zod-openapi';
import type { Channel } from '../domain/channel.ts';
import { FairwayError } from '../domain/errors.ts';
import { knownZone, readMoment } from '../domain/moment.ts';
import * as schemas from '../http/schemas/channels.ts';
import { validated } from '../http/validation.ts';
import type { ChangingVerb, VerbInput } from '../service/channels.ts';

type FieldName = 'version' | 'critical' | 'stepped' | 'until' | 'at';

/** What a verb takes, with the time at which it is done; unset: now. */
export type TimedInput = VerbInput & { at?: string | undefined };

/** A verb as a form. */
export interface VerbForm {
  /** `Roll forward` */
  title: string;
  explanation: string;
  fields: FieldName[];
  /** Whether the version may be left out. */
  versionOptional: boolean;
  schema: z.ZodType<TimedInput>;
  /** The label of the button that confirms it. */
  confirm: (after: Channel) => string;
}

export const VERB_FORMS: Record<ChangingVerb, VerbForm> = {
  'roll-forward': {
    title: 'Roll forward',
    explanation: 'Moves the target to a newer version. Agents follow, each in its maintenance window.',
    fields: ['version', 'critical', 'stepped', 'at'],
    versionOptional: false,
    schema: schemas.RollForward,
    confirm: ({ target, plan }) =>
      plan ? `Start with ${target}, on the way to ${plan.target}` : `Roll forward to ${target}`,
  },
  'roll-back': {
    title: 'Roll back',
    explanation:
      'Moves the target back to the previous version, or to an older one. Agents go back within their major.',
    fields: ['version', 'critical', 'at'],
    versionOptional: true,
    schema: schemas.RollBack,
    confirm: ({ target }) => `Roll back to ${target}`,
  },
  pin: {
    title: 'Pin',
    explanation:
      'Keeps the target where it is until you unpin it or the time is up. You can set a version at the same time.',
    fields: ['version', 'until', 'at'],
    versionOptional: true,
    schema: schemas.Pin,
    confirm: ({ target }) => `Pin at ${target}`,
  },
  unpin: {
    title: 'Unpin',
    explanation: 'Lets the target move again.',
    fields: [],
    versionOptional: true,
    schema: schemas.Unpin,
    confirm: () => 'Unpin the target',
  },
  critical: {
    title: 'Mark critical',
    explanation: 'Tells agents to upgrade at once, outside their maintenance window.',
    fields: ['until'],
    versionOptional: true,
    schema: schemas.Critical,
    confirm: ({ critical }) => (critical ? 'Mark the channel critical' : 'Clear the critical mark'),
  },
  'cancel-plan': {
    title: 'Cancel the plan',
    explanation: 'Ends the plan across majors. The target stays where it is.',
    fields: [],
    versionOptional: true,
    schema: schemas.CancelPlan,
    confirm: () => 'Cancel the plan',
  },
  release: {
    title: 'Let go',
    explanation: 'A person took the target back. Lets stages, plans and promotions move the channel again.',
    fields: [],
    versionOptional: true,
    schema: schemas.Release,
    confirm: () => 'Let the channel go',
  },
  withdraw: {
    title: 'Withdraw',
    explanation: 'Removes the target. Agents get no version and stay where they are.',
    fields: ['at'],
    versionOptional: true,
    schema: schemas.Withdraw,
    confirm: () => 'Withdraw the target',
  },
};

const CLEAR: VerbForm = {
  ...VERB_FORMS.critical,
  title: 'Clear the critical mark',
  explanation: 'Agents wait for their maintenance window again.',
  fields: [],
};

/** Does the form mark a channel critical, or clear the mark? Unless the person says, it does what would be new. */
export const marksCritical = ({ critical }: Pick<Channel, 'critical'>, values: VerbValues): boolean =>
  (values.critical ?? String(critical === null)) === 'true';

/** The form of a verb for a channel as it is. */
export const verbForm = (verb: ChangingVerb, channel: Channel, values: VerbValues = {}): VerbForm =>
  verb === 'critical' && !marksCritical(channel, values) ? CLEAR : VERB_FORMS[verb];

/** What a person typed into a verb's form, to show it again. */
export type VerbValues = Partial<Record<FieldName | 'reason' | 'acceptStranding' | 'zone', string>>;

/**
 * Reads the end that a person typed or clicked on, and when it is to be done, in their time zone. The form then carries
 * these very moments, so that they are the ones which the preview shows. Throws `invalid`.
 */
export function withMoment(values: VerbValues & { ends?: string }, now: Date): VerbValues {
  const { ends, ...typed } = values;
  if (ends && typed.until) throw new FairwayError('invalid', 'two ends were given; choose one, or clear the time');
  const read = (name: 'until' | 'at', text: string | undefined) => {
    if (!text) return {};
    const { at, fault } = readMoment(text, now, zoneOf(typed));
    if (at === null) throw new FairwayError('invalid', `${name}: ${fault}`);
    return { [name]: at.toISOString() };
  };
  return { ...typed, ...read('until', ends || typed.until), ...read('at', typed.at) };
}

/** The time zone of the person, as the script of the page reports it. */
export const zoneOf = ({ zone = 'UTC' }: VerbValues): string => knownZone(zone);

/** Reads a form with the API's own schema. Throws `invalid`. */
export function readVerbInput(verb: ChangingVerb, values: VerbValues): TimedInput {
  const { schema, fields } = VERB_FORMS[verb];
  const { version, until, at, reason = '', acceptStranding } = values;
  return validated(schema, {
    reason,
    ...(version && { version }),
    ...(until && { until }),
    ...(at && { at }),
    ...((verb === 'critical' || fields.includes('critical')) && { critical: values.critical === 'true' }),
    ...(values.stepped === 'true' && { stepped: true }),
    ...(acceptStranding && { acceptStranding: Number(acceptStranding.replaceAll(',', '')) }),
  });
}
