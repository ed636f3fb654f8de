import { expect, it } from 'vitest';
import { startServer } from '../support/server.ts';
import { createPerson } from './person.ts';

const channels = ['stable/cloud', 'stable/v16', 'stable', 'a/b/c'].map((name) => ({ name, target: '16.4.6' }));

it.each<[string, string | null]>([
  ['/channels/stable/v16', '/channels/stable%2Fv16'],
  ['/channels/stable/v16?span=hour', '/channels/stable%2Fv16?span=hour'],
  ['/channels/stable/cloud/agents?version=16.4.6', '/channels/stable%2Fcloud/agents?version=16.4.6'],
  ['/channels/stable/cloud/rollout/roll-back', '/channels/stable%2Fcloud/rollout/roll-back'],
  ['/channels/a/b/c', '/channels/a%2Fb%2Fc'],
  ['/channels/a%2Fb/c', '/channels/a%2Fb%2Fc'],
  ['/channels/a/b', null],
  ['/channels/stable/%ff', null],
  ['/channels/stable/unpinned', null],
])('%s leads to %s, whatever asks', async (path, location) => {
  const person = createPerson(await startServer({ bootstrap: { channels } }));
  expect((await person.get(path)).headers.get('location')).toMatch(/^\/sign-in/);
  await person.signIn();
  const { status, headers, text } = await person.get(path, { Accept: '*/*' });
  if (location) expect({ status, location: headers.get('location') }).toEqual({ status: 302, location });
  else {
    expect(status).toBe(404);
    expect(headers.get('content-type')).toContain('text/html');
    expect(text).toContain('there is no page');
  }
});
