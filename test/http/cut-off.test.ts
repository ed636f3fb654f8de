import { expect, it } from 'vitest';
import { createPerson } from '../dashboard/person.ts';
import { inventory } from '../fixtures/inventory.ts';
import { valueIn } from '../support/scrape.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';

it('a control plane that is reported where it cuts its agents off is shown as such everywhere', async () => {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  const all = inventory().map((each) => {
    const isAgent = each.spec.services[0] === 'Node';
    return isAgent ? { ...each, spec: { ...each.spec, version: 'v16.4.6' } } : each;
  });
  await api('POST', '/inventory?channel=stable%2Fcloud', all);
  const census = async () => (await api('GET', '/census?channel=stable/cloud')).body;
  const { agents } = await census();
  expect(await census()).toMatchObject({ cutOff: 0, distance: { atTarget: agents, cutOff: 0 } });
  const labels = { channel: 'stable/cloud' };
  expect(await valueIn(server, 'fairway_channel_converged_ratio', labels)).toBe(1);

  expect((await api('PUT', '/control-planes/main', { version: '18.0.0' })).status).toBe(200);
  expect(await census()).toMatchObject({ cutOff: agents, distance: { atTarget: 0, cutOff: agents } });
  expect(await valueIn(server, 'fairway_channel_converged_ratio', labels)).toBe(0);
  expect(await valueIn(server, 'fairway_channel_cut_off_agents', labels)).toBe(agents);
  const { body } = await api('GET', '/status');
  const [first] = body.groups;
  expect(first).toMatchObject({ kind: 'cut_off', severity: 'bad', troubles: [{ channel: 'stable/cloud', agents }] });
  const [agent] = (await api('GET', '/agents?version=16.4.6&limit=1')).body.agents;
  expect((await api('GET', `/agents/${agent.id}/explain`)).body).toMatchObject({
    cutOff: true,
    because: expect.stringMatching(/is at the target; control plane main runs 18\.0\.0 and refuses the agent at its/),
  });

  const person = createPerson(server);
  await person.signIn();
  const { text: fleet } = await person.get('/');
  expect(fleet).toContain(`the control plane of stable/cloud cuts off ${agents} agents`);
  expect(fleet).toContain(`${agents} agents cut off`);
  expect(fleet).not.toContain('100 %');
  const { text: channel } = await person.get('/channels/stable%2Fcloud');
  expect(channel).toMatch(new RegExp(`Control plane.*main.*cuts off ${agents} agents`));
  expect(channel).toContain('cut off by the control plane');
});
