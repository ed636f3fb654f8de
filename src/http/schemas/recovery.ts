import { z } from '@hono/zod-openapi';
import { AuditEntry } from './audit.ts';
import { dryRun, reason } from './fields.ts';

export const RecoveryDecision = z.strictObject({
  keep: z
    .enum(['served', 'stored'])
    .optional()
    .openapi({
      description:
        'served: restore the state that this server serves; stored: use the state in the store. ' +
        'Left out: the longer history.',
    }),
  reason,
  acceptStranding: z
    .int()
    .min(0)
    .optional()
    .openapi({ description: 'The agents that may be stranded, in all channels together.' }),
  dryRun,
});

export const RecoveryResult = z
  .object({
    loss: z.object({ served: z.int(), stored: z.int(), other: z.literal(true).optional() }),
    keep: z.enum(['served', 'stored']),
    longer: z.enum(['served', 'stored']),
    channels: z
      .array(
        z.object({
          channel: z.string(),
          served: z.string().nullable(),
          stored: z.string().nullable(),
          to: z.string().nullable(),
        }),
      )
      .openapi({ description: 'Channels whose targets differ, and what their agents get afterwards.' }),
    pulled: z
      .array(z.string())
      .openapi({ description: 'Releases that only the other history has as pulled; they stay pulled.' }),
    changes: z.array(z.object({ key: z.string(), change: z.enum(['create', 'update', 'delete']) })),
    audit: AuditEntry.nullable(),
  })
  .openapi('RecoveryResult');
