import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Evidences } from '../../service/evidence.ts';
import type { OperatorEnv } from '../auth.ts';
import { ChannelName } from '../schemas/channels.ts';
import * as schemas from '../schemas/evidence.ts';
import { DryRun } from '../schemas/fields.ts';
import { answers, body, guarded, readRequest } from './route.ts';

const tags = ['evidence'];
const channel = z.object({ channel: ChannelName });
const source = channel.extend({
  source: z
    .string()
    .max(64)
    .openapi({ param: { name: 'source', in: 'path' }, example: 'inventory' }),
});

const read = createRoute({
  method: 'get',
  path: '/evidence/{channel}',
  operationId: 'getEvidence',
  tags,
  summary: 'What a verdict about the channel rests on',
  ...guarded('read'),
  request: { params: channel },
  responses: answers('Each source, what it says, and how far it is believed.', schemas.ChannelEvidence),
});

const accept = createRoute({
  method: 'post',
  path: '/evidence/{channel}/{source}/accept',
  operationId: 'acceptEvidence',
  tags,
  summary: 'Confirm that a source has fewer agents, before a second reading does',
  ...guarded('accept-evidence'),
  request: { params: source, query: DryRun, ...body(schemas.Decide) },
  responses: answers('The agents that counted and that count now.', schemas.EvidenceResult),
});

const forget = createRoute({
  method: 'post',
  path: '/evidence/{channel}/{source}/forget',
  operationId: 'forgetEvidence',
  tags,
  summary: 'Forget all that a source said of the channel',
  ...guarded('forget-evidence'),
  request: { params: source, query: DryRun, ...body(schemas.Decide) },
  responses: answers('The agents that counted and that count now.', schemas.EvidenceResult),
});

const forgetVersion = createRoute({
  method: 'post',
  path: '/evidence/{channel}/forget-version',
  operationId: 'forgetVersion',
  tags,
  summary: 'Forget the agents of the channel that count at a version',
  ...guarded('forget-evidence'),
  request: { params: channel, query: DryRun, ...body(schemas.ForgetVersion) },
  responses: answers('The agents that counted and that count now.', schemas.EvidenceResult),
});

/** `/evidence`. */
export function evidenceRoutes(evidences: Evidences) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(read, async (c) => c.json(await evidences.read(c.req.valid('param').channel), 200));
  app.openapi(forgetVersion, async (c) => {
    const { version, dryRun, ...input } = c.req.valid('json');
    const request = readRequest(c, dryRun);
    return c.json(await evidences.forgetVersion(c.req.valid('param').channel, version, input, request), 200);
  });
  app.openapi(accept, async (c) => {
    const { dryRun, ...input } = c.req.valid('json');
    const { channel: name, source: text } = c.req.valid('param');
    return c.json(await evidences.accept(name, text, input, readRequest(c, dryRun)), 200);
  });
  app.openapi(forget, async (c) => {
    const { dryRun, ...input } = c.req.valid('json');
    const { channel: name, source: text } = c.req.valid('param');
    return c.json(await evidences.forget(name, text, input, readRequest(c, dryRun)), 200);
  });
  return app;
}
