import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { RESOLUTIONS, type Resolution } from '../../domain/series.ts';
import type { Plans } from '../../service/plans.ts';
import type { Series } from '../../service/series.ts';
import type { OperatorEnv } from '../auth.ts';
import * as schemas from '../schemas/channels.ts';
import { answers, guarded } from './route.ts';

const tags = ['channels'];
const channelParam = z.object({ channel: schemas.ChannelName });

const plan = createRoute({
  method: 'get',
  path: '/channels/{channel}/plan',
  operationId: 'getPlan',
  tags,
  summary: 'How far the plan of a channel is, and what its next step waits for',
  ...guarded('read'),
  request: { params: channelParam },
  responses: answers('All null without a plan.', schemas.PlanState),
});

const series = createRoute({
  method: 'get',
  path: '/channels/{channel}/series',
  operationId: 'getSeries',
  tags,
  summary: 'Agents over time: a point a minute for a day, or an hour for 90 days',
  ...guarded('read'),
  request: {
    params: channelParam,
    query: z.object({
      resolution: z.enum(Object.keys(RESOLUTIONS) as [Resolution, ...Resolution[]]).default('minute'),
    }),
  },
  responses: answers('Oldest first.', z.object({ points: z.array(schemas.Point) })),
});

/** `/channels/{channel}/plan` and `/series`. */
export function progressRoutes(plans: Plans, history: Series) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(plan, async (c) => c.json(await plans.state(c.req.valid('param').channel), 200));
  app.openapi(series, async (c) => {
    const points = await history.read(c.req.valid('param').channel, c.req.valid('query').resolution);
    return c.json({ points: points.map((point) => ({ ...point, at: new Date(point.at).toISOString() })) }, 200);
  });
  return app;
}
