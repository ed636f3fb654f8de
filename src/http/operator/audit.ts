import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Audit } from '../../service/audit.ts';
import type { OperatorEnv } from '../auth.ts';
import * as schemas from '../schemas/audit.ts';
import { jsonInSlices } from '../sliced.ts';
import { answers, guarded } from './route.ts';

const tags = ['audit'];

const list = createRoute({
  method: 'get',
  path: '/audit',
  operationId: 'listAudit',
  tags,
  summary: 'Who changed what, when and why, newest first',
  ...guarded('read'),
  request: { query: schemas.Page },
  responses: answers('Entries of the audit log.', z.object({ entries: z.array(schemas.AuditEntry) })),
});

const verify = createRoute({
  method: 'get',
  path: '/audit/verify',
  operationId: 'verifyAudit',
  tags,
  summary: 'Check whether any entry was changed or removed, and whether the documents are as the log recorded them',
  ...guarded('read'),
  request: { query: schemas.VerifyQuery },
  responses: answers('The state of the hash chain.', schemas.ChainState),
});

/** `/audit`. */
export function auditRoutes(audit: Audit) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(list, async (c) => jsonInSlices(c, { entries: await audit.list(c.req.valid('query'), c.get('actor')) }));
  app.openapi(verify, async (c) => c.json(await audit.verify(c.req.valid('query').head), 200));
  return app;
}
