import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { ControlPlanes } from '../../service/control-planes.ts';
import type { OperatorEnv } from '../auth.ts';
import * as schemas from '../schemas/control-planes.ts';
import { DryRun } from '../schemas/fields.ts';
import { Check } from '../schemas/report.ts';
import { answers, body, Conditions, etag, guarded, readRequest } from './route.ts';

const tags = ['control planes'];
const nameParam = z.object({ name: schemas.ControlPlaneName });

const list = createRoute({
  method: 'get',
  path: '/control-planes',
  operationId: 'listControlPlanes',
  tags,
  summary: 'All control planes',
  ...guarded('read'),
  responses: answers('By name.', z.object({ controlPlanes: z.array(schemas.ControlPlane) })),
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
  summary: 'Record the version that a control plane runs',
  ...guarded('put-control-plane'),
  request: { params: nameParam, query: DryRun, headers: Conditions, ...body(schemas.PutControlPlane) },
  responses: {
    ...answers('Recorded.', schemas.ControlPlane),
    201: { description: 'New.', content: { 'application/json': { schema: schemas.ControlPlane } } },
  },
});

const check = createRoute({
  method: 'post',
  path: '/control-planes/{name}/check',
  operationId: 'checkControlPlane',
  tags,
  summary: 'Check whether this control plane may be changed to this version; changes nothing',
  ...guarded('check'),
  request: { params: nameParam, ...body(Check) },
  responses: answers('The verdict.', schemas.ControlPlaneReport),
});

/** `/control-planes`. */
export function controlPlaneRoutes(controlPlanes: ControlPlanes) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(list, (c) => c.json({ controlPlanes: controlPlanes.list() }, 200));
  app.openapi(read, (c) => {
    const controlPlane = controlPlanes.read(c.req.valid('param').name);
    return c.json(controlPlane, 200, { ETag: etag(controlPlane.revision) });
  });
  app.openapi(put, async (c) => {
    const { version, dryRun } = c.req.valid('json');
    const { controlPlane, created } = await controlPlanes.report(
      c.req.valid('param').name,
      version,
      readRequest(c, dryRun),
    );
    return c.json(controlPlane, created ? 201 : 200, { ETag: etag(controlPlane.revision) });
  });
  app.openapi(check, async (c) => {
    return c.json(await controlPlanes.check(c.req.valid('param').name, c.req.valid('json').version), 200);
  });
  return app;
}
