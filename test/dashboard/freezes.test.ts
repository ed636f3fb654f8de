import { expect, it } from 'vitest';
import { operatorClient, QUICKSTART, startServer, TOKENS } from '../support/server.ts';
import { createPerson } from './person.ts';

it('a person freezes all channels on a page, and an admin ends it there', async () => {
  const settings = [{ from: '2999-01-01T00:00:00Z', until: '2999-02-01T00:00:00Z', reason: 'year end' }];
  const server = await startServer({ ...QUICKSTART, freezes: settings });
  const person = createPerson(server);
  await person.signIn();
  expect((await person.get('/freezes')).text).toMatch(/2999-01-01 00:00 UTC.*year end.*the server&#39;s settings/s);

  const form = { until: '3h', reason: 'holidays', zone: 'UTC' };
  const wrong = await person.submit('/freezes/add', { ...form, until: 'soon' });
  expect(wrong).toMatchObject({ status: 422, text: expect.stringContaining('&quot;soon&quot; is not a valid time') });
  const { text } = await person.submit('/freezes/add', form);
  expect(text).toMatch(/Preview.*lets through: roll-back, critical\. holidays/s);
  const until = /name="until" value="([^"]+Z)"/.exec(text)?.[1] ?? '';
  const api = operatorClient(server);
  expect((await api('GET', '/freezes')).body.freezes).toHaveLength(1);
  expect((await person.submit('/freezes/add', { ...form, until, confirm: 'yes' })).status).toBe(303);
  const [{ id }] = (await api('GET', '/freezes')).body.freezes;
  expect((await person.get('/')).text).toMatch(/href="\/freezes"[^>]*>all channels are frozen/);
  expect((await person.get('/channels/stable%2Fcloud')).text).toMatch(/frozen until .* by freeze .*href="\/freezes"/s);
  expect((await person.get('/audit')).text).toContain('all channels frozen');

  expect((await person.get(`/freezes/${id}/remove`)).status).toBe(403);
  const admin = createPerson(server);
  await admin.signIn(TOKENS.admin);
  expect((await admin.submit(`/freezes/${id}/remove`, { reason: 'back' })).text).toContain('End the freeze');
  expect((await admin.submit(`/freezes/${id}/remove`, { reason: 'back', confirm: 'yes' })).status).toBe(303);
  expect((await api('GET', '/freezes')).body.freezes).toHaveLength(1);
  expect((await admin.get('/audit')).text).toContain('freeze ended');
});
