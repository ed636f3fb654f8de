import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { firstMoves, type Recall, type RecallResult } from '../../service/recall.ts';
import type { Releases } from '../../service/releases.ts';
import type { SignOffs } from '../../service/sign-offs.ts';
import type { OperatorEnv } from '../auth.ts';
import { DryRun } from '../schemas/fields.ts';
import { pageOf } from '../schemas/page.ts';
import * as schemas from '../schemas/releases.ts';
import { jsonInSlices } from '../sliced.ts';
import { answers, body, Conditions, etag, guarded, readRequest } from './route.ts';

const tags = ['releases'];
const MAX_HISTORY = 4 * 1024 * 1024;
/** 500 changes with long titles. */
const MAX_RELEASE = 512 * 1024;
const versionParam = z.object({ version: schemas.ReleaseVersion });

const list = createRoute({
  method: 'get',
  path: '/releases',
  operationId: 'listReleases',
  tags,
  summary: 'Known releases, newest first, a page at a time',
  ...guarded('read'),
  request: { query: schemas.ReleaseQuery },
  responses: answers('The catalogue.', pageOf('releases', schemas.Release)),
});

const register = createRoute({
  method: 'post',
  path: '/releases',
  operationId: 'registerRelease',
  tags,
  summary: 'Register a release; repeating a registration changes nothing',
  ...guarded('register-release', MAX_RELEASE),
  request: { query: DryRun, ...body(schemas.RegisterRelease) },
  responses: {
    ...answers('It was already registered.', schemas.Release),
    201: { description: 'New.', content: { 'application/json': { schema: schemas.Release } } },
  },
});

const importHistory = createRoute({
  method: 'post',
  path: '/releases/import',
  operationId: 'importReleases',
  tags,
  summary: 'Import a release history into the catalogue',
  ...guarded('register-release', MAX_HISTORY),
  request: body(schemas.ImportReleases),
  responses: answers('How many entries were new, known or skipped.', schemas.ImportResult),
});

const support = createRoute({
  method: 'get',
  path: '/releases/support',
  operationId: 'getSupportWindow',
  tags,
  summary: 'The supported majors',
  ...guarded('read'),
  responses: answers('Newest first.', schemas.SupportWindow),
});

const backports = createRoute({
  method: 'get',
  path: '/releases/backport-plan',
  operationId: 'planBackports',
  tags,
  summary: 'Which branches a change goes to, and which releases result',
  ...guarded('read'),
  request: { query: schemas.BackportQuery },
  responses: answers('The plan.', schemas.BackportPlan),
});

const mint = createRoute({
  method: 'get',
  path: '/releases/mint',
  operationId: 'mintCloudVersion',
  tags,
  summary: 'The cloud version of a commit',
  ...guarded('read'),
  request: { query: schemas.MintQuery },
  responses: answers('The version; nothing is registered.', schemas.Minted),
});

const cutBranch = createRoute({
  method: 'post',
  path: '/releases/cut-branch',
  operationId: 'cutBranch',
  tags,
  summary: 'Declare that `branch/vN` was cut, which raises the major of cloud releases',
  ...guarded('register-release'),
  request: { query: DryRun, ...body(schemas.CutBranch) },
  responses: answers('The declared branches, and the majors of cloud releases.', schemas.BranchCuts),
});

const read = createRoute({
  method: 'get',
  path: '/releases/{version}',
  operationId: 'getRelease',
  tags,
  summary: 'One release',
  ...guarded('read'),
  request: { params: versionParam },
  responses: answers('The release.', schemas.Release),
});

const tagPlan = createRoute({
  method: 'get',
  path: '/releases/{version}/tags',
  operationId: 'planTags',
  tags,
  summary: 'The Docker tags that the release creates and moves',
  ...guarded('read'),
  request: { params: versionParam },
  responses: answers('A plan that a registry script can apply.', schemas.TagPlan),
});

const explain = createRoute({
  method: 'get',
  path: '/versions/{version}',
  operationId: 'explainVersion',
  tags,
  summary: 'Explain a version: kind, line, branch, support, tags',
  ...guarded('read'),
  request: { params: versionParam },
  responses: answers('The explanation.', schemas.VersionExplanation),
});

const artifacts = createRoute({
  method: 'post',
  path: '/releases/{version}/artifacts',
  operationId: 'publishArtifacts',
  tags,
  summary: 'Record what was built and published',
  ...guarded('publish-artifacts'),
  request: { params: versionParam, query: DryRun, headers: Conditions, ...body(schemas.PublishArtifacts) },
  responses: answers('The release.', schemas.Release),
});

const pull = createRoute({
  method: 'post',
  path: '/releases/{version}/pull',
  operationId: 'pullRelease',
  tags,
  summary: 'Withdraw a bad release; every channel that serves it moves in the same commit',
  ...guarded('pull'),
  request: { params: versionParam, query: DryRun, headers: Conditions, ...body(schemas.Pull) },
  responses: answers('The release, and where each channel went.', schemas.RecallResult),
});

const liftEmbargo = createRoute({
  method: 'post',
  path: '/releases/{version}/lift-embargo',
  operationId: 'liftEmbargo',
  tags,
  summary: 'Make a release public; channels can be rolled forward to it in the same commit',
  ...guarded('lift-embargo'),
  request: { params: versionParam, query: DryRun, headers: Conditions, ...body(schemas.LiftEmbargo) },
  responses: answers('The release, and where each channel went.', schemas.RecallResult),
});

const signOff = createRoute({
  method: 'post',
  path: '/releases/{version}/changes/{pr}/sign-off',
  operationId: 'signOffChange',
  tags,
  summary: 'Sign off a change by hand, or withdraw the sign-off with `signedOff: false`',
  ...guarded('sign-off'),
  request: {
    params: versionParam.extend({ pr: schemas.PullRequest }),
    query: DryRun,
    headers: Conditions,
    ...body(schemas.SignOff),
  },
  responses: answers('The release.', schemas.Release),
});

const flag = (text: 'true' | 'false' | undefined) => (text === undefined ? undefined : text === 'true');

/** `/releases` and `/versions`. */
export function releaseRoutes(releases: Releases, recall: Recall, signOffs: SignOffs) {
  const app = new OpenAPIHono<OperatorEnv>();
  app.openapi(list, (c) => {
    const { security, embargoed, pulled, ...filter } = c.req.valid('query');
    const flags = { security: flag(security), embargoed: flag(embargoed), pulled: flag(pulled) };
    const { items, next } = releases.page(c.get('actor'), { ...filter, ...flags });
    return jsonInSlices(c, { releases: items, next });
  });
  app.openapi(register, async (c) => {
    const { release, created } = await releases.register(c.req.valid('json'), readRequest(c));
    return c.json(release, created ? 201 : 200, { ETag: etag(release.revision) });
  });
  app.openapi(importHistory, async (c) => c.json(await releases.import(c.req.valid('json'), c.get('actor')), 200));
  app.openapi(support, (c) => c.json(releases.support(c.get('actor')), 200));
  app.openapi(backports, (c) => {
    const { urgency, ...needs } = c.req.valid('query');
    return c.json(releases.backports(urgency, needs, c.get('actor')), 200);
  });
  app.openapi(mint, (c) => {
    const { at, ...input } = c.req.valid('query');
    return c.json(releases.mint({ ...input, at: at === undefined ? undefined : new Date(at) }, c.get('actor')), 200);
  });
  app.openapi(cutBranch, async (c) => {
    const { major, reason, dryRun } = c.req.valid('json');
    return c.json(await releases.cutBranch(major, reason, readRequest(c, dryRun)), 200);
  });
  app.openapi(read, (c) => {
    const release = releases.read(c.req.valid('param').version, c.get('actor'));
    return c.json(release, 200, { ETag: etag(release.revision) });
  });
  app.openapi(tagPlan, (c) => c.json(releases.tags(c.req.valid('param').version, c.get('actor')), 200));
  app.openapi(explain, (c) => c.json(releases.explain(c.req.valid('param').version, c.get('actor')), 200));
  app.openapi(artifacts, async (c) => {
    const release = await releases.publish(c.req.valid('param').version, c.req.valid('json'), readRequest(c));
    return c.json(release, 200, { ETag: etag(release.revision) });
  });
  app.openapi(pull, async (c) => {
    const { dryRun, ...input } = c.req.valid('json');
    const result = await recall.pull(c.req.valid('param').version, input, readRequest(c, dryRun));
    return c.json(shown(result), 200, { ETag: etag(result.release.revision) });
  });
  app.openapi(liftEmbargo, async (c) => {
    const { dryRun, ...input } = c.req.valid('json');
    const result = await recall.liftEmbargo(c.req.valid('param').version, input, readRequest(c, dryRun));
    return c.json(shown(result), 200, { ETag: etag(result.release.revision) });
  });
  app.openapi(signOff, async (c) => {
    const { version, pr } = c.req.valid('param');
    const { signedOff = true, reason = '' } = c.req.valid('json');
    const release = await signOffs.byHand(version, pr, { signedOff, reason }, readRequest(c));
    return c.json(release, 200, { ETag: etag(release.revision) });
  });
  return app;
}

/** Channels that are named in one answer: 10,000 of them would take megabytes. */
const MOST_SHOWN = 500;

const shown = ({ release, channels }: RecallResult) => ({ release, ...firstMoves(channels, MOST_SHOWN) });
