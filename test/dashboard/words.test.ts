import { expect, it } from 'vitest';
import { operatorClient, QUICKSTART, startServer, type TestServer, TOKENS } from '../support/server.ts';
import { createPerson } from './person.ts';
import { inventory } from './sample-fleet.ts';

const CHANNEL = '/channels/stable%2Fcloud';

async function personOf(server: TestServer) {
  const person = createPerson(server);
  await person.signIn(TOKENS.operator);
  return person;
}

const act = (server: TestServer, verb: string, body: object) =>
  operatorClient(server)('POST', `${CHANNEL}/${verb}`, { reason: 'test', ...body });

/** What a person reads: the text of the main part. */
const words = (text: string): string =>
  text
    .slice(text.indexOf('<main'), text.indexOf('</main>'))
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replace(/\s+/g, ' ');

it('clears a critical mark on a page that says so, and can mark again', async () => {
  const server = await startServer(QUICKSTART);
  await act(server, 'critical', { critical: true });
  const person = await personOf(server);
  const page = await person.get(`${CHANNEL}/critical`);
  expect(words(page.text)).toMatch(/Clear the critical mark.*Agents wait for their maintenance window again/);
  expect(page.text).not.toContain('Mark critical');
  expect(page.text).not.toContain('name="until"');
  const preview = await person.submit(`${CHANNEL}/critical`, { reason: 'over', critical: 'false' });
  expect(preview.text).toContain('Clear the critical mark</button>');
  const again = await person.get(`${CHANNEL}/critical?critical=true`);
  expect(words(again.text)).toContain('Mark critical');
  expect(again.text).toContain('name="until"');
});

it('says in the audit log whether a channel was marked critical or cleared', async () => {
  const server = await startServer(QUICKSTART);
  await act(server, 'critical', { critical: true, reason: 'hurry' });
  await act(server, 'critical', { critical: false, reason: 'calm' });
  const person = await personOf(server);
  for (const path of ['/audit', `${CHANNEL}/history`]) {
    const text = words((await person.get(path)).text);
    expect(text).toMatch(/critical mark cleared.*calm.*marked critical.*hurry/);
  }
});

it('has the watch and the freezes of a change in words in the history', async () => {
  const server = await startServer(QUICKSTART);
  const settings = {
    watch: { maxReverted: '1%', conditions: [{ name: 'errors', query: 'up == 1' }] },
    freezes: [{ from: '2026-12-23T00:00:00Z', until: '2026-12-27T00:00:00Z', reason: 'holidays' }],
    reason: 'calm days',
  };
  expect((await operatorClient(server)('PUT', CHANNEL, settings)).status).toBe(200);
  const text = words((await (await personOf(server)).get(`${CHANNEL}/history`)).text);
  expect(text).toMatch(/watch for 2h; maxReverted 1%; .*; errors: up == 1 for 1m; then halt/);
  expect(text).toMatch(/holidays \(lets through: roll-back, critical\)/);
  expect(text).not.toContain('{');
});

it('does not announce moves that a change does not make', async () => {
  const server = await startServer(QUICKSTART);
  await operatorClient(server)('POST', '/inventory?channel=stable%2Fcloud', inventory('a', { '16.4.3': 12 }));
  await act(server, 'critical', { critical: true });
  await act(server, 'pin', {});
  const person = await personOf(server);
  const preview = words((await person.submit(`${CHANNEL}/unpin`, { reason: 'over' })).text);
  expect(preview).toContain('No agent moves because of this change.');
  expect(preview).not.toContain('at once');
});

it('does not call a refused move critical because the present target is', async () => {
  const server = await startServer(QUICKSTART);
  await operatorClient(server)(
    'POST',
    '/inventory?channel=stable%2Fcloud',
    inventory('a', { '15.4.2': 12, '16.4.3': 1 }),
  );
  await act(server, 'critical', { critical: true });
  const person = await personOf(server);
  const form = { version: '15.4.7', reason: 'back' };
  const refused = words((await person.submit(`${CHANNEL}/roll-back`, form)).text);
  expect(refused).toMatch(/This would be refused.*12 each in its maintenance window/);
  const hurried = words((await person.submit(`${CHANNEL}/roll-back`, { ...form, critical: 'true' })).text);
  expect(hurried).toMatch(/12 at once, because it is critical/);
});

it('calls a mistyped form faulty, not refused, and names the fields as the form does', async () => {
  const person = await personOf(await startServer(QUICKSTART));
  const reply = await person.submit(`${CHANNEL}/roll-forward`, { version: 'sixteen', reason: '' });
  expect(reply.status).toBe(422);
  expect(words(reply.text)).toMatch(
    /Faults in the form Version : "sixteen" is not a version.* Reason : must not be empty/,
  );
  expect(words(reply.text)).not.toContain('refused');
});

it.each([
  [`${CHANNEL}/agents?version=sixteen&host=web`, 'value="sixteen"', 'value="web"'],
  ['/control-planes/main?version=sixteen', 'value="sixteen"', 'Check a version'],
])('keeps the form of %s', async (path, ...kept) => {
  const server = await startServer(QUICKSTART);
  const reply = await (await personOf(server)).get(path);
  expect(reply.status).toBe(422);
  expect(reply.text).toContain('is not a version');
  for (const part of kept) expect(reply.text).toContain(part);
});

it('keeps what was typed about a control plane', async () => {
  const reply = await (await personOf(await startServer(QUICKSTART))).submit('/control-planes', {
    name: 'main',
    version: 'sixteen',
  });
  expect(reply.status).toBe(422);
  expect(reply.text).toContain('value="main"');
  expect(reply.text).toContain('value="sixteen"');
});

it('separates the channels that serve a release, and sums up the rest', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `tenant-${index}`);
  const server = await startServer({
    bootstrap: { channels: names.map((name) => ({ name, target: '16.4.6' })), controlPlanes: {} },
  });
  await operatorClient(server, 'release-manager')('POST', '/releases/import', [
    { version: '16.4.6', date: null, security: false },
  ]);
  const person = await personOf(server);
  for (const path of ['/releases', '/releases/16.4.6']) {
    const reply = await person.get(path);
    expect(words(reply.text)).toMatch(/tenant-0 , tenant-1 , .* and 4 more channels/);
  }
});

it('shows no paths of the API, no machine words and no milliseconds', async () => {
  const server = await startServer(QUICKSTART);
  const client = operatorClient(server);
  await client('POST', '/inventory?channel=stable%2Fcloud', inventory('a', { '14.3.3': 2, '16.4.6': 12 }));
  await act(server, 'pin', { until: '2100-01-01T18:00:00Z' });
  const person = await personOf(server);
  const replies = [
    await person.get('/channels/nowhere'),
    await person.get('/control-planes/nowhere'),
    await person.get('/releases/1.0.0'),
    await person.get(CHANNEL),
    await person.get('/audit'),
    await person.get('/agents/a-14-3-3-0000'),
    await person.get(`${CHANNEL}/check?version=17.0.1`),
    await person.submit(`${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'x' }),
  ];
  for (const { text } of replies) {
    expect(words(text)).not.toMatch(/\/api\/v1|\b(GET|PUT|POST) \/|\d\dT\d\d:|\.\d{3}Z|[a-z]_[a-z]|[a-z][A-Z]/);
  }
});
