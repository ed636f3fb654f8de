import { describe, expect, it } from 'vitest';
import { createPerson } from '../dashboard/person.ts';
import { operatorClient, startServer, TOKENS } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const SECRET = '16.4.8';
const TITLE = 'Fix CVE-2024-0815 in the proxy';

/** A server with a release under embargo that the control plane already runs. */
async function started() {
  const server = await startServer({
    bootstrap: {
      controlPlanes: { main: '16.4.7' },
      channels: [{ name: 'stable/cloud', target: '16.4.7', controlPlane: 'main' }],
    },
  });
  const manager = operatorClient(server, 'release-manager');
  await manager('POST', '/releases/import', [{ version: '16.4.7', date: '2024-11-11', security: false }]);
  const registered = await manager('POST', '/releases', {
    version: SECRET,
    commit: 'f00dfacade',
    cutAt: '2024-11-12T10:15:30Z',
    security: true,
    embargoed: true,
    artifacts: { controlPlane: 'published', packages: 'published' },
    changes: [{ pr: 815, title: TITLE, significant: true }],
  });
  expect(registered.status).toBe(201);
  await manager('PUT', '/control-planes/main', { version: SECRET });
  await fetch(`${server.publicUrl}/v1/version`, { headers: { 'Agent-Id': 'tester', 'Agent-Version': SECRET } });
  return { server, manager, operator: operatorClient(server, 'operator'), viewer: operatorClient(server, 'viewer') };
}

describe('a release under embargo', () => {
  it('is invisible below release-manager in every answer', async () => {
    const { server, manager, operator, viewer } = await started();
    for (const path of [
      '/releases',
      '/releases/support',
      '/releases/16.4.7/tags',
      '/audit',
      '/channels',
      '/channels/stable%2Fcloud/history',
      '/control-planes',
      '/control-planes/main',
      '/census',
      '/agents',
      '/agents/tester',
      '/agents/tester/explain',
      '/export',
      '/changes/815',
    ]) {
      for (const api of [operator, viewer]) {
        const text = JSON.stringify((await api('GET', path)).body);
        for (const secret of [SECRET, TITLE, 'f00dfacade']) expect(text, `GET ${path}`).not.toContain(secret);
      }
    }
    const yaml = await viewer('GET', '/export', undefined, { Accept: 'application/yaml' });
    expect(yaml.body).not.toContain(SECRET);
    expect(await (await fetch(`${server.operatorUrl}/metrics`)).text()).not.toContain(SECRET);
    expect(await (await fetch(`${server.publicUrl}/webapi/find`)).text()).not.toContain(SECRET);
    expect(JSON.stringify((await manager('GET', '/audit')).body)).toContain(TITLE);
    expect((await manager('GET', '/releases')).body.releases[0]).toMatchObject({ version: SECRET, embargoed: true });
  });

  it('is invisible on every page of the dashboard', async () => {
    const { server } = await started();
    const person = createPerson(server);
    await person.signIn(TOKENS.operator);
    const paths = [
      '/',
      '/releases',
      '/audit',
      '/control-planes',
      '/channels/stable%2Fcloud',
      '/channels/stable%2Fcloud/agents',
    ];
    for (const path of [...paths, '/channels/stable%2Fcloud/history', '/channels/stable%2Fcloud/roll-forward']) {
      const { status, text } = await person.get(path);
      expect({ path, status }).toEqual({ path, status: 200 });
      for (const secret of [SECRET, TITLE]) expect(text, path).not.toContain(secret);
    }
    const manager = createPerson(server);
    await manager.signIn(TOKENS['release-manager']);
    expect((await manager.get('/releases')).text).toContain(SECRET);
  });

  it('is not in the plan of backports, which answers as if it was never registered', async () => {
    const { viewer, manager } = await started();
    const plan = (api: typeof viewer) => api('GET', '/releases/backport-plan?urgency=urgent').then(({ body }) => body);
    expect((await plan(viewer)).releases).toEqual([{ version: SECRET, follows: '16.4.7' }]);
    expect((await plan(manager)).releases).toEqual([{ version: '16.4.9', follows: SECRET }]);
  });

  it('is not unmasked by guesses, wherever a request makes them', async () => {
    const { server, viewer } = await started();
    const guesses = Array.from({ length: 500 }, (_, index) => `16.4.${index}`).join(',');
    const person = createPerson(server);
    await person.signIn(TOKENS.viewer);
    const answers = [
      await viewer('GET', '/control-planes', undefined, { Host: `${SECRET}.example.com`, 'X-Guess': guesses }),
      await viewer('GET', '/agents?version=x&version=16.4.8'),
      await viewer('POST', '/control-planes/main/check', { version: '16.4.7', guess: guesses }),
      await viewer('POST', '/channels/stable%2Fcloud/check', { version: '16.4.7', [SECRET]: SECRET }),
    ].map(({ body }) => JSON.stringify(body).replaceAll(guesses, ''));
    for (const page of [`/?x=${guesses}`, `/control-planes?guess=${SECRET}`]) {
      answers.push((await person.get(page)).text.replaceAll(encodeURIComponent(guesses), ''));
    }
    for (const answer of answers) expect(answer.match(/.{0,60}16\.4\.8(?!\d).{0,40}/)?.[0]).toBeUndefined();
  });

  it('cannot be searched for by the hashes of the audit log', async () => {
    const { viewer, manager } = await started();
    const hashes = async (api: typeof viewer, path: string) =>
      (await api('GET', path)).body.entries.map(({ hash }: { hash: string }) => hash);
    for (const path of ['/audit', '/channels/stable%2Fcloud/history']) {
      expect((await hashes(viewer, path)).join('')).toBe('');
      for (const hash of await hashes(manager, path)) expect(hash).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it('stays hidden in answers to unusual requests', async () => {
    const { viewer } = await started();
    expect((await viewer('GET', '/control-planes/%FF')).status).toBeLessThan(500);
    expect(JSON.stringify((await viewer('GET', '/control-planes?x=%FF')).body)).not.toContain(SECRET);
  });

  it('gets the same answers as one that was never registered', async () => {
    const { operator, viewer } = await started();
    const hidden = await viewer('GET', `/releases/${SECRET}`);
    const absent = await viewer('GET', '/releases/16.4.9');
    expect(hidden.status).toBe(404);
    expect(JSON.stringify(hidden.body).replaceAll(SECRET, '16.4.9')).toBe(JSON.stringify(absent.body));
    for (const path of [`/releases/${SECRET}/tags`, `/releases/${SECRET}/promotion`]) {
      expectProblem(await viewer('GET', path), 404, 'not_found', /there is no release 16\.4\.8/);
    }
    const body = { version: SECRET, reason: 'curious' };
    const refused = await operator('POST', '/channels/stable%2Fcloud/roll-forward', body);
    expect(expectProblem(refused, 409, 'refused', /not in the catalogue/).report.reasons).toMatchObject([
      { reason: 'unknown_release' },
    ]);
    const check = await viewer('POST', '/channels/stable%2Fcloud/check', { version: SECRET });
    expect(JSON.stringify(check.body)).not.toContain('embargo');
    const signOff = await operator('POST', `/releases/${SECRET}/changes/815/sign-off`, {});
    expectProblem(signOff, 404, 'not_found', /there is no release/);
  });

  it('is never served, not even when an admin overrides the refusal', async () => {
    const { server } = await started();
    const body = { version: SECRET, reason: 'now', acceptStranding: 0 };
    const refused = await operatorClient(server)('POST', '/channels/stable%2Fcloud/roll-forward', body);
    expectProblem(refused, 409, 'refused', /under embargo/);
  });

  it('is released to its channels in one commit, critical if requested', async () => {
    const { server, manager, viewer } = await started();
    const dry = await manager('POST', `/releases/${SECRET}/lift-embargo`, {
      reason: 'preview',
      channels: ['stable/cloud'],
      dryRun: true,
    });
    expect(dry.body.channels).toMatchObject([{ channel: 'stable/cloud', to: SECRET }]);
    expectProblem(
      await manager('POST', `/releases/${SECRET}/lift-embargo`, { reason: 'published', critical: true }),
      422,
      'invalid',
      /name them in channels/,
    );
    const lifted = await manager('POST', `/releases/${SECRET}/lift-embargo`, {
      reason: 'published',
      channels: ['stable/cloud'],
      critical: true,
    });
    expect(lifted).toMatchObject({ status: 200, body: { release: { embargoed: false } } });
    expect(await (await fetch(`${server.publicUrl}/v1/version`)).text()).toBe(`v${SECRET}`);
    expect(await (await fetch(`${server.publicUrl}/v1/critical`)).text()).toBe('yes');
    const channel = (await viewer('GET', '/channels/stable%2Fcloud')).body;
    expect(channel.revision).toBe(lifted.body.release.revision);
    expect((await viewer('GET', `/releases/${SECRET}`)).body).toMatchObject({ version: SECRET });
    expect(JSON.stringify((await viewer('GET', '/audit')).body)).toContain(TITLE);
    const again = await manager('POST', `/releases/${SECRET}/lift-embargo`, { reason: 'again' });
    expectProblem(again, 409, 'refused', /not under embargo/);
  });

  it('changes nothing if one of its channels refuses', async () => {
    const { manager } = await started();
    await manager('POST', '/channels/stable%2Fcloud/pin', { reason: 'freeze' });
    const lift = { reason: 'published', channels: ['stable/cloud'] };
    expectProblem(await manager('POST', `/releases/${SECRET}/lift-embargo`, lift), 409, 'channel_pinned', /freeze/);
    expect((await manager('GET', `/releases/${SECRET}`)).body.embargoed).toBe(true);
  });
});
