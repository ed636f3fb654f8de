import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { AGENT_MARKS, SIGHTING_SOURCES } from '../../domain/agent.ts';
import { readAgentVersion, UNREADABLE } from '../../domain/agent-version.ts';
import { requireVersion } from '../../domain/version.ts';
import type { Fleet } from '../../service/fleet.ts';
import type { Rollouts } from '../../service/rollouts.ts';
import type { OperatorEnv } from '../auth.ts';
import * as schemas from '../schemas/agents.ts';
import { reason, time } from '../schemas/fields.ts';
import { listQuery, pageOf } from '../schemas/page.ts';
import { jsonInSlices } from '../sliced.ts';
import { answers, guarded, problems } from './route.ts';

const tags = ['agents'];
const idParam = z.object({ id: schemas.AgentId });
const anyVersion = z
  .string()
  .transform((text, context) => {
    try {
      return requireVersion(text).text;
    } catch (error) {
      context.addIssue((error as Error).message);
      return z.NEVER;
    }
  })
  .optional();

/** As agents are counted: also with build metadata, and the sign of a version that cannot be read. */
const agentVersion = z
  .string()
  .max(100)
  .transform((text, context) => {
    if (text === UNREADABLE || /^\d+(\.\d+)?\.x$/.test(text)) return text;
    const version = readAgentVersion(text);
    if (version !== UNREADABLE) return version;
    context.addIssue(`expected a version such as 16.4.6, 16.x, or ${UNREADABLE} for those that cannot be read`);
    return z.NEVER;
  })
  .openapi({ description: `As the census shows it; ${UNREADABLE} for versions that cannot be read.` })
  .optional();

const moment = time()
  .transform((text) => Date.parse(text))
  .optional();

const census = createRoute({
  method: 'get',
  path: '/census',
  operationId: 'getCensus',
  tags,
  summary: 'Count agents by version and source, for one channel or, a page at a time, for all',
  ...guarded('read'),
  request: { query: z.object({ channel: z.string().optional(), ...listQuery }) },
  responses: answers(
    'The census of the channel, or of every channel.',
    z.union([schemas.Census, pageOf('channels', schemas.Census)]),
  ),
});

const list = createRoute({
  method: 'get',
  path: '/agents',
  operationId: 'listAgents',
  tags,
  summary: 'Agents, a page at a time',
  ...guarded('read'),
  request: {
    query: z.object({
      channel: z.string().optional(),
      version: agentVersion,
      olderThan: anyVersion,
      group: z.string().max(64).optional(),
      host: z.string().max(253).optional().openapi({ description: 'Part of the host name.' }),
      mark: z.enum(AGENT_MARKS).optional(),
      source: z.enum(SIGHTING_SOURCES).optional(),
      enrolled: z
        .enum(['true', 'false'])
        .transform((text) => text === 'true')
        .optional(),
      seenBefore: moment,
      seenSince: moment,
      limit: z.coerce.number().int().min(1).max(500).default(50),
      cursor: z.string().max(200).optional(),
    }),
  },
  responses: answers(
    'A page may be short even if more follow; the last one has no cursor.',
    z.object({ agents: z.array(schemas.Agent), cursor: z.string().nullable() }),
  ),
});

const read = createRoute({
  method: 'get',
  path: '/agents/{id}',
  operationId: 'getAgent',
  tags,
  summary: 'One agent',
  ...guarded('read'),
  request: { params: idParam },
  responses: answers('The agent.', schemas.Agent),
});

const explain = createRoute({
  method: 'get',
  path: '/agents/{id}/explain',
  operationId: 'explainAgent',
  tags,
  summary: 'Which version the agent gets, and why',
  ...guarded('read'),
  request: { params: idParam },
  responses: answers('The explanation.', schemas.Explanation),
});

const forget = createRoute({
  method: 'delete',
  path: '/agents/{id}',
  operationId: 'forgetAgent',
  tags,
  summary: 'Forget an agent until it is seen again',
  ...guarded('forget-agent'),
  request: { params: idParam, query: z.object({ reason }) },
  responses: { 204: { description: 'Forgotten.' }, ...problems },
});

/** `/census` and `/agents`. */
export function agentRoutes(fleet: Fleet, { waits }: Pick<Rollouts, 'waits'>) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(census, async (c) => {
    const { channel, ...query } = c.req.valid('query');
    if (channel !== undefined) return c.json(await fleet.census(channel), 200);
    const { items, next } = await fleet.censusPage(query);
    return jsonInSlices(c, { channels: items, next });
  });
  app.openapi(list, async (c) => c.json(await fleet.agents(c.req.valid('query')), 200));
  app.openapi(read, async (c) => c.json(await fleet.agent(c.req.valid('param').id), 200));
  app.openapi(explain, async (c) => c.json(await fleet.explain(c.req.valid('param').id, waits), 200));
  app.openapi(forget, async (c) => {
    await fleet.forget(c.req.valid('param').id, c.req.valid('query'), c.get('actor'));
    return c.body(null, 204);
  });
  return app;
}
