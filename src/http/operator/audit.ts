import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { stream } from 'hono/streaming';
import type { AuditEntry, AuditHead } from '../../domain/audit.ts';
import type { Audit } from '../../service/audit.ts';
import type { OperatorEnv } from '../auth.ts';
import * as schemas from '../schemas/audit.ts';
import { DryRun } from '../schemas/fields.ts';
import { jsonInSlices } from '../sliced.ts';
import { answers, body, guarded, problems, readRequest } from './route.ts';

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

const readArchive = createRoute({
  method: 'get',
  path: '/audit/archive',
  operationId: 'readAuditArchive',
  tags,
  summary: 'Old entries, oldest first, as lines of JSON; the first line is the anchor that they go on from',
  ...guarded('archive'),
  request: { query: schemas.ArchiveQuery },
  responses: {
    200: { description: 'The archive.', content: { 'application/x-ndjson': { schema: { type: 'string' } } } },
    ...problems,
  },
});

const archive = createRoute({
  method: 'post',
  path: '/audit/archive',
  operationId: 'archiveAudit',
  tags,
  summary: 'Remove entries that are in an archive from the log; their hashes stay',
  ...guarded('archive'),
  request: { query: DryRun, ...body(schemas.ArchiveRequest) },
  responses: answers('What is archived now.', schemas.ArchiveResult),
});

/** The lines of an archive, some at a time. */
async function* archiveLines(anchor: AuditHead, pages: AsyncIterable<AuditEntry[]>): AsyncGenerator<string> {
  yield `${JSON.stringify({ fairway: 'audit-archive', anchor })}\n`;
  for await (const entries of pages) yield entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

/** `/audit`. */
export function auditRoutes(audit: Audit) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(list, async (c) => jsonInSlices(c, { entries: await audit.list(c.req.valid('query'), c.get('actor')) }));
  app.openapi(verify, async (c) => c.json(await audit.verify(c.req.valid('query').head), 200));
  app.openapi(readArchive, async (c) => {
    const { before } = c.req.valid('query');
    const lines = archiveLines(await audit.archive.anchor(), audit.archive.read(new Date(before)));
    c.header('Content-Type', 'application/x-ndjson');
    return stream(c, async (out) => {
      for await (const text of lines) {
        if (out.aborted) return;
        await out.write(text);
      }
    }) as never;
  });
  app.openapi(archive, async (c) => {
    const { dryRun, ...input } = c.req.valid('json');
    const request = readRequest(c, dryRun);
    return c.json(await audit.archive.archive(input, request.actor, request.dryRun), 200);
  });
  return app;
}
