import { expect, it } from 'vitest';
import { operatorClient, QUICKSTART, startServer } from './support/server.ts';

it('serves what an operator rolled forward to', async () => {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  const moved = await api('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
  expect(moved).toMatchObject({ status: 200, body: { channel: { target: '16.4.7' } } });
  const response = await fetch(`${server.publicUrl}/v1/stable/cloud/version`);
  expect(await response.text()).toBe('v16.4.7');
});
