import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Schedules } from '../../service/schedules.ts';
import type { OperatorEnv } from '../auth.ts';
import { ChannelName } from '../schemas/channels.ts';
import { DryRun, reason } from '../schemas/fields.ts';
import { listQuery, pageOf } from '../schemas/page.ts';
import * as schemas from '../schemas/schedules.ts';
import { jsonInSlices } from '../sliced.ts';
import { answers, guarded, problems, readRequest } from './route.ts';

const tags = ['scheduled changes'];

const list = createRoute({
  method: 'get',
  path: '/scheduled',
  operationId: 'listScheduled',
  tags,
  summary: 'The changes that are scheduled, and those of the last week that were not carried out',
  ...guarded('read'),
  request: {
    query: z.object({
      channel: ChannelName.openapi({ param: { name: 'channel', in: 'query' } }).optional(),
      ...listQuery,
    }),
  },
  responses: answers('By their time.', pageOf('scheduled', schemas.ListedChange)),
});

const cancel = createRoute({
  method: 'delete',
  path: '/scheduled/{id}',
  operationId: 'cancelScheduled',
  tags,
  summary: 'Cancel a scheduled change, or acknowledge that it was not carried out',
  ...guarded('cancel-scheduled'),
  request: {
    params: z.object({
      id: z
        .string()
        .max(64)
        .openapi({ param: { name: 'id', in: 'path' } }),
    }),
    query: DryRun.extend({ reason }),
  },
  responses: { 204: { description: 'It is gone.' }, ...problems },
});

/** `/scheduled`; verbs with `at` add to it. */
export function scheduleRoutes(schedules: Schedules) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(list, (c) => {
    const { items, next } = schedules.page(c.req.valid('query'));
    return jsonInSlices(c, { scheduled: items, next });
  });
  app.openapi(cancel, async (c) => {
    await schedules.cancel(c.req.valid('param').id, c.req.valid('query').reason, readRequest(c));
    return c.body(null, 204);
  });
  return app;
}
