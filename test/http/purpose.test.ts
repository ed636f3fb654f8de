import { expect, it } from 'vitest';
import { createPerson } from '../dashboard/person.ts';
import { commandLine } from '../support/cli.ts';
import { openStage, startStages } from '../support/promotion.ts';
import { operatorClient, TOKENS } from '../support/server.ts';
import { expectProblem, sharedServer } from './shared-server.ts';

const server = sharedServer({ bootstrap: { channels: [{ name: 'c', target: '16.4.7' }] } });

it.each([
  ['demo', ['16.4.8', '16.4.8-rc.1', '16.5.0-beta.1', '16.5.0-alpha.1'], ['16.5.0-dev']],
  ['staging', ['16.4.8', '16.4.8-rc.1', '16.5.0-beta.1'], ['16.5.0-alpha.1', '16.5.0-dev']],
  ['production', ['16.4.8'], ['16.4.8-rc.1', '16.5.0-beta.1', '16.5.0-alpha.1', '16.5.0-dev']],
])('a channel for %s takes %j and not %j (RFD 12, Suffixes)', async (purpose, good, bad) => {
  const api = operatorClient(server(), 'operator');
  expect((await api('PUT', '/channels/c', { purpose })).body.purpose).toBe(purpose);
  const check = async (version: string) => (await api('POST', '/channels/c/check', { version })).body;
  for (const version of good) expect(await check(version), version).toMatchObject({ allowed: true, warnings: [] });
  for (const version of bad) {
    const detail = expect.stringContaining(
      `the channel is for ${purpose} (RFD 12, Suffixes) and accepts stable and cloud`,
    );
    expect((await check(version)).reasons, version).toContainEqual({ reason: 'kind_not_accepted', detail });
  }
});

it('is overridden by what the channel accepts, and the log says so', async () => {
  const api = operatorClient(server(), 'operator');
  await api('PUT', '/channels/c', { purpose: null });
  const cli = commandLine(server());
  const set = await cli([
    'channel',
    'set',
    'c',
    '--purpose',
    'production',
    '--accepts',
    'stable,beta',
    '--reason',
    'trial',
    '--yes',
  ]);
  expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining('production') });
  const words = 'is for production and accepts beta versions anyway (RFD 12, Suffixes)';
  const last = async () => (await api('GET', '/audit?limit=1')).body.entries[0].reason;
  expect(await last()).toBe(`trial (c ${words})`);
  const { body } = await api('POST', '/channels/c/roll-forward', { version: '16.5.0-beta.1', reason: 'try' });
  expect(body.report.warnings).toContainEqual({ reason: 'beyond_purpose', detail: `the channel ${words}` });
  expect(await last()).toBe(`try (the channel ${words})`);
  const person = createPerson(server());
  await person.signIn(TOKENS.operator);
  expect((await person.get('/channels/c')).text).toContain('for production');
  expect((await person.get('/channels/c/settings')).text).toContain('Purpose (optional)');
  const bad = await api('PUT', '/channels/c', { purpose: 'moon' });
  expectProblem(bad, 422, 'invalid', /purpose/);
  const { channels } = (await api('GET', '/export')).body;
  const applied = { fairway: 1, channels: [{ ...channels[0], purpose: 'staging', accepts: undefined }] };
  expect((await operatorClient(server())('POST', '/apply', applied)).status).toBe(200);
  expect((await api('GET', '/channels/c')).body.accepts).toEqual(['stable', 'cloud', 'rc', 'beta']);
  expect((await api('PUT', '/channels/c', { purpose: null })).body).toMatchObject({ purpose: null });
});

it('of a stage is overridden by what the stage accepts, and the log says so', async () => {
  const stage = openStage('canary', { automatic: false, purpose: 'production', accepts: ['cloud', 'beta'] });
  const { api, register, act } = await startStages([stage]);
  const version = '16.5.0-beta.1';
  await register(version, { commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z' });
  expect((await act('promote', {}, version)).status).toBe(200);
  const { entries } = (await api('GET', '/audit?limit=5')).body;
  const { after } = entries.find(({ action }: { action: string }) => action === 'promote');
  expect(after.stages.canary.started.reason).toBe(
    'test (stage canary is for production and accepts beta versions anyway (RFD 12, Suffixes))',
  );
});
