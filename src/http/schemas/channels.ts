import { z } from '@hono/zod-openapi';
import { freezesSchema, rolloutSchema, watchSchema, windowSchema } from '../../config/rollout.ts';
import { channelNameFault } from '../../domain/channel.ts';
import { WAITING_REASONS } from '../../domain/plan.ts';
import { PURPOSES } from '../../domain/purpose.ts';
import { roleFor } from '../../domain/role.ts';
import { VERSION_KINDS } from '../../domain/version.ts';
import { AuditEntry } from './audit.ts';
import { canonicalVersion, controlPlaneName, dryRun, judged, kind, reason, said, time, version } from './fields.ts';
import { Report } from './report.ts';
import { Freeze, overrideFreeze, Progress, Rollout, Watch, Window } from './rollouts.ts';
import { at, ListedChange, ScheduledChange } from './schedules.ts';

export const ChannelName = judged(channelNameFault).openapi({
  param: { name: 'channel', in: 'path' },
  description: 'Slashes are percent-encoded.',
  example: 'stable/cloud',
});

export const mark = { ...said, until: time().nullable() };
export const Mark = z.object(mark);
export const Hold = z.object(said);
export const plan = {
  target: z.string(),
  route: z.array(z.string()),
  step: z.int().openapi({ description: 'Index of the current target in the route.' }),
  critical: z.boolean(),
  startedBy: said.by,
  startedAt: said.at,
  reason: said.reason,
};

const Plan = z.object(plan).openapi('Plan');

export const Channel = z
  .object({
    name: z.string(),
    description: z.string(),
    accepts: z.array(kind),
    purpose: z.enum(PURPOSES).nullable().optional(),
    versionPrefix: z.enum(['v', '']),
    needsHelm: z.boolean(),
    controlPlane: z.string().nullable(),
    toolsVersion: z.string().nullable(),
    toolsFallback: z
      .string()
      .nullable()
      .optional()
      .openapi({ description: 'What client tools get while a pull has left no target.' }),
    rollout: Rollout.nullable().optional(),
    window: Window.nullable().optional(),
    watch: Watch.nullable().optional(),
    freezes: z.array(Freeze).nullable().optional(),
    frozen: z
      .string()
      .optional()
      .openapi({ description: 'Set while a freeze holds, of the channel or of the settings: until when, and why.' }),
    forgiven: z
      .string()
      .nullable()
      .optional()
      .openapi({ description: 'When a person let the channel go that the watch had held.' }),
    target: z.string().nullable().openapi({ description: 'Without prefix; null: agents get `none`.' }),
    critical: Mark.nullable(),
    pin: Mark.nullable(),
    hold: Hold.nullable().openapi({
      description: 'A person took the target back: no stage, plan or promotion moves the channel until it is released.',
    }),
    lineage: z.array(z.string()).openapi({ description: 'The versions on the way to the target, ascending.' }),
    served: z.array(z.object({ version: z.string(), until: z.string() })),
    plan: Plan.nullable().openapi({ description: 'The remaining steps; see GET /channels/{channel}/plan.' }),
    progress: Progress.nullable()
      .optional()
      .openapi({ description: 'How far the last rollout is; with the agents: GET /channels/{channel}/rollout.' }),
    scheduled: z
      .array(ScheduledChange)
      .optional()
      .openapi({ description: 'Changes to come, and those of the last week that were not carried out.' }),
    updatedAt: z.string(),
    updatedBy: z.string(),
    revision: z.int(),
  })
  .openapi('Channel');

export const VerbResult = z
  .object({
    channel: Channel.openapi({ description: 'On a dry run with `at`, as the change would leave it.' }),
    report: Report.nullable(),
    audit: AuditEntry.nullable(),
    scheduled: ListedChange.optional().openapi({ description: 'With `at`: the change to come.' }),
  })
  .openapi('VerbResult');

const acceptStranding = z
  .int()
  .min(0)
  .optional()
  .openapi({ description: `The report's \`stranded\`; needs the role ${roleFor('accept-stranding')}.` });

export const RollForward = z.strictObject({
  version,
  reason,
  critical: z.boolean().optional(),
  stepped: z.boolean().optional().openapi({ description: 'Cross majors in steps, each once it strands no agent.' }),
  immediate: z.boolean().optional().openapi({ description: 'To all groups of the channel at once.' }),
  at,
  overrideFreeze,
  acceptStranding,
  dryRun,
});
export const RollBack = z.strictObject({
  version: version.optional(),
  reason,
  critical: z.boolean().optional(),
  at,
  overrideFreeze,
  acceptStranding,
  dryRun,
});
export const Pin = z.strictObject({
  version: version.optional(),
  reason,
  until: time().optional(),
  at,
  overrideFreeze,
  acceptStranding,
  dryRun,
});
export const Unpin = z.strictObject({ reason, dryRun });
export const Critical = z.strictObject({
  critical: z.boolean(),
  reason,
  until: time().optional(),
  acceptStranding,
  dryRun,
});
export const CancelPlan = z.strictObject({ reason, dryRun });
export const Release = z.strictObject({ reason, dryRun });
export const Withdraw = z.strictObject({ reason, at, dryRun });

export const settings = {
  description: z.string().max(500).optional(),
  accepts: z.array(kind).min(1).max(VERSION_KINDS.length).optional(),
  purpose: z.enum(PURPOSES).nullable().optional().openapi({
    description: 'What it is for. Without `accepts`, it accepts what RFD 12 allows there; null: no rule.',
  }),
  versionPrefix: z.enum(['v', '']).optional(),
  needsHelm: z.boolean().optional(),
  controlPlane: controlPlaneName.nullable().optional(),
  toolsVersion: canonicalVersion
    .nullable()
    .optional()
    .openapi({ description: 'The version that client tools get; null: the target.' }),
  rollout: rolloutSchema.nullable().optional().describe('In which order agents go to a new target; null: all at once.'),
  watch: watchSchema.nullable().optional().describe('What is looked at after a move; null: the usual.'),
  window: windowSchema
    .nullable()
    .optional()
    .describe('When v2 updaters, plans and promotions may move if there are no groups; null: always.'),
  freezes: freezesSchema.nullable().optional().describe('When its target does not move forward; null: it always may.'),
};

export const PutChannel = z.strictObject({
  ...settings,
  target: version.optional().openapi({ description: 'Only when the channel is created.' }),
  reason: reason.optional(),
  acceptStranding,
  dryRun,
});

export const PlanState = z
  .object({
    plan: Plan.nullable(),
    next: z.string().nullable().openapi({ description: 'The next step.' }),
    waiting: z
      .object({ reason: z.enum(WAITING_REASONS), detail: z.string() })
      .nullable()
      .openapi({ description: 'What the step waits for; null: it is taken within seconds.' }),
    report: Report.nullable().openapi({ description: 'The report of the gate on the next step.' }),
  })
  .openapi('PlanState');

export const Point = z
  .object({ at: z.string(), agents: z.int(), atTarget: z.int(), behind: z.int(), stranded: z.int() })
  .openapi('Point');
