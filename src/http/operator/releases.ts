import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Releases } from '../../service/releases.ts';
import type { OperatorEnv } from '../auth.ts';
import * as schemas from '../schemas.ts';
import { answers, body, guarded } from './route.ts';

const tags = ['releases'];
const MAX_HISTORY = 4 * 1024 * 1024;

const list = createRoute({
  method: 'get',
  path: '/releases',
  tags,
  summary: 'Known releases, newest first by precedence',
  ...guarded('viewer'),
  responses: answers('The catalogue.', z.object({ releases: z.array(schemas.Release) })),
});

const importHistory = createRoute({
  method: 'post',
  path: '/releases/import',
  tags,
  summary: 'Take a release history over into the catalogue',
  ...guarded('release-manager', MAX_HISTORY),
  request: body(schemas.ImportReleases),
  responses: answers('What became of the entries.', schemas.ImportResult),
});

/** `/releases`. */
export function releaseRoutes(releases: Releases) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(list, (c) => c.json({ releases: releases.list() }, 200));
  app.openapi(importHistory, async (c) => c.json(await releases.import(c.req.valid('json'), c.get('actor')), 200));
  return app;
}
