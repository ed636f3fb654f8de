import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { OperatorEnv } from '../auth.ts';
import type { EventStreams } from '../event-streams.ts';
import { guarded, problems } from './route.ts';

const events = createRoute({
  method: 'get',
  path: '/events',
  operationId: 'streamEvents',
  tags: ['state'],
  summary:
    'Server-sent events: `change` with the new revision, `trouble` with what is wrong with the store, or null, and `changes` of a release that reached a stage, were halted or wait for their sign-off',
  ...guarded('read'),
  responses: {
    200: { description: 'A stream.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
    ...problems,
  },
});

/** `/events`. */
export function eventRoutes(streams: EventStreams) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(events, (c) => streams.open(c, c.get('actor')));
  return app;
}
