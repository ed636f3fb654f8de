import { expect, it } from 'vitest';
import { createPerson } from '../dashboard/person.ts';
import { openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const CHANGE = { pr: 4711, title: 'Rework the recorder', significant: true, author: 'zmb3' };

it('follows a change from its registration to the stage that serves it', async () => {
  const stages = [openStage('canary', { signOff: true }), openStage('internal', { automatic: false })];
  const { server, api, register, until } = await startStages(stages, {
    bootstrap: { controlPlanes: { main: '16.4.7' } },
  });
  expectProblem(await api('GET', '/changes/4711'), 404, 'not_found', /no release has a change 4711.*releases show/);
  await register(RELEASE, { changes: [CHANGE] });
  const open = (await api('GET', '/changes/4711')).body;
  expect(open).toMatchObject({
    ...CHANGE,
    releases: [{ version: RELEASE, signedOff: null, pulled: null }],
    containedIn: { releases: 1, newest: RELEASE },
    stages: [{ stage: 'canary', state: 'waiting' }, { stage: 'internal' }],
    channels: { total: 0, first: [] },
    tenants: { total: 0, of: 1 },
    next: `it waits for its sign-off: fairway releases sign-off ${RELEASE} 4711 --reason "…"`,
  });
  await api('POST', `/releases/${RELEASE}/changes/4711/sign-off`, { reason: 'tested' });
  await until('canary', 'soaking');
  await api('PUT', '/control-planes/main', { version: RELEASE });
  const served = (await operatorClient(server, 'viewer')('GET', '/changes/4711')).body;
  expect(served).toMatchObject({
    stages: [{ stage: 'canary', state: 'soaking', release: RELEASE }, { state: 'waiting' }],
    channels: { total: 1, first: [{ channel: 'canary', target: RELEASE, since: expect.any(String) }] },
    tenants: { total: 1, of: 1, first: [{ controlPlane: 'main', version: RELEASE }] },
    next: expect.stringMatching(/^17\.0\.0-cloud.*canary: /),
  });
  const person = createPerson(server);
  await person.signIn();
  const { text } = await person.get('/changes/4711');
  for (const part of ['Rework the recorder', 'By zmb3', 'soaking', 'canary', '1 of 1 control planes']) {
    expect(text).toContain(part);
  }
  expect((await person.get('/changes/banana')).status).toBe(404);
  expect((await person.get(`/releases/${RELEASE}`)).text).toContain('href="/changes/4711"');
});
