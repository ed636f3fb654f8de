import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { ControlPlanes } from '../../service/control-planes.ts';
import type { OperatorEnv } from '../auth.ts';
import * as schemas from '../schemas/control-planes.ts';
import { DryRun } from '../schemas/fields.ts';
import { pageOf } from '../schemas/page.ts';
import { jsonInSlices } from '../sliced.ts';
import { answers, body, Conditions, etag, guarded, problems, readRequest } from './route.ts';

const tags = ['control planes'];
/** 10,000 control planes with labels. */
const MAX_IMPORT = 8 * 1024 * 1024;
const nameParam = z.object({ name: schemas.ControlPlaneName });

const list = createRoute({
  method: 'get',
  path: '/control-planes',
  operationId: 'listControlPlanes',
  tags,
  summary: 'The control planes, a page at a time',
  ...guarded('read'),
  request: { query: schemas.ControlPlaneQuery },
  responses: answers('By name.', pageOf('controlPlanes', schemas.ControlPlane)),
});

const read = createRoute({
  method: 'get',
  path: '/control-planes/{name}',
  operationId: 'getControlPlane',
  tags,
  summary: 'One control plane, what it should run, and whether it may be deployed now',
  ...guarded('read'),
  request: { params: nameParam },
  responses: answers('The control plane.', schemas.Deployment),
});

const wanted = createRoute({
  method: 'get',
  path: '/control-planes/{name}/wanted',
  operationId: 'getWantedVersion',
  tags,
  summary: 'The version that a control plane should run, as text for scripts; empty if nothing is wanted',
  ...guarded('read'),
  request: { params: nameParam },
  responses: {
    200: { description: 'The version.', content: { 'text/plain': { schema: z.string() } } },
    ...problems,
  },
});

const importAll = createRoute({
  method: 'post',
  path: '/control-planes/import',
  operationId: 'importControlPlanes',
  tags,
  summary: 'Record many control planes at once; those that are not named stay',
  ...guarded('put-control-plane', MAX_IMPORT),
  request: { query: DryRun, ...body(schemas.ImportControlPlanes) },
  responses: answers('How many were new or changed.', schemas.ImportedControlPlanes),
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
    const { after, cursor = after, limit, behind, ...filter } = c.req.valid('query');
    const isBehind = behind === undefined ? undefined : behind === 'true';
    const { items, next } = controlPlanes.page(
      { after: cursor, limit },
      { ...filter, behind: isBehind },
      c.get('actor'),
    );
    return jsonInSlices(c, { controlPlanes: items, next });
  });
  app.openapi(read, async (c) => {
    const { controlPlane, deploy } = await controlPlanes.deployment(c.req.valid('param').name, c.get('actor'));
    return c.json({ ...controlPlane, deploy }, 200, { ETag: etag(controlPlane.revision) });
  });
  app.openapi(wanted, (c) => {
    const version = controlPlanes.wanted(c.req.valid('param').name, c.get('actor'));
    return c.text(version === null ? '' : `${version}\n`, 200);
  });
  app.openapi(importAll, async (c) => c.json(await controlPlanes.import(c.req.valid('json'), readRequest(c)), 200));
  app.openapi(put, async (c) => {
    const { version, components, dryRun, ...settings } = c.req.valid('json');
    const { name } = c.req.valid('param');
    const reported = components ?? version ?? null;
    const request = readRequest(c, dryRun);
    const { controlPlane, created } = await controlPlanes.report(name, reported, request, settings);
    return c.json(controlPlane, created ? 201 : 200, { ETag: etag(controlPlane.revision) });
  });
  app.openapi(remove, async (c) => {
    await controlPlanes.remove(c.req.valid('param').name, readRequest(c));
    return c.body(null, 204);
  });
  app.openapi(check, async (c) => {
    const { version } = c.req.valid('json');
    return c.json(await controlPlanes.check(c.req.valid('param').name, version, c.get('actor')), 200);
  });
  return app;
}
