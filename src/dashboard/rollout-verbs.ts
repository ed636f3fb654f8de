import type { z } from '@hono/zod-openapi';
import * as schemas from '../http/schemas/rollouts.ts';
import { validated } from '../http/validation.ts';
import type { RolloutInput, RolloutVerb } from '../service/rollouts.ts';

type FieldName = 'group' | 'skipCanaries' | 'force' | 'overrideFreeze';

/** What a person typed into the form of a verb of a rollout, to show it again. */
export type RolloutValues = Partial<Record<FieldName | 'reason', string>>;

/** A verb of a rollout as a form. */
export interface RolloutForm {
  title: string;
  explanation: string;
  fields: FieldName[];
  /** What it acts on if no group is chosen. */
  anyGroup?: string;
  /** The label of the box that forces it. */
  force?: string;
  schema: z.ZodType<RolloutInput>;
  /** The label of the button that confirms it; `group` is empty if none was chosen. */
  confirm: (group: string) => string;
}

const named = (group: string, otherwise: string) => (group ? `group ${group}` : otherwise);

export const ROLLOUT_FORMS: Record<RolloutVerb, RolloutForm> = {
  start: {
    title: 'Start a group',
    explanation: 'Begins a group now, whatever its window and its waiting time say. The gate judges the target again.',
    fields: ['group', 'skipCanaries', 'force', 'overrideFreeze'],
    anyGroup: 'the next one',
    force: 'Although groups before it are not done',
    schema: schemas.Start,
    confirm: (group) => `Start ${named(group, 'the next group')}`,
  },
  done: {
    title: 'End a group',
    explanation: 'All agents of the group go to the target, and the next group may begin.',
    fields: ['group', 'force', 'overrideFreeze'],
    anyGroup: 'the one that is under way',
    force: 'Although its agents have not followed',
    schema: schemas.Done,
    confirm: (group) => `End ${named(group, 'the present group')}`,
  },
  'roll-back': {
    title: 'Take the rollout back',
    explanation:
      'Takes the channel back to the start version and holds it, or only one group. What is taken back stays back until a person says otherwise.',
    fields: ['group'],
    anyGroup: 'the whole rollout',
    schema: schemas.OfGroup,
    confirm: (group) => `Take ${named(group, 'the rollout')} back`,
  },
  pause: {
    title: 'Pause the rollout',
    explanation: 'No wave grows and no group begins until it is resumed. Agents whose turn has come keep the target.',
    fields: [],
    schema: schemas.OfAll,
    confirm: () => 'Pause the rollout',
  },
  resume: {
    title: 'Resume the rollout',
    explanation: 'Goes on where it was halted or paused. Resuming a halted rollout also lets go of the channel.',
    fields: [],
    schema: schemas.OfAll,
    confirm: () => 'Resume the rollout',
  },
  reset: {
    title: 'Begin again',
    explanation:
      'Begins the rollout again with the first group and new numbers, or lets a group begin again that was rolled back.',
    fields: ['group'],
    anyGroup: 'the whole rollout',
    schema: schemas.OfGroup,
    confirm: (group) => (group ? `Let group ${group} begin again` : 'Begin the rollout again'),
  },
};

/** Reads a form with the API's own schema. Throws `invalid`. */
export function readRolloutInput(verb: RolloutVerb, values: RolloutValues): RolloutInput {
  const { schema, fields } = ROLLOUT_FORMS[verb];
  const { group, reason = '' } = values;
  const ticks = (['skipCanaries', 'force', 'overrideFreeze'] as const).filter(
    (name) => fields.includes(name) && values[name] === 'true',
  );
  return validated(schema, {
    reason,
    ...(group && { group }),
    ...Object.fromEntries(ticks.map((name) => [name, true])),
  });
}
