import { z } from '@hono/zod-openapi';
import { AuditEntry } from './audit.ts';
import { dryRun, reason } from './fields.ts';

export const RecoveryDecision = z.strictObject({
  keep: z.enum(['served', 'stored']).openapi({
    description: 'served: restore the state that this server serves; stored: use the state in the store.',
  }),
  reason,
  dryRun,
});

export const RecoveryResult = z
  .object({
    loss: z.object({ served: z.int(), stored: z.int(), other: z.literal(true).optional() }),
    changes: z.array(z.object({ key: z.string(), change: z.enum(['create', 'update', 'delete']) })),
    audit: AuditEntry.nullable(),
  })
  .openapi('RecoveryResult');
