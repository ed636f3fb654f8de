import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Recoveries } from '../../service/recovery.ts';
import type { OperatorEnv } from '../auth.ts';
import { dryRun, reason } from '../schemas/fields.ts';
import * as schemas from '../schemas.ts';
import { answers, body, guarded, readRequest } from './route.ts';

const Decision = z.strictObject({
  keep: z.enum(['served', 'stored']).openapi({
    description: 'served: put the state that this server serves back; stored: take what the store holds.',
  }),
  reason,
  dryRun,
});
const RecoveryResult = z
  .object({
    loss: z.object({ served: z.int(), stored: z.int() }),
    changes: z.array(z.object({ key: z.string(), change: z.enum(['create', 'update', 'delete']) })),
    audit: schemas.AuditEntry.nullable(),
  })
  .openapi('RecoveryResult');

const decide = createRoute({
  method: 'post',
  path: '/recovery',
  operationId: 'decideRecovery',
  tags: ['state'],
  summary: 'Decide which state counts, after the store has lost changes',
  ...guarded('admin'),
  request: { query: schemas.DryRun, ...body(Decision) },
  responses: answers('What was lost, and what the decision changes.', RecoveryResult),
});

/** `/recovery` */
export function recoveryRoutes(recoveries: Recoveries) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(decide, async (c) => {
    const { dryRun, ...input } = c.req.valid('json');
    return c.json(await recoveries.decide(input, readRequest(c, dryRun)), 200);
  });
  return app;
}
