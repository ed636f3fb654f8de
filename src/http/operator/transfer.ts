import { Readable } from 'node:stream';
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { parseDocument, visit } from 'yaml';
import { FairwayError } from '../../domain/errors.ts';
import { nextTurn } from '../../process/turns.ts';
import type { Transfer, WantedState } from '../../service/transfer.ts';
import type { OperatorEnv } from '../auth.ts';
import { DryRun } from '../schemas/fields.ts';
import { overrideFreezeQuery } from '../schemas/rollouts.ts';
import * as schemas from '../schemas/transfer.ts';
import { jsonInSlices, yamlInSlices } from '../sliced.ts';
import { readStateLines, stateLines } from '../state-lines.ts';
import { validated } from '../validation.ts';
import { answers, Conditions, guarded, problems, readRequest } from './route.ts';

const tags = ['state'];
const MAX_DOCUMENT = 4 * 1024 * 1024;
/** `ID:HASH` of the newest entry of the audit log that an export contains. */
const AUDIT_HEAD = 'Fairway-Audit-Head';
const YAML = /^(application|text)\/(x-)?yaml\b/i;
const LINES = /^application\/x-ndjson\b/i;
/** Differences in an answer; the audit log has all of them. */
const MOST_SHOWN = 500;

const exportState = createRoute({
  method: 'get',
  path: '/export',
  operationId: 'exportState',
  tags,
  summary:
    'Export the control state as one document: JSON, YAML with `Accept: application/yaml`, or lines with `Accept: application/x-ndjson`',
  ...guarded('read'),
  responses: {
    200: {
      description: 'The state. The header Fairway-Audit-Head is ID:HASH of the newest entry of the audit log.',
      content: {
        'application/json': { schema: schemas.StateDocument },
        'application/yaml': { schema: schemas.StateDocument },
        'application/x-ndjson': { schema: schemas.StateDocument },
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
  ...guarded('apply', null),
  request: {
    query: DryRun.extend({ overrideFreeze: overrideFreezeQuery }),
    headers: Conditions,
    body: {
      required: true,
      description:
        'JSON or YAML up to 4 MiB; more as lines of JSON (`application/x-ndjson`), each a small document, as `/export` answers them.',
      content: {
        // No zod schema here: it would read the body as JSON.
        'application/json': { schema: { $ref: '#/components/schemas/StateDocument' } },
        'application/yaml': { schema: { $ref: '#/components/schemas/StateDocument' } },
        'application/x-ndjson': { schema: { $ref: '#/components/schemas/StateDocument' } },
      },
    },
  },
  responses: answers('The differences, applied unless it was a dry run.', schemas.ApplyResult),
});

/** `/export` and `/apply`. */
export function transferRoutes(transfer: Transfer) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(exportState, async (c) => {
    const { state, head } = await transfer.export(c.get('actor'));
    if (head !== null) c.header(AUDIT_HEAD, head);
    const accept = c.req.header('accept') ?? '';
    if (LINES.test(accept)) {
      // A line at a time, so that a large state neither waits as a whole nor keeps polls waiting.
      const lines = Readable.toWeb(Readable.from(inTurns(stateLines(state)))) as ReadableStream;
      return c.body(lines, 200, { 'Content-Type': 'application/x-ndjson' });
    }
    return YAML.test(accept) ? yamlInSlices(c, state) : jsonInSlices(c, state);
  });
  app.openapi(apply, async (c) => {
    const { changes, audit } = await transfer.apply(await readWanted(c), {
      ...readRequest(c),
      overrideFreeze: c.req.query('overrideFreeze') === 'true',
    });
    return c.json({ total: changes.length, changes: changes.slice(0, MOST_SHOWN), audit }, 200);
  });
  return app;
}

/** Lines, with the event loop free between them. */
async function* inTurns(lines: Iterable<string>): AsyncGenerator<string> {
  for (const line of lines) {
    yield line;
    await nextTurn();
  }
}

async function readWanted(c: Context<OperatorEnv>): Promise<WantedState> {
  const type = c.req.header('content-type') ?? '';
  const { body } = c.req.raw;
  if (LINES.test(type)) return readStateLines(body);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > MAX_DOCUMENT) {
      const todo = 'send it as lines (application/x-ndjson), as fairway apply does';
      throw new FairwayError('too_large', `the document is larger than 4 MiB; ${todo}`);
    }
    chunks.push(chunk);
  }
  return validated(schemas.StateDocument, readDocument(Buffer.concat(chunks).toString('utf8'), type));
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
    'send JSON, YAML or lines of JSON, with the header Content-Type: application/json, application/yaml or application/x-ndjson',
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
