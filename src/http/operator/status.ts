import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { groupTroubles } from '../../domain/status.ts';
import type { StatusReader } from '../../service/status.ts';
import type { OperatorEnv } from '../auth.ts';
import { Status } from '../schemas/status.ts';
import { answers, guarded } from './route.ts';

const read = createRoute({
  method: 'get',
  path: '/status',
  operationId: 'getStatus',
  tags: ['state'],
  summary: 'What is wrong and worth knowing, the worst first; also while the store is away',
  ...guarded('read'),
  responses: answers('The status.', Status),
});

/** `/status`. */
export function statusRoutes(status: StatusReader) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(read, async (c) => {
    const { troubles } = await status.read(c.get('actor'));
    return c.json({ worst: troubles[0]?.severity ?? null, groups: groupTroubles(troubles) }, 200);
  });
  return app;
}
