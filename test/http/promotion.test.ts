import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { instance } from '../fixtures/inventory.ts';
import { FIX, openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

/** A peer whose answer to every query is given. */
async function startPeer(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const gateOf = (promotion: { stages: { gates: { gate: string }[] }[] }, name: string) =>
  promotion.stages[0]?.gates.find(({ gate }) => gate === name);

describe('a promotion', () => {
  it('is created only for the kinds of releases that the first stage accepts', async () => {
    const { api, register } = await startStages([openStage('canary', { automatic: false })]);
    await register();
    expect((await api('GET', `/releases/${RELEASE}/promotion`)).body).toMatchObject({
      version: RELEASE,
      stage: 'canary',
      next: 'canary: waits for someone to promote it',
    });
    expectProblem(
      await api('GET', '/releases/16.4.7/promotion'),
      404,
      'not_found',
      /16.4.7 has no promotion; only registered releases of these kinds do: cloud/,
    );
  });

  it('is refused a step that the table does not have', async () => {
    const { register, act, states } = await startStages([openStage('canary', { automatic: false }), openStage('next')]);
    await register();
    expectProblem(await act('resume'), 409, 'refused', /stage canary is waiting, which does not allow resume/);
    expectProblem(
      await act('promote', { stage: 'next' }),
      409,
      'refused',
      /stage next is waiting; the current stage is canary/,
    );
    expectProblem(await act('promote', { stage: 'moon' }), 422, 'invalid', /the stages are canary, next/);
    expect(await act('promote', { dryRun: true })).toMatchObject({ status: 200 });
    expect(await states()).toEqual(['waiting', 'waiting']);
  });

  it('waits for a channel that is pinned or missing, and moves the others', async () => {
    const { api, register, until, read } = await startStages([openStage('canary', { channels: ['a', 'b'] })]);
    await api('POST', '/channels/a/pin', { reason: 'freeze' });
    await register();
    await until('canary', 'rolling');
    await expect.poll(async () => (await api('GET', '/channels/b')).body.target).toBe(RELEASE);
    expect((await read()).next).toContain('a: pinned by token release-manager: freeze');
    await api('POST', '/channels/a/unpin', { reason: 'thaw' });
    await until('canary', 'soaking');
  });

  it('does not move a channel again that an operator took back while it rolls', async () => {
    const { api, register, read } = await startStages([openStage('canary', { channels: ['a', 'b'] })]);
    await api('POST', '/channels/a/pin', { reason: 'freeze' });
    await register();
    await expect.poll(async () => (await api('GET', '/channels/b')).body.target).toBe(RELEASE);
    await api('POST', '/channels/b/withdraw', { reason: 'incident' });
    await expect.poll(async () => (await read()).next).toContain('b: held by token release-manager: incident');
    expect((await api('GET', '/channels/b')).body.target).toBeNull();
  });

  it('halts by itself when a channel is moved back while it soaks', async () => {
    const { api, register, until, read } = await startStages([openStage('canary')]);
    await register();
    await until('canary', 'soaking');
    await api('POST', '/channels/canary/withdraw', { reason: 'incident' });
    await until('canary', 'halted');
    expect((await read()).next).toContain('canary no longer serves');
  });

  it('ends in favour of a fix', async () => {
    const { register, act, until, states } = await startStages([openStage('canary')]);
    await register();
    await until('canary', 'soaking');
    expectProblem(await act('supersede', { by: '16.4.7' }), 409, 'not_newer', /name the fixed release/);
    expectProblem(await act('supersede', { by: FIX }), 404, 'not_found', /no release/);
    const building = { controlPlane: 'building', packages: 'building' };
    await register(FIX, { artifacts: building });
    expect((await act('supersede', { by: FIX })).body).toMatchObject({ supersededBy: FIX });
    expect(await states()).toEqual(['superseded']);
    expectProblem(await act('supersede', { by: FIX }), 409, 'refused', /is over/);
  });

  it('that is overtaken while it soaks stops, and never reaches the next stage', async () => {
    const stages = [openStage('canary', { soak: '2s' }), openStage('internal')];
    const { api, register, until, read, states } = await startStages(stages);
    await register();
    await until('canary', 'soaking');
    await register(FIX);
    await until('canary', 'superseded');
    expect(await states()).toEqual(['superseded', 'skipped']);
    expect(await read()).toMatchObject({
      supersededBy: FIX,
      stages: [{ ended: { by: 'system:promotion', reason: `canary serves ${FIX}, which is newer` } }, {}],
      next: `canary: nothing: it was superseded: canary serves ${FIX}, which is newer`,
    });
    await until('internal', 'soaking', FIX);
    expect((await api('GET', '/audit?limit=50')).body.entries).toContainEqual(
      expect.objectContaining({ action: 'supersede', subject: `promotion/${RELEASE}` }),
    );
  });

  it('that comes after a newer one is skipped, whatever its stage waits for', async () => {
    const { register, until, read } = await startStages([openStage('canary', { automatic: false })], {
      bootstrap: { channels: [{ name: 'canary', target: FIX }] },
    });
    await register();
    await until('canary', 'skipped');
    expect(await read()).toMatchObject({
      supersededBy: FIX,
      next: `canary: nothing: it was skipped: canary serves ${FIX}, which is newer`,
    });
  });

  it('needs the sign-off of what its predecessors bring, until the stage has had it', async () => {
    const stages = [openStage('canary', { soak: '1ms' }), openStage('internal', { automatic: false, signOff: true })];
    const { api, register, act, until } = await startStages(stages);
    await register(RELEASE, { changes: [{ pr: 5002, title: 'x', significant: true }] });
    await until('canary', 'complete');
    await register(FIX, { previous: RELEASE, cutAt: '2024-11-13T10:15:30Z', changes: [] });
    await until('canary', 'complete', FIX);
    const closed = new RegExp(`signed_off \\(not signed off: 5002 of ${RELEASE}\\)`);
    expectProblem(await act('promote', {}, FIX), 409, 'refused', closed);
    await api('POST', `/releases/${RELEASE}/changes/5002/sign-off`, { signedOff: true, reason: 'tested' });
    expect(await act('promote', {}, FIX)).toMatchObject({ status: 200 });
    await until('internal', 'soaking', FIX);
  });

  it('is halted when a sign-off is withdrawn while it rolls or soaks, its own or that of a predecessor', async () => {
    const stages = [openStage('canary', { soak: '1ms' }), openStage('internal', { signOff: true })];
    const { api, register, act, until, read } = await startStages(stages);
    const changes = (pr: number) => ({ changes: [{ pr, title: 'x', significant: true }] });
    const sign = (version: string, pr: number, signedOff: boolean) =>
      api('POST', `/releases/${version}/changes/${pr}/sign-off`, { signedOff, reason: 'test' });
    await api('POST', '/channels/internal/pin', { reason: 'freeze' });
    await register(RELEASE, changes(1));
    await until('canary', 'complete');
    await register(FIX, { previous: RELEASE, cutAt: '2024-11-13T10:15:30Z', ...changes(2) });
    await act('supersede', { by: FIX });
    await sign(RELEASE, 1, true);
    await sign(FIX, 2, true);
    await until('internal', 'rolling', FIX);
    await sign(FIX, 2, false);
    await until('internal', 'halted', FIX);
    expect((await read(FIX)).stages[1].halted.reason).toBe('not signed off any more: 2');
    await sign(FIX, 2, true);
    await api('POST', '/channels/internal/unpin', { reason: 'thaw' });
    await act('resume', {}, FIX);
    await until('internal', 'soaking', FIX);
    await sign(RELEASE, 1, false);
    await until('internal', 'halted', FIX);
    expect((await read(FIX)).stages[1].halted.reason).toBe(`not signed off any more: 1 of ${RELEASE}`);
  });

  it('does not pass a stage without channels and control planes', async () => {
    const stages = [openStage('canary', { channels: [], soak: '1ms' }), openStage('internal', { automatic: false })];
    const { api, register, act, read, states } = await startStages(stages);
    await register();
    expect(await states()).toEqual(['empty', 'waiting']);
    expect((await read()).next).toMatch(/^canary: nothing: stage canary is empty; name its channels/);
    expectProblem(
      await act('promote'),
      409,
      'refused',
      /may not go to internal yet: previous_stage \(stage canary is empty/,
    );
    expectProblem(await act('promote', { stage: 'canary' }), 409, 'refused', /not_empty \(stage canary is empty/);
    expect((await api('GET', '/channels/internal')).body.target).toBe('16.4.7');
  });

  it('has the empty stages of its settings named at the start, and not those that wait for tenants of a class', async () => {
    const lines: { stages?: string[]; level: number }[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
    const none = { channels: [] };
    const tenants = { class: 'trials' };
    const stages = [openStage('canary', none), openStage('trials', { ...none, tenants }), openStage('rest')];
    await startStages(stages, {}, { log });
    expect(lines.flatMap(({ level, stages }) => (stages ? [{ level, stages }] : []))).toEqual([
      { level: 40, stages: ['canary'] },
    ]);
  });

  it('is not started while an enrolled agent would be stranded', async () => {
    const { api, register, read } = await startStages([openStage('canary')]);
    const instances = [instance(0, '17.0.0', 'cluster'), instance(1, '15.4.10'), instance(2, '16.4.7')];
    expect(await api('POST', '/inventory?channel=canary', instances)).toMatchObject({ status: 200 });
    await register();
    expect(gateOf(await read(), 'compatible')).toMatchObject({
      passed: false,
      reason: expect.stringContaining('1 agent at 15.4.10 would skip a major'),
    });
  });

  it('is controlled by release managers only, and needs two of them', async () => {
    const { server, register, act } = await startStages([openStage('canary', { automatic: false, approval: true })]);
    await register();
    const operator = operatorClient(server, 'operator');
    const body = { stage: 'canary', reason: 'test' };
    expectProblem(await operator('POST', `/releases/${RELEASE}/approve`, body), 403, 'forbidden', /release-manager/);
    expectProblem(await act('approve', { stage: 'canary' }), 403, 'forbidden', /someone else must approve/);
    expectProblem(await act('promote'), 409, 'refused', /approved \(no release manager other than/);
    await operatorClient(server)('POST', `/releases/${RELEASE}/approve`, body);
    expect(await act('promote')).toMatchObject({ status: 200 });
  });
});

describe('a condition', () => {
  const vector = (result: unknown[]) => JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });

  it.each<[what: string, listener: RequestListener, reason: RegExp | null]>([
    ['a series', (_, response) => response.end(vector([{ metric: {}, value: [0, '0'] }])), null],
    ['no series', (_, response) => response.end(vector([])), /no series satisfies it/],
    [
      'an error of the query',
      (_, r) => r.writeHead(422).end('{"status":"error","error":"parse error"}'),
      /parse error/,
    ],
    ['a status', (_, response) => response.writeHead(502).end('<html>'), /it answered 502/],
    ['something other than Prometheus', (_, response) => response.end('hello'), /it answered 200/],
    ['a scalar', (_, r) => r.end('{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}'), /scalar/],
    ['a redirect', (_, response) => response.writeHead(302, { Location: '/' }).end(), /it answered 302/],
    ['too much', (_, response) => response.end('x'.repeat(2 * 1024 * 1024)), /larger than 1048576 bytes/],
    ['nothing in time', () => {}, /did not answer completely within 200 ms/],
    ['a broken connection', (request) => request.socket.destroy(), /the query failed/],
  ])('is judged by an answer of %s', async (_, listener, reason) => {
    const url = await startPeer(listener);
    const stage = openStage('canary', { automatic: false, conditions: [{ name: 'calm', query: 'errors < 1' }] });
    const prometheus = { url, deadline: '200ms' };
    const { register, read } = await startStages([stage], { promotion: { prometheus } });
    await register();
    expect(gateOf(await read(), 'condition:calm')).toEqual({
      gate: 'condition:calm',
      passed: reason === null,
      reason: reason && expect.stringMatching(reason),
    });
  });

  it('that failed a moment ago opens no gate, whatever was answered before', async () => {
    let holds = true;
    const url = await startPeer((_, response) => response.end(vector(holds ? [{ metric: {}, value: [0, '0'] }] : [])));
    const conditions = [{ name: 'calm', query: 'errors < 1' }];
    const stages = [openStage('canary', { automatic: false, soak: '1s', conditions })];
    const { register, read, act, until } = await startStages(stages, { promotion: { prometheus: { url } } });
    await register();
    expect(gateOf(await read(), 'condition:calm')).toMatchObject({ passed: true });
    holds = false;
    // The answer from before is known for some seconds, and does not count.
    expectProblem(await act('promote'), 409, 'refused', /condition:calm \(no series satisfies it\)/);
    holds = true;
    expect((await act('promote')).status).toBe(200);
    await until('canary', 'soaking');
    holds = false;
    const soakedAt = async () => Date.parse((await read()).stages[0].soakedAt);
    await expect.poll(async () => (await soakedAt()) < Date.now() - 200, { timeout: 5_000 }).toBe(true);
    expect((await read()).stages[0]).toMatchObject({
      state: 'soaking',
      next: expect.stringMatching(/unless it is halted, and not before these hold: no series satisfies it$/),
    });
    holds = true;
    await until('canary', 'complete');
  });

  it('sends the credentials of the URL, and never reveals them', async () => {
    const seen: (string | undefined)[] = [];
    const url = await startPeer((request, response) => {
      seen.push(request.headers.authorization, request.url);
      response.writeHead(401).end();
    });
    const stage = openStage('canary', { automatic: false, conditions: [{ name: 'calm', query: 'up' }] });
    const prometheus = { url: `${url.replace('//', '//ann:s3cret@')}/prefix/` };
    const { register, read } = await startStages([stage], { promotion: { prometheus } });
    await register();
    expect(JSON.stringify(await read())).not.toContain('s3cret');
    expect(seen).toEqual([`Basic ${Buffer.from('ann:s3cret').toString('base64')}`, '/prefix/api/v1/query']);
  });
});
