import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Changes } from '../../service/changes.ts';
import type { OperatorEnv } from '../auth.ts';
import { Change } from '../schemas/changes.ts';
import { PullRequest } from '../schemas/releases.ts';
import { answers, guarded } from './route.ts';

const read = createRoute({
  method: 'get',
  path: '/changes/{pr}',
  operationId: 'getChange',
  tags: ['releases'],
  summary: 'In which releases, stages, channels and control planes a change is, and what it waits for',
  ...guarded('read'),
  request: { params: z.object({ pr: PullRequest }) },
  responses: answers('The change.', Change),
});

/** `/changes/{pr}`. */
export function changeRoutes(changes: Changes) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(read, async (c) => c.json(await changes.read(c.req.valid('param').pr, c.get('actor')), 200));
  return app;
}
