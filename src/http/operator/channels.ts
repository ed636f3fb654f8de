import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { isSchedulable } from '../../domain/schedule.ts';
import type { Audit } from '../../service/audit.ts';
import type { ChangingVerb, Channels, VerbInput } from '../../service/channels.ts';
import type { Schedules } from '../../service/schedules.ts';
import type { OperatorEnv } from '../auth.ts';
import { AuditEntry, Page } from '../schemas/audit.ts';
import * as schemas from '../schemas/channels.ts';
import { DryRun } from '../schemas/fields.ts';
import { ListQuery, pageOf } from '../schemas/page.ts';
import { Check, Report } from '../schemas/report.ts';
import { jsonInSlices } from '../sliced.ts';
import { answers, body, Conditions, etag, guarded, operationId, problems, readRequest } from './route.ts';

const tags = ['channels'];
const channelParam = z.object({ channel: schemas.ChannelName });

const list = createRoute({
  method: 'get',
  path: '/channels',
  operationId: 'listChannels',
  tags,
  summary: 'The channels, a page at a time',
  ...guarded('read'),
  request: { query: ListQuery },
  responses: answers('By name.', pageOf('channels', schemas.Channel)),
});

const read = createRoute({
  method: 'get',
  path: '/channels/{channel}',
  operationId: 'getChannel',
  tags,
  summary: 'One channel; its ETag is its revision',
  ...guarded('read'),
  request: { params: channelParam },
  responses: answers('The channel.', schemas.Channel),
});

const put = createRoute({
  method: 'put',
  path: '/channels/{channel}',
  operationId: 'putChannel',
  tags,
  summary: 'Create a channel, or change the given settings',
  ...guarded('put-channel'),
  request: { params: channelParam, query: DryRun, headers: Conditions, ...body(schemas.PutChannel) },
  responses: {
    ...answers('Changed.', schemas.Channel),
    201: { description: 'Created.', content: { 'application/json': { schema: schemas.Channel } } },
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/channels/{channel}',
  operationId: 'deleteChannel',
  tags,
  summary: 'Delete a channel that no enrolled agent follows',
  ...guarded('delete-channel'),
  request: { params: channelParam, query: DryRun, headers: Conditions },
  responses: { 204: { description: 'Deleted.' }, ...problems },
});

const history = createRoute({
  method: 'get',
  path: '/channels/{channel}/history',
  operationId: 'getChannelHistory',
  tags,
  summary: 'Changes of a channel, newest first',
  ...guarded('read'),
  request: { params: channelParam, query: Page },
  responses: answers('Entries of the audit log.', z.object({ entries: z.array(AuditEntry) })),
});

const check = createRoute({
  method: 'post',
  path: '/channels/{channel}/check',
  operationId: 'checkChannel',
  tags,
  summary: 'Check whether the target may be this version; changes nothing',
  ...guarded('check'),
  request: { params: channelParam, query: DryRun, ...body(Check) },
  responses: answers('The report of the gate.', Report),
});

type VerbBody = VerbInput & { at?: string | undefined; dryRun?: boolean | undefined };

const verbs: { name: ChangingVerb; summary: string; schema: z.ZodType<VerbBody> }[] = [
  { name: 'roll-forward', summary: 'Move the target to a newer version', schema: schemas.RollForward },
  {
    name: 'roll-back',
    summary: 'Move the target to the previous one, or to an older version',
    schema: schemas.RollBack,
  },
  {
    name: 'pin',
    summary: 'Keep the target where it is, or move it to a version and keep it there',
    schema: schemas.Pin,
  },
  { name: 'unpin', summary: 'Let the target move again', schema: schemas.Unpin },
  {
    name: 'critical',
    summary: 'Let agents upgrade outside their maintenance window, or stop doing so',
    schema: schemas.Critical,
  },
  {
    name: 'withdraw',
    summary: 'Remove the target; agents get `none` and stay where they are',
    schema: schemas.Withdraw,
  },
  {
    name: 'release',
    summary: 'Let a held channel go: stages, plans and promotions move it again',
    schema: schemas.Release,
  },
  { name: 'cancel-plan', summary: 'End the plan; the target stays where it is', schema: schemas.CancelPlan },
];

const verbRoute = (name: ChangingVerb, summary: string, schema: z.ZodType<VerbBody>) =>
  createRoute({
    method: 'post',
    path: `/channels/{channel}/${name}` as '/channels/{channel}/verb',
    operationId: operationId(name, 'Channel'),
    tags,
    summary,
    ...guarded(name),
    request: { params: channelParam, query: DryRun, headers: Conditions, ...body(schema) },
    responses: answers('The changed channel, the report if the target moved, and the audit entry.', schemas.VerbResult),
  });

/** `/channels` and the verbs of a channel. */
export function channelRoutes(channels: Channels, schedules: Schedules, audit: Audit) {
  const app = new OpenAPIHono<OperatorEnv>();

  app.openapi(list, (c) => {
    const { items, next } = channels.page(c.req.valid('query'));
    return jsonInSlices(c, { channels: items, next });
  });
  app.openapi(read, (c) => {
    const channel = channels.read(c.req.valid('param').channel);
    return c.json(channel, 200, { ETag: etag(channel.revision) });
  });
  app.openapi(put, async (c) => {
    const { dryRun, ...change } = c.req.valid('json');
    const { channel, created } = await channels.put(c.req.valid('param').channel, change, readRequest(c, dryRun));
    return c.json(channel, created ? 201 : 200, { ETag: etag(channel.revision) });
  });
  app.openapi(remove, async (c) => {
    await channels.remove(c.req.valid('param').channel, readRequest(c));
    return c.body(null, 204);
  });
  app.openapi(history, async (c) => {
    const { channel } = c.req.valid('param');
    return jsonInSlices(c, { entries: await audit.history(channel, c.req.valid('query'), c.get('actor')) });
  });
  app.openapi(check, async (c) => {
    return c.json(await channels.check(c.req.valid('param').channel, c.req.valid('json').version, c.get('actor')), 200);
  });

  for (const { name, summary, schema } of verbs) {
    app.openapi(verbRoute(name, summary, schema), async (c) => {
      const { dryRun, at, ...input } = c.req.valid('json');
      const { channel } = c.req.valid('param');
      const request = readRequest(c, dryRun);
      const result =
        at !== undefined && isSchedulable(name)
          ? await schedules.accept(channel, name, { ...input, at }, request)
          : await channels.act(channel, name, input, request);
      return c.json(result, 200, { ETag: etag(result.channel.revision) });
    });
  }
  return app;
}
