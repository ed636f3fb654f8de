import { expect, it, vi } from 'vitest';
import { fakeAgents, pollAll } from '../support/fake-agents.ts';
import { operatorClient, startServer, TOKENS } from '../support/server.ts';
import { createPerson } from './person.ts';
import { closedWindow, QUICK } from './sample-rollout.ts';

vi.setConfig({ testTimeout: 30_000 });

const CHANNEL = '/channels/stable%2Fcloud';
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000 });

/** A server with a rollout whose first group is under way, and a person who is signed in. */
async function rolling(role: keyof typeof TOKENS = 'admin') {
  const groups = [
    { name: 'dev', canaries: 2, waves: [50, 100] },
    { name: 'prod', window: closedWindow(), waitHours: 2 },
  ];
  const server = await startServer({
    ...QUICK,
    bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6', rollout: { groups } }] },
  });
  const api = operatorClient(server);
  const agents = [...fakeAgents('dev', 6), ...fakeAgents('prod', 3)];
  await pollAll(server, agents);
  await until(async () => expect((await api('GET', '/agents')).body.agents).toHaveLength(9));
  await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'a fix' });
  const read = async () => (await api('GET', `${CHANNEL}/rollout`)).body;
  await until(async () => expect((await read()).groups[0]).toMatchObject({ state: 'canary', told: 2 }));
  const person = createPerson(server);
  await person.signIn(TOKENS[role]);
  return { server, api, agents, read, person };
}

/** The text of a page, as a person reads it. */
const plain = (html: string) =>
  html
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll(/\s+/g, ' ');

it('shows each group with its numbers, canaries, and what it waits for in the words of the API', async () => {
  const { person, read, api } = await rolling();
  const { text } = await person.get(CHANNEL);
  const page = plain(text);
  const { groups, next } = await read();
  expect(page).toContain(`Next: ${next}`);
  for (const { waitsFor } of groups) expect(page).toContain(`Waits: ${waitsFor}`);
  for (const { id } of groups[0].canaries) expect(page).toMatch(new RegExp(`${id} told`));
  expect(text).toContain('aria-label="dev: 2 told, not there yet, 4 not yet told"');
  expect(plain((await person.get('/')).text)).toContain('rollout, 0 of 2 groups done');

  await api('POST', `${CHANNEL}/rollout/pause`, { reason: 'incident 12' });
  expect(plain((await person.get(CHANNEL)).text)).toMatch(/Paused by token admin just now : incident 12/);
  expect(plain((await person.get('/')).text)).toContain('rollout paused, 0 of 2 groups done');
});

it('shows the groups of a channel before their first rollout', async () => {
  const server = await startServer({
    bootstrap: { channels: [{ name: 'x', target: '16.4.6', rollout: { groups: [{ name: 'dev', canaries: 2 }] } }] },
  });
  const person = createPerson(server);
  await person.signIn();
  expect(plain((await person.get('/channels/x')).text)).toMatch(
    /None so far: roll the channel forward.* dev 2 canaries; all at once/,
  );
});

it('steers: a preview first, then the change, held to what the person saw', async () => {
  const { person, read } = await rolling();
  const path = `${CHANNEL}/rollout/pause`;
  const preview = await person.submit(path, { reason: 'incident 12' });
  expect(plain(preview.text)).toMatch(/Preview .*Rollout active paused/);
  expect((await read()).state).toBe('active');
  const [, revision = ''] = /name="revision" value="(\d+)"/.exec(preview.text) ?? [];

  const done = await person.submit(path, { reason: 'incident 12', confirm: 'yes', revision });
  expect(done).toMatchObject({ status: 303 });
  expect((await read()).paused).toMatchObject({ by: 'token:admin', reason: 'incident 12' });
  const late = await person.submit(`${CHANNEL}/rollout/resume`, { reason: 'on', confirm: 'yes', revision });
  expect(late.status).toBe(412);
  expect(plain(late.text)).toMatch(/Nothing was changed .*was changed by someone else/);
});

it('acts on one group, with its options', async () => {
  const { person, read } = await rolling();
  const refused = await person.submit(`${CHANNEL}/rollout/start`, { group: 'prod', reason: 'now' });
  expect(refused.status).toBe(409);
  expect(plain(refused.text)).toContain('group dev comes before prod and is canary; to start it anyway, use force');
  expect(refused.text).toContain('<option value="prod" selected');
  const { revision } = await read();
  const form = { group: 'prod', reason: 'now', force: 'true', confirm: 'yes', revision: String(revision) };
  expect((await person.submit(`${CHANNEL}/rollout/start`, form)).status).toBe(303);
  expect((await read()).groups[1]).toMatchObject({ state: 'active' });
});

it.each(['start', 'done', 'roll-back', 'pause', 'resume', 'reset'])('has a form for %s', async (verb) => {
  const { person } = await rolling();
  const { status, text } = await person.get(`${CHANNEL}/rollout/${verb}`);
  expect(status).toBe(200);
  expect(text).toContain(`action="${CHANNEL}/rollout/${verb}"`);
  const empty = await person.submit(`${CHANNEL}/rollout/${verb}`, { reason: '' });
  expect(empty.status).toBe(422);
  expect(plain(empty.text)).toContain('Faults in the form Reason :');
});

it('offers no verb to those who may only read', async () => {
  const { person } = await rolling('viewer');
  const { text } = await person.get(CHANNEL);
  expect(text).not.toContain('/rollout/');
  expect((await person.get(`${CHANNEL}/rollout/pause`)).status).toBe(403);
});
