import { z } from '@hono/zod-openapi';
import { channelNameFault } from '../../domain/channel.ts';
import { freezeFault } from '../../domain/freeze.ts';
import { AuditEntry } from './audit.ts';
import { Hold, mark, plan, settings } from './channels.ts';
import { canonicalVersion, controlPlaneName, judged, labels, tenantClass, time } from './fields.ts';
import { addedFreeze } from './freezes.ts';
import { PromotionState } from './promotions.ts';
import { releaseState } from './releases.ts';
import { progress } from './rollouts.ts';
import { scheduledChanges } from './schedules.ts';

const StateMark = z.strictObject(mark).nullable();
const channelState = {
  target: canonicalVersion.nullable(),
  critical: StateMark,
  pin: StateMark,
  hold: Hold.strict().nullable(),
  lineage: z.array(canonicalVersion).max(50),
  served: z.array(z.strictObject({ version: canonicalVersion, until: time() })).max(50),
  plan: z
    .strictObject({
      ...plan,
      target: canonicalVersion,
      route: z.array(canonicalVersion).min(2).max(50),
      step: z.int().min(0).max(48),
    })
    .nullable(),
  forgiven: time().nullable(),
  scheduled: scheduledChanges,
  progress: z.strictObject({ ...progress, from: canonicalVersion.nullable(), to: canonicalVersion }).nullable(),
};

/** A list without duplicates. */
const listOf = <T>(item: z.ZodType<T>, nameOf: (item: T) => string) =>
  z.array(item).superRefine((items, context) => {
    const seen = new Set<string>();
    const twice = items.map(nameOf).find((name) => seen.size === seen.add(name).size);
    if (twice !== undefined) context.addIssue(`${twice} is listed twice`);
  });

/** The document of `GET /export` and `POST /apply`; for `apply`, every part is optional. */
export const StateDocument = z
  .strictObject({
    fairway: z.literal(1),
    channels: listOf(
      z.strictObject({ name: judged(channelNameFault), ...settings, ...z.object(channelState).partial().shape }),
      ({ name }) => name,
    ).optional(),
    controlPlanes: listOf(
      z.strictObject({
        name: controlPlaneName,
        version: canonicalVersion,
        class: tenantClass.optional(),
        labels: labels.optional(),
      }),
      ({ name }) => name,
    ).optional(),
    releases: listOf(
      z.strictObject({ version: canonicalVersion, ...z.object(releaseState).partial().shape }),
      (listed) => listed.version,
    ).optional(),
    promotions: listOf(PromotionState, ({ version }) => version).optional(),
    freezes: listOf(
      z.strictObject(addedFreeze).superRefine((freeze, context) => {
        const message = freezeFault(freeze);
        if (message) context.addIssue({ code: 'custom', path: ['until'], message, input: freeze });
      }),
      ({ id }) => id,
    ).optional(),
  })
  .openapi('StateDocument');
export const ApplyResult = z
  .object({
    total: z.int().openapi({ description: 'How many documents change.' }),
    changes: z
      .array(
        z.object({
          key: z.string(),
          change: z.enum(['create', 'update']),
          before: z.looseObject({}).nullable(),
          after: z.looseObject({}),
        }),
      )
      .openapi({ description: 'The first 500 of them.' }),
    audit: AuditEntry.nullable(),
  })
  .openapi('ApplyResult');
