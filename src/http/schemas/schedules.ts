import { z } from '@hono/zod-openapi';
import { ROLES } from '../../domain/role.ts';
import { MAX_SCHEDULED, MAX_UNDONE_REASON, SCHEDULED_VERBS, UNDONE_STATES } from '../../domain/schedule.ts';
import { canonicalVersion, said, time } from './fields.ts';

/** When a verb is carried out, if not at once. */
export const at = time()
  .optional()
  .openapi({ description: 'When to do it, at most a year ahead; by default now. Judged now, and again at its time.' });

/** A scheduled change, as documents hold it. */
export const scheduledChange = {
  id: z.string().regex(/^[0-9a-f]{12}$/),
  verb: z.enum(SCHEDULED_VERBS),
  at: time(),
  input: z.strictObject({
    version: canonicalVersion.optional(),
    critical: z.boolean().optional(),
    until: time().optional(),
    stepped: z.boolean().optional(),
    immediate: z.boolean().optional(),
    overrideFreeze: z.boolean().optional(),
  }),
  reason: said.reason,
  by: said.by,
  role: z.enum(ROLES).openapi({ description: 'The role of the person when they asked.' }),
  acceptedAt: time(),
  undone: z
    .strictObject({ state: z.enum(UNDONE_STATES), at: time(), reason: z.string().max(MAX_UNDONE_REASON) })
    .optional()
    .openapi({ description: 'Why it was not carried out; unset while it waits. It is shown for a week.' }),
};
export const ScheduledChange = z.object(scheduledChange).openapi('ScheduledChange');
export const ListedChange = z.object({ channel: z.string(), ...scheduledChange }).openapi('ListedChange');
/** A channel holds as many again that were not carried out. */
export const scheduledChanges = z.array(z.strictObject(scheduledChange)).max(MAX_SCHEDULED.channel * 2);
