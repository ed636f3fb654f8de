import { expect, it, vi } from 'vitest';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer } from '../support/server.ts';

const HOUR = 3_600_000;

it('a change is carried out by the server that takes over from the leader, once', async () => {
  const redis = await startRedis();
  let ahead = 0;
  const options = { now: () => new Date(Date.now() + ahead) };
  const settings = {
    redisUrl: redis.url,
    leader: { lease: '300ms', plansEvery: '10ms' },
    bootstrap: { channels: [{ name: 'stable', target: '16.4.6' }] },
  };
  try {
    const leader = await startServer(settings, options);
    const other = await startServer(settings, options);
    const at = new Date(Date.now() + HOUR).toISOString();
    const body = { version: '16.4.7', reason: 'monthly', at };
    const accepted = await operatorClient(other, 'operator')('POST', '/channels/stable/roll-forward', body);
    expect(accepted.status).toBe(200);
    const api = operatorClient(other);
    await leader.close();
    ahead += HOUR;
    await vi.waitFor(
      async () => expect((await api('GET', '/channels/stable')).body).toMatchObject({ target: '16.4.7' }),
      { timeout: 10_000 },
    );
    const { entries } = (await api('GET', '/audit?limit=100')).body;
    const moves = entries.filter(({ action }: { action: string }) => action === 'roll-forward');
    expect(moves).toMatchObject([
      { actor: 'token:operator', reason: expect.stringMatching(/^monthly \(scheduled by/) },
    ]);
    expect((await api('GET', '/scheduled')).body.scheduled).toEqual([]);
    await other.close();
  } finally {
    await redis.stop();
  }
});
