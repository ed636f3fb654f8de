import { expect, it } from 'vitest';
import { inventory } from '../dashboard/sample-fleet.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';

it('answers what is wrong, the worst first', async () => {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  expect((await api('GET', '/status')).body).toEqual({ worst: null, groups: [] });
  await api('POST', '/channels/stable%2Fcloud/pin', { reason: 'incident 12' });
  await api('POST', '/inventory?channel=stable%2Fcloud', inventory('a', { '14.3.3': 2, '16.4.6': 12 }));
  expect((await operatorClient(server, 'viewer')('GET', '/status')).body).toEqual({
    worst: 'bad',
    groups: [
      {
        kind: 'strands',
        severity: 'bad',
        headline: 'stable/cloud strands 2 agents',
        troubles: [expect.objectContaining({ channel: 'stable/cloud', agents: 2, release: null })],
      },
      expect.objectContaining({
        ...{ kind: 'cut_off', severity: 'bad' },
        headline: 'the control plane of stable/cloud cuts off 2 agents',
      }),
      expect.objectContaining({ kind: 'pinned', severity: 'note', headline: 'stable/cloud is pinned' }),
    ],
  });
});

it('lists channels and control planes as people count', async () => {
  const names = ['v10', 'v9', 'v1'];
  const server = await startServer({
    bootstrap: {
      channels: names.map((name) => ({ name })),
      controlPlanes: Object.fromEntries(names.map((name) => [name, '16.4.7'])),
    },
  });
  const api = operatorClient(server);
  const ordered = ['v1', 'v9', 'v10'];
  expect((await api('GET', '/channels')).body.channels.map(({ name }: { name: string }) => name)).toEqual(ordered);
  const planes = (await api('GET', '/control-planes')).body.controlPlanes;
  expect(planes.map(({ name }: { name: string }) => name)).toEqual(ordered);
});
