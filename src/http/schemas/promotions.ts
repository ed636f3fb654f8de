import { z } from '@hono/zod-openapi';
import { progressFault, STAGE_STATES } from '../../domain/promotion.ts';
import { AGENT_WAITS } from '../../domain/promotion-halves.ts';
import { PROMOTION_FILTERS, PROMOTION_STATES } from '../../domain/promotion-list.ts';
import { canonicalVersion, dryRun, reason, said, time, version } from './fields.ts';
import { listQuery } from './page.ts';

export const StageName = z.string().min(1).max(64).openapi({ example: 'internal' });
const stage = StageName;
export const Approve = z.strictObject({ stage, reason, dryRun });
export const Promote = z.strictObject({
  stage: stage.optional().openapi({ description: 'By default the current stage.' }),
  reason,
  critical: z.boolean().optional().openapi({ description: 'Mark the channels of the stage critical when they move.' }),
  dryRun,
});
export const Expedite = z.strictObject({ reason, dryRun });
export const Halt = z.strictObject({ reason, dryRun });
export const Resume = z.strictObject({ reason, dryRun });
export const Supersede = z.strictObject({
  by: version.openapi({ description: 'The release that fixes it.' }),
  reason,
  dryRun,
});

export const PromotionGate = z
  .object({ gate: z.string(), passed: z.boolean(), reason: z.string().nullable() })
  .openapi('PromotionGate');
const signed = z.object(said);
const started = signed.extend({ critical: z.boolean() });
const halted = signed.extend({ from: z.enum(STAGE_STATES) });
const Agents = z
  .object({
    state: z.enum([...STAGE_STATES, 'empty', ...AGENT_WAITS]),
    since: z.string().nullable(),
    soakedAt: z.string().nullable(),
    halted: halted.nullable(),
    ended: signed.nullable(),
    gates: z.array(PromotionGate),
    next: z.string(),
  })
  .openapi({
    description: 'The agents of the stage where they go by themselves, or cannot come along yet; else null.',
  });
const StageView = z.object({
  stage: z.string(),
  state: z.enum([...STAGE_STATES, 'empty']),
  since: z.string().nullable(),
  automatic: z.boolean(),
  approved: signed.nullable(),
  started: started.nullable(),
  halted: halted.nullable(),
  ended: signed.nullable().openapi({ description: 'Why the stage was superseded or skipped.' }),
  soakedAt: z.string().nullable(),
  counts: z
    .object({ channels: z.int(), serving: z.int(), controlPlanes: z.int(), ready: z.int() })
    .openapi({ description: 'How many there are, and how many of them serve and run the release.' }),
  channels: z
    .array(z.object({ channel: z.string(), target: z.string().nullable() }))
    .openapi({ description: 'The first ten, those that the stage waits for before the others.' }),
  controlPlanes: z
    .array(z.object({ controlPlane: z.string(), version: z.string().nullable() }))
    .openapi({ description: 'The first ten, those that the stage waits for before the others.' }),
  gates: z.array(PromotionGate),
  next: z.string(),
  agents: Agents.nullable(),
});
export const Promotion = z
  .object({
    version: z.string(),
    stage: z.string().nullable(),
    supersededBy: z.string().nullable(),
    expedited: signed.nullable().openapi({ description: 'Who shortened its soaks, and why.' }),
    stages: z.array(StageView),
    next: z.string(),
    revision: z.int(),
  })
  .openapi('Promotion');

export const PromotionQuery = z.object({
  state: z
    .enum(PROMOTION_FILTERS)
    .default('running')
    .openapi({ description: 'The state of the stage that it is in, or how it ended; `running`: all that may go on.' }),
  ...listQuery,
});
export const PromotionSummary = z
  .object({
    version: z.string(),
    state: z.enum(PROMOTION_STATES),
    stage: z.string().nullable(),
    since: z.string().nullable(),
    agents: z
      .object({ stage: z.string(), state: z.enum([...PROMOTION_STATES, ...AGENT_WAITS]) })
      .nullable()
      .openapi({ description: 'Agents that go by themselves, in the first stage where they are not complete.' }),
    supersededBy: z.string().nullable(),
    isExpedited: z.boolean(),
    updatedAt: z.string(),
    revision: z.int(),
  })
  .openapi('PromotionSummary');

const waits = z.string().nullable().openapi({ description: 'Why it is not at the release yet; null where it is.' });
export const StagePlaces = z
  .object({
    stage: z.string(),
    places: z.array(
      z.union([
        z.object({ controlPlane: z.string(), version: z.string().nullable(), waits }),
        z.object({ channel: z.string(), target: z.string().nullable(), waits }),
      ]),
    ),
    cursor: z.string().nullable(),
  })
  .openapi('StagePlaces');

const StageProgress = z
  .strictObject({
    state: z.enum(STAGE_STATES),
    since: time().nullable(),
    approved: signed.strict().nullable(),
    started: started.strict().nullable(),
    halted: halted.strict().nullable(),
    ended: signed.strict().nullable().optional(),
  })
  .superRefine((progress, context) => {
    const fault = progressFault(progress);
    if (fault) context.addIssue(fault);
  });
const stages = z
  .record(z.string().min(1).max(64), StageProgress)
  .refine((each) => Object.keys(each).length <= 100, 'expected at most 100 stages');
/** A promotion as in `GET /export`. */
export const PromotionState = z.strictObject({
  version: canonicalVersion,
  stages,
  agents: stages.optional(),
  expedited: signed.strict().nullable().optional(),
  supersededBy: canonicalVersion.nullable(),
});
