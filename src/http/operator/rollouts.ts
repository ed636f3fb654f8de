import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { RolloutInput, Rollouts, RolloutVerb } from '../../service/rollouts.ts';
import type { OperatorEnv } from '../auth.ts';
import { ChannelName } from '../schemas/channels.ts';
import { DryRun } from '../schemas/fields.ts';
import * as schemas from '../schemas/rollouts.ts';
import { answers, body, Conditions, etag, guarded, operationId, readRequest } from './route.ts';

const tags = ['rollouts'];
const channelParam = z.object({ channel: ChannelName });

const read = createRoute({
  method: 'get',
  path: '/channels/{channel}/rollout',
  operationId: 'getRollout',
  tags,
  summary: 'How far the rollout of a channel is, and what each group waits for',
  ...guarded('read'),
  request: { params: channelParam },
  responses: answers('404 where the channel has had none.', schemas.RolloutView),
});

type VerbBody = RolloutInput & { dryRun?: boolean | undefined };

const verbs: { name: RolloutVerb; summary: string; schema: z.ZodType<VerbBody> }[] = [
  { name: 'start', summary: 'Begin a group now, whatever its window says', schema: schemas.Start },
  { name: 'done', summary: 'End a group: all of its agents go to the target', schema: schemas.Done },
  { name: 'roll-back', summary: 'Take the rollout, or one group, back to the start version', schema: schemas.OfGroup },
  { name: 'pause', summary: 'Tell nobody new, until it is resumed', schema: schemas.OfAll },
  { name: 'resume', summary: 'Go on where it was halted or paused', schema: schemas.OfAll },
  { name: 'reset', summary: 'Begin again, or let a group that was rolled back begin again', schema: schemas.OfGroup },
];

const verbRoute = (name: RolloutVerb, summary: string, schema: z.ZodType<VerbBody>) =>
  createRoute({
    method: 'post',
    path: `/channels/{channel}/rollout/${name}` as '/channels/{channel}/rollout/verb',
    operationId: operationId(name, 'Rollout'),
    tags,
    summary,
    ...guarded('steer-rollout'),
    request: { params: channelParam, query: DryRun, headers: Conditions, ...body(schema) },
    responses: answers('The rollout, and the audit entry.', schemas.RolloutResult),
  });

/** `/channels/{channel}/rollout` and its verbs. */
export function rolloutRoutes(rollouts: Rollouts) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(read, async (c) => {
    const rollout = await rollouts.read(c.req.valid('param').channel);
    return c.json(rollout, 200, { ETag: etag(rollout.revision) });
  });
  for (const { name, summary, schema } of verbs) {
    app.openapi(verbRoute(name, summary, schema), async (c) => {
      const { dryRun, ...input } = c.req.valid('json');
      const result = await rollouts.act(c.req.valid('param').channel, name, input, readRequest(c, dryRun));
      return c.json(result, 200, { ETag: etag(result.rollout.revision) });
    });
  }
  return app;
}
