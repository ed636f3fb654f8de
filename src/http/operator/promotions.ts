import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Action } from '../../domain/role.ts';
import type { ChangeRequest } from '../../service/change.ts';
import type { Promotions, PromotionView } from '../../service/promotions.ts';
import type { OperatorEnv } from '../auth.ts';
import { DryRun } from '../schemas/fields.ts';
import { pageOf } from '../schemas/page.ts';
import * as schemas from '../schemas/promotions.ts';
import { ReleaseVersion } from '../schemas/releases.ts';
import { answers, body, Conditions, etag, guarded, operationId, readRequest } from './route.ts';

const tags = ['promotion'];
const versionParam = z.object({ version: ReleaseVersion });
const promotionAnswer = answers('Each stage, its gates, and what happens next.', schemas.Promotion);

const read = createRoute({
  method: 'get',
  path: '/releases/{version}/promotion',
  operationId: 'getPromotion',
  tags,
  summary: 'How far a release is, what it waits for, and what happens next',
  ...guarded('read'),
  request: { params: versionParam },
  responses: promotionAnswer,
});

const list = createRoute({
  method: 'get',
  path: '/promotions',
  operationId: 'listPromotions',
  tags,
  summary: 'The promotions by state, a page at a time',
  ...guarded('read'),
  request: { query: schemas.PromotionQuery },
  responses: answers('The newest release first.', pageOf('promotions', schemas.PromotionSummary)),
});

const places = createRoute({
  method: 'get',
  path: '/releases/{version}/promotion/stages/{stage}',
  operationId: 'listPromotionPlaces',
  tags,
  summary: 'The control planes and channels of a stage, a page at a time, and what each of them waits for',
  ...guarded('read'),
  request: {
    params: versionParam.extend({ stage: schemas.StageName }),
    query: z.object({
      limit: z.coerce.number().int().min(1).max(500).default(100),
      cursor: z.string().max(20).optional(),
    }),
  },
  responses: answers('Control planes, then channels; the last page has no cursor.', schemas.StagePlaces),
});

/** The methods of `Promotions` that routes are made of; each is an action too. */
type Verb = Exclude<keyof Promotions, 'read' | 'running' | 'page' | 'places'> & Action;

const verbRoute = <S extends z.ZodType>(verb: Verb, summary: string, schema: S) =>
  createRoute({
    method: 'post',
    path: `/releases/{version}/${verb}` as '/releases/{version}/verb',
    operationId: operationId(verb, 'Release'),
    tags,
    summary,
    ...guarded(verb),
    request: { params: versionParam, query: DryRun, headers: Conditions, ...body(schema) },
    responses: promotionAnswer,
  });

/** `/releases/{version}/promotion` and the verbs of a promotion. */
export function promotionRoutes(promotions: Promotions) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(read, async (c) => {
    const promotion = await promotions.read(c.req.valid('param').version, c.get('actor'));
    return c.json(promotion, 200, { ETag: etag(promotion.revision) });
  });

  app.openapi(list, (c) => {
    const { state, ...query } = c.req.valid('query');
    const { items, next } = promotions.page(c.get('actor'), state, query);
    return c.json({ promotions: items, next }, 200);
  });

  app.openapi(places, async (c) => {
    const { version, stage } = c.req.valid('param');
    const { limit, cursor } = c.req.valid('query');
    const page = cursor === undefined ? { limit } : { limit, cursor };
    return c.json(await promotions.places(version, stage, page, c.get('actor')), 200);
  });

  function verb<I extends { dryRun?: boolean | undefined }>(
    name: Verb,
    summary: string,
    schema: z.ZodType<I>,
    act: (version: string, input: Omit<I, 'dryRun'>, request: ChangeRequest) => Promise<PromotionView>,
  ): void {
    app.openapi(verbRoute(name, summary, schema), async (c) => {
      const { dryRun, ...input } = c.req.valid('json') as I;
      const promotion = await act(c.req.valid('param').version, input, readRequest(c, dryRun));
      return c.json(promotion, 200, { ETag: etag(promotion.revision) });
    });
  }

  verb(
    'approve',
    'Approve a stage; the person who registered the release may not',
    schemas.Approve,
    promotions.approve,
  );
  verb('promote', 'Start the next stage if it passes all gates', schemas.Promote, promotions.promote);
  verb(
    'expedite',
    'Shorten the soaks of a fix, to the least that the settings allow',
    schemas.Expedite,
    promotions.expedite,
  );
  verb('halt', 'Halt the promotion', schemas.Halt, promotions.halt);
  verb('resume', 'Resume the promotion where it was halted', schemas.Resume, promotions.resume);
  verb('supersede', 'End the promotion in favour of a fixed release', schemas.Supersede, promotions.supersede);
  return app;
}
