import { expect, it, onTestFinished } from 'vitest';
import { startCutOff } from '../support/cut-off.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer } from '../support/server.ts';

const [GOOD, BAD] = ['16.4.6', '16.4.7'];
/** Milliseconds in each direction. With one reading after the other, a few channels would use up the deadline. */
const DELAY = 120;
const DEADLINE = '3s';

it('pulls a release that many channels with agents serve, in one commit, while Redis is slow', async () => {
  const redis = await startRedis();
  onTestFinished(redis.stop);
  const way = await startCutOff(redis.port);
  const server = await startServer({
    redisUrl: way.url,
    store: { deadline: DEADLINE },
    fleet: { enrolment: { mode: 'open' } },
  });
  const api = operatorClient(server);
  const names = Array.from({ length: 300 }, (_, n) => `tenants/${n}`);
  const channels = names.map((name) => ({ name, lineage: [GOOD, BAD], target: BAD }));
  const history = [GOOD, BAD].map((version) => ({ version, date: null, security: false }));
  await api('POST', '/releases/import', history);
  expect((await api('POST', '/apply', { fairway: 1, channels })).status).toBe(200);
  const poll = async (name: string, headers = {}) =>
    (await fetch(`${server.publicUrl}/v1/${name}/version`, { headers })).text();
  await Promise.all(names.map((name) => poll(name, { 'Agent-Id': `of-${name}`, 'Agent-Version': GOOD })));

  way.slow(DELAY);
  const { status, body } = await api('POST', `/releases/${BAD}/pull`, { reason: 'it crashes' });
  expect(status).toBe(200);
  expect(body.channels).toHaveLength(names.length);
  expect(await Promise.all(names.map((name) => poll(name)))).toEqual(names.map(() => `v${GOOD}`));
  const { entries } = (await api('GET', '/audit?limit=1')).body;
  expect(entries).toMatchObject([{ action: 'pull', subject: `release/${BAD}` }]);
});
