import { describe, expect, it } from 'vitest';
import { operatorClient, QUICKSTART } from '../support/server.ts';
import { expectProblem, sharedServer, stateOf } from './shared-server.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const REASON = { reason: 'test' };
const RELEASE = { version: '16.4.8', commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z' };
const INSTANCE = { metadata: { name: 'a' }, spec: { version: 'v16.4.6', ext_upgrader: 'unit' } };

describe('a query', () => {
  const server = sharedServer(QUICKSTART, {}, async (running) => {
    const releases = [{ version: '16.4.7', date: null, security: false }];
    expect((await operatorClient(running)('POST', '/releases/import', releases)).status).toBe(200);
  });

  it.each<[method: string, path: string, body?: unknown]>([
    ['POST', `${CHANNEL}/withdraw?dryrun=true`, REASON],
    ['POST', `${CHANNEL}/withdraw?dry_run=true`, REASON],
    ['PUT', `${CHANNEL}?DryRun=true`, { description: 'x' }],
    ['POST', '/releases/16.4.7/pull?dry=true', REASON],
    ['POST', '/inventory?channel=stable%2Fcloud&dryRun=true', [INSTANCE]],
    ['POST', '/releases/import?dryRun=true', [{ version: '16.4.5', date: null, security: false }]],
    ['DELETE', '/agents/a?dryRun=true'],
    ['GET', '/agents?olderthan=16.0.0'],
    ['GET', '/agents?channel=stable%2Fcloud&oldest=16.0.0'],
    ['GET', '/channels?name=x'],
  ])('is refused with an unknown parameter: %s %s', async (method, path, body) => {
    const before = await stateOf(server());
    const name = /\b(dry_?run|dry|olderthan|oldest|name)=/i.exec(path)?.[1];
    const reply = await operatorClient(server())(method, path, body);
    expectProblem(reply, 422, 'invalid', new RegExp(`no query parameter "${name}" here; `));
    expect(await stateOf(server())).toEqual(before);
  });

  it('is answered with the list of parameters', async () => {
    const api = operatorClient(server());
    expectProblem(await api('GET', '/audit?size=5'), 422, 'invalid', /the parameters are: limit, before$/);
    expectProblem(await api('GET', '/export?form=yaml'), 422, 'invalid', /the parameters are: none$/);
  });

  it.each<[path: string, body: unknown]>([
    [`${CHANNEL}/check`, { version: '16.4.7' }],
    ['/releases', RELEASE],
    ['/releases/16.4.7/artifacts', { helm: 'building' }],
    ['/releases/16.4.7/pull', REASON],
    ['/releases/16.4.7/lift-embargo', REASON],
    ['/releases/16.4.7/changes/1/sign-off', {}],
    ['/releases/16.4.7/approve', { stage: 'canary', ...REASON }],
    ['/releases/16.4.7/promote', REASON],
    ['/releases/16.4.7/halt', REASON],
    ['/releases/16.4.7/resume', REASON],
    ['/releases/16.4.7/supersede', { by: '16.4.8', ...REASON }],
  ])('makes POST %s a dry run only with dryRun=true', async (path, body) => {
    const api = operatorClient(server());
    const before = await stateOf(server());
    expectProblem(await api('POST', `${path}?dryRun=1`, body), 422, 'invalid', /dryRun.*"true"/);
    const { status } = await api('POST', `${path}?dryRun=true`, body);
    expect([200, 201, 404, 409]).toContain(status);
    expect(await stateOf(server())).toEqual(before);
  });

  it('is checked only after the path and the token', async () => {
    const stranger = operatorClient(server(), null);
    expectProblem(await stranger('GET', '/channels?name=x'), 401, 'unauthenticated');
    expectProblem(await operatorClient(server())('GET', '/nope?x=1'), 404, 'not_found');
  });
});
