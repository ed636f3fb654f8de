import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { ControlPlanes } from '../../service/control-planes.ts';
import type { OperatorEnv } from '../auth.ts';
import * as schemas from '../schemas/control-planes.ts';
import { DryRun } from '../schemas/fields.ts';
import { ListQuery, pageOf } from '../schemas/page.ts';
import { jsonInSlices } from '../sliced.ts';
import { answers, body, Conditions, etag, guarded, problems, readRequest } from './route.ts';

const tags = ['control planes'];
const nameParam = z.object({ name: schemas.ControlPlaneName });

const list = createRoute({
  method: 'get',
  path: '/control-planes',
  operationId: 'listControlPlanes',
  tags,
  summary: 'The control planes, a page at a time',
  ...guarded('read'),
  request: { query: ListQuery },
  responses: answers('By name.', pageOf('controlPlanes', schemas.ControlPlane)),
});

const read = createRoute({
  method: 'get',
  path: '/control-planes/{name}',
  operationId: 'getControlPlane',
  tags,
  summary: 'One control plane',
  ...guarded('read'),
  request: { params: nameParam },
  responses: answers('The control plane.', schemas.ControlPlane),
});

const put = createRoute({
  method: 'put',
  path: '/control-planes/{name}',
  operationId: 'putControlPlane',
  tags,
  summary: 'Record the version that a control plane runs, or those of its components',
  ...guarded('put-control-plane'),
  request: { params: nameParam, query: DryRun, headers: Conditions, ...body(schemas.PutControlPlane) },
  responses: {
    ...answers('Recorded.', schemas.ControlPlane),
    201: { description: 'New.', content: { 'application/json': { schema: schemas.ControlPlane } } },
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/control-planes/{name}',
  operationId: 'deleteControlPlane',
  tags,
  summary: 'Delete a control plane that no channel and no stage names',
  ...guarded('delete-control-plane'),
  request: { params: nameParam, query: DryRun, headers: Conditions },
  responses: { 204: { description: 'Deleted.' }, ...problems },
});

const check = createRoute({
  method: 'post',
  path: '/control-planes/{name}/check',
  operationId: 'checkControlPlane',
  tags,
  summary: 'Check whether this control plane may be changed to this version; changes nothing',
  ...guarded('check'),
  request: { params: nameParam, ...body(schemas.CheckControlPlane) },
  responses: answers('The verdict.', schemas.ControlPlaneReport),
});

/** `/control-planes`. */
export function controlPlaneRoutes(controlPlanes: ControlPlanes) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(list, (c) => {
    const { items, next } = controlPlanes.page(c.req.valid('query'));
    return jsonInSlices(c, { controlPlanes: items, next });
  });
  app.openapi(read, (c) => {
    const controlPlane = controlPlanes.read(c.req.valid('param').name);
    return c.json(controlPlane, 200, { ETag: etag(controlPlane.revision) });
  });
  app.openapi(put, async (c) => {
    const { version, components, dryRun } = c.req.valid('json');
    const { name } = c.req.valid('param');
    // The schema asks for exactly one of them.
    const reported = components ?? version ?? '';
    const { controlPlane, created } = await controlPlanes.report(name, reported, readRequest(c, dryRun));
    return c.json(controlPlane, created ? 201 : 200, { ETag: etag(controlPlane.revision) });
  });
  app.openapi(remove, async (c) => {
    await controlPlanes.remove(c.req.valid('param').name, readRequest(c));
    return c.body(null, 204);
  });
  app.openapi(check, async (c) => {
    return c.json(await controlPlanes.check(c.req.valid('param').name, c.req.valid('json').version), 200);
  });
  return app;
}
