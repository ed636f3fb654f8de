import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Freezes } from '../../service/freezes.ts';
import type { OperatorEnv } from '../auth.ts';
import { DryRun, reason } from '../schemas/fields.ts';
import * as schemas from '../schemas/freezes.ts';
import { answers, body, guarded, problems, readRequest } from './route.ts';

const tags = ['freezes'];

const list = createRoute({
  method: 'get',
  path: '/freezes',
  operationId: 'listFreezes',
  tags,
  summary: 'The freezes of all channels that hold or will: of the settings, and added',
  ...guarded('read'),
  responses: answers('By when they begin. Freezes of single channels are in their settings.', schemas.GlobalFreezes),
});

const add = createRoute({
  method: 'post',
  path: '/freezes',
  operationId: 'addFreeze',
  tags,
  summary: 'Freeze all channels for a time',
  ...guarded('freeze'),
  request: { query: DryRun, ...body(schemas.AddFreeze) },
  responses: {
    ...answers('The same freeze was there already.', schemas.GlobalFreeze),
    201: { description: 'Added.', content: { 'application/json': { schema: schemas.GlobalFreeze } } },
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/freezes/{id}',
  operationId: 'removeFreeze',
  tags,
  summary: 'End a freeze early',
  ...guarded('unfreeze'),
  request: {
    params: z.object({ id: schemas.freezeId.openapi({ param: { name: 'id', in: 'path' } }) }),
    query: DryRun.extend({ reason }),
  },
  responses: { 204: { description: 'It is over.' }, ...problems },
});

/** `/freezes`. */
export function freezeRoutes(freezes: Freezes) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(list, (c) => c.json({ freezes: freezes.list() }, 200));
  app.openapi(add, async (c) => {
    const { dryRun, ...input } = c.req.valid('json');
    const { freeze, created } = await freezes.add(input, readRequest(c, dryRun));
    return c.json(freeze, created ? 201 : 200);
  });
  app.openapi(remove, async (c) => {
    await freezes.remove(c.req.valid('param').id, c.req.valid('query').reason, readRequest(c));
    return c.body(null, 204);
  });
  return app;
}
