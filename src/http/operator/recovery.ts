import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Recoveries } from '../../service/recovery.ts';
import type { OperatorEnv } from '../auth.ts';
import { DryRun } from '../schemas/fields.ts';
import { RecoveryDecision, RecoveryResult } from '../schemas/recovery.ts';
import { answers, body, guarded, readRequest } from './route.ts';

const decide = createRoute({
  method: 'post',
  path: '/recovery',
  operationId: 'decideRecovery',
  tags: ['state'],
  summary: 'Decide which state counts after the store has lost changes',
  ...guarded('recover'),
  request: { query: DryRun, ...body(RecoveryDecision) },
  responses: answers('The lost changes, and what the decision changes.', RecoveryResult),
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
