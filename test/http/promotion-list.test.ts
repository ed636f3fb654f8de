import { describe, expect, it } from 'vitest';
import { createPerson } from '../dashboard/person.ts';
import { commandLine } from '../support/cli.ts';
import { FIX, openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient, TOKENS } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

describe('the list of promotions', () => {
  const LATER = '17.0.0-cloud.20241114T101530.f00dfac';

  it('has those that may go on, or those in a state, a page at a time, on every face', async () => {
    const { server, api, register, act, until } = await startStages([openStage('canary', { automatic: false })]);
    await register();
    await register(FIX, { cutAt: '2024-11-13T10:15:30Z' });
    await register(LATER, { cutAt: '2024-11-14T10:15:30Z', embargoed: true });
    await act('supersede', { by: FIX });
    await act('promote', {}, FIX);
    await until('canary', 'soaking', FIX);
    const list = async (query = '', as = api) =>
      (await as('GET', `/promotions${query}`)).body.promotions.map(({ version }: { version: string }) => version);
    expect(await list()).toEqual([LATER, FIX]);
    expect(await list('?state=superseded')).toEqual([RELEASE]);
    expect(await list('?state=soaking')).toEqual([FIX]);
    const first = (await api('GET', '/promotions?state=all&limit=2')).body;
    expect(first).toMatchObject({
      promotions: [
        { version: LATER, state: 'waiting', stage: 'canary', since: null, agents: null, supersededBy: null },
        { version: FIX, state: 'soaking', isExpedited: false, revision: expect.any(Number) },
      ],
      next: FIX,
    });
    expect(await list(`?state=all&after=${first.next}`)).toEqual([RELEASE]);
    await act('pull', {}, FIX);
    expect(await list('?state=pulled')).toEqual([FIX]);
    expect((await api('GET', '/promotions?state=moon')).status).toBe(422);
    // Releases under embargo are not there for others.
    const viewer = operatorClient(server, 'viewer');
    expect(await list('?state=all', viewer)).toEqual([FIX, RELEASE]);

    const cli = await commandLine(server)(['promote', 'list', '--state', 'superseded']);
    expect(cli.stdout).toMatch(new RegExp(`^${RELEASE} +canary +superseded .* ${FIX}$`, 'm'));
    const person = createPerson(server);
    await person.signIn();
    const { text } = await person.get('/promotions?state=superseded');
    expect(text).toContain(RELEASE);
    expect(text).toContain('superseded');
    expect((await person.get('/promotions?state=halted')).text).toContain('No promotion is in this list');
  });
});

describe('a fix that is expedited', () => {
  it('soaks for the least that the settings allow, and skips nothing else', async () => {
    const stages = [
      openStage('canary', { soak: '1h', expeditedSoak: '100ms' }),
      openStage('internal', { signOff: true }),
    ];
    const { server, api, register, act, until, read } = await startStages(stages);
    await register();
    await until('canary', 'soaking');
    const admin = operatorClient(server);
    const expedite = (as = admin) => as('POST', `/releases/${FIX}/expedite`, { reason: 'sessions leak' });
    const change = { pr: 1, title: 'Stop the leak', significant: true };
    await register(FIX, { previous: RELEASE, cutAt: '2024-11-13T10:15:30Z', changes: [change] });
    expectProblem(await expedite(api), 403, 'forbidden', /release-manager registered .* someone else must expedite it/);
    expectProblem(await expedite(), 409, 'refused', /supersedes no release; .*fairway promote supersede VERSION 17/);
    expect((await act('supersede', { by: FIX })).status).toBe(200);
    await until('canary', 'soaking', FIX);
    const operator = operatorClient(server, 'operator');
    expectProblem(await expedite(operator), 403, 'forbidden', /release-manager/);
    expect(await admin('POST', `/releases/${FIX}/expedite`, { reason: 'x', dryRun: true })).toMatchObject({
      status: 200,
    });
    expect((await read(FIX)).expedited).toBeNull();
    const done = await expedite();
    expect(done.body).toMatchObject({ expedited: { by: 'token:admin', reason: 'sessions leak' } });
    await until('canary', 'complete', FIX);
    expect((await read(FIX)).stages[1]).toMatchObject({ state: 'waiting', next: 'waits: not signed off: 1' });
    expectProblem(await expedite(), 409, 'refused', /was expedited already, by token admin/);
    const { entries } = (await api('GET', '/audit?limit=20')).body;
    expect(entries).toContainEqual(expect.objectContaining({ action: 'expedite', subject: `promotion/${FIX}` }));
    const { promotions } = (await api('GET', '/export')).body;
    expect(promotions).toContainEqual(expect.objectContaining({ version: FIX, expedited: done.body.expedited }));
  });

  it('can be expedited on the command line and on its page', async () => {
    const { server, register, act, read } = await startStages([openStage('canary', { automatic: false })]);
    await register();
    await register(FIX, { cutAt: '2024-11-13T10:15:30Z' });
    await act('supersede', { by: FIX });
    const person = createPerson(server);
    await person.signIn(TOKENS.admin);
    const page = await person.get(`/releases/${FIX}/expedite`);
    expect(page.text).toContain('No gate is skipped');
    const cli = await commandLine(server)(['promote', 'expedite', FIX, '--reason', 'leak']);
    expect(cli).toMatchObject({ code: 0, stdout: expect.stringMatching(/expedited +by token admin: leak/) });
    expect((await person.get(`/releases/${FIX}`)).text).toContain('Expedited by token admin: leak');
    expect((await read(FIX)).expedited).toMatchObject({ reason: 'leak' });
  });
});
