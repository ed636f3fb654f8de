import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { parseDocument, stringify, visit } from 'yaml';
import { FairwayError } from '../../domain/errors.ts';
import type { Transfer } from '../../service/transfer.ts';
import type { OperatorEnv } from '../auth.ts';
import { DryRun } from '../schemas/fields.ts';
import * as schemas from '../schemas/transfer.ts';
import { validated } from '../validation.ts';
import { answers, Conditions, guarded, problems, readRequest } from './route.ts';

const tags = ['state'];
const MAX_DOCUMENT = 4 * 1024 * 1024;
/** `ID:HASH` of the newest entry of the audit log that an export contains. */
const AUDIT_HEAD = 'Fairway-Audit-Head';
const YAML = /^(application|text)\/(x-)?yaml\b/i;

const exportState = createRoute({
  method: 'get',
  path: '/export',
  operationId: 'exportState',
  tags,
  summary: 'Export the control state as one document: JSON, or YAML with `Accept: application/yaml`',
  ...guarded('read'),
  responses: {
    200: {
      description: 'The state. The header Fairway-Audit-Head is ID:HASH of the newest entry of the audit log.',
      content: {
        'application/json': { schema: schemas.StateDocument },
        'application/yaml': { schema: schemas.StateDocument },
      },
    },
    ...problems,
  },
});

const apply = createRoute({
  method: 'post',
  path: '/apply',
  operationId: 'applyState',
  tags,
  summary: 'Make the state agree with a document; parts that the document omits stay',
  ...guarded('apply', MAX_DOCUMENT),
  request: {
    query: DryRun,
    headers: Conditions,
    body: {
      required: true,
      content: {
        // No zod schema here: it would read the body as JSON.
        'application/json': { schema: { $ref: '#/components/schemas/StateDocument' } },
        'application/yaml': { schema: { $ref: '#/components/schemas/StateDocument' } },
      },
    },
  },
  responses: answers('The differences, applied unless it was a dry run.', schemas.ApplyResult),
});

/** `/export` and `/apply`. */
export function transferRoutes(transfer: Transfer) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(exportState, (c) => {
    const { state, head } = transfer.export(c.get('actor'));
    if (head !== null) c.header(AUDIT_HEAD, head);
    if (!YAML.test(c.req.header('accept') ?? '')) return c.json(state, 200);
    // Without aliases: two marks that happen to be equal are not one mark.
    return c.body(stringify(state, { aliasDuplicateObjects: false }), 200, { 'Content-Type': 'application/yaml' });
  });
  app.openapi(apply, async (c) => {
    const document = readDocument(await c.req.text(), c.req.header('content-type') ?? '');
    return c.json(await transfer.apply(validated(schemas.StateDocument, document), readRequest(c)), 200);
  });
  return app;
}

function readDocument(text: string, type: string): unknown {
  try {
    if (/^application\/json\b/i.test(type)) return JSON.parse(text);
    if (YAML.test(type)) return readYaml(text);
  } catch (cause) {
    throw new FairwayError('malformed', `the document cannot be read: ${(cause as Error).message}`, { cause });
  }
  throw new FairwayError(
    'unsupported_media_type',
    'send JSON or YAML, with the header Content-Type: application/json or application/yaml',
  );
}

/** Throws an error that says what is wrong. Warnings of YAML, for instance about an unknown tag, count as errors. */
function readYaml(text: string): unknown {
  const document = parseDocument(text);
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault?.code === 'MULTIPLE_DOCS') throw new Error('there is more than one; apply one document at a time');
  if (fault) throw fault;
  let aliased = false;
  visit(document, {
    Alias() {
      aliased = true;
      return visit.BREAK;
    },
  });
  // With aliases, a few lines could expand to billions.
  if (aliased) throw new Error('it has aliases, which Fairway does not follow; write their values out');
  return document.toJS();
}
