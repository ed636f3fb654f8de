import { expect, it } from 'vitest';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';
import { createPerson } from './person.ts';

const CHANNEL = '/channels/stable%2Fcloud';

it('a person schedules a change on a page, sees it, and cancels it there', async () => {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  const person = createPerson(server);
  await person.signIn();
  const form = { version: '16.4.7', reason: 'monthly', at: '2h', zone: 'UTC' };
  const wrong = await person.submit(`${CHANNEL}/roll-forward`, { ...form, at: 'soon' });
  expect(wrong).toMatchObject({
    status: 422,
    text: expect.stringContaining('at: &quot;soon&quot; is not a valid time'),
  });
  const { text } = await person.submit(`${CHANNEL}/roll-forward`, form);
  expect(text).toMatch(/Schedule: Roll forward to 16\.4\.7/);
  expect(text).toMatch(/It is scheduled for .* UTC, and judged again then/);
  const at = /name="at" value="([^"]+Z)"/.exec(text)?.[1] ?? '';
  const { revision } = (await api('GET', CHANNEL)).body;
  const sent = { ...form, at, confirm: 'yes', revision: String(revision) };
  expect((await person.submit(`${CHANNEL}/roll-forward`, sent)).status).toBe(303);
  const [{ id }] = (await api('GET', '/scheduled')).body.scheduled;
  expect((await api('GET', CHANNEL)).body.target).toBe('16.4.6');

  for (const path of [CHANNEL, '/scheduled']) {
    expect((await person.get(path)).text).toMatch(/roll forward.*16\.4\.7.*token operator.*monthly.*waits/s);
  }
  expect((await person.get('/')).text).toContain('Scheduled (1)');
  expect((await person.submit(`${CHANNEL}/withdraw`, { reason: 'stop' })).text).toMatch(
    /Scheduled.*roll-forward to 16\.4\.7 at .*nothing/s,
  );

  const cancel = `/scheduled/${id}/cancel`;
  expect((await person.submit(cancel, { reason: '' })).status).toBe(422);
  expect((await person.submit(cancel, { reason: 'not now' })).text).toContain('stable/cloud stays where it is');
  expect((await person.submit(cancel, { reason: 'not now', confirm: 'yes' })).status).toBe(303);
  expect((await api('GET', '/scheduled')).body.scheduled).toEqual([]);
  expect((await person.get('/audit')).text).toContain('scheduled change cancelled');
  expect((await person.get(cancel)).status).toBe(404);
});
