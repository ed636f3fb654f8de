import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { faultOf } from '../../src/domain/documents.ts';
import { asAdmin } from '../store/redis-harness.ts';
import { DAMAGED, EVERY_DOCUMENT, placesOf, withAt } from '../support/every-document.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer, TOKENS } from '../support/server.ts';

vi.setConfig({ testTimeout: 60_000 });

const SETTINGS = {
  bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.5' }] },
  promotion: {
    stages: [
      { name: 'canary', channels: ['stable/cloud'], controlPlanes: [], soak: '1h', automatic: true, signOff: false },
      { name: 'internal', channels: [], controlPlanes: [], soak: '1h', tenants: { class: 'trials' } },
    ],
    advanceEvery: '1s',
  },
  leader: { plansEvery: '1s' },
};

/** Documents of which one field was edited, by key. They have names of their own, so that all fit into one store. */
function editedOnes(): Map<string, object> {
  const edited = new Map<string, object>();
  let number = 0;
  for (const [key, good] of Object.entries(EVERY_DOCUMENT)) {
    const kind = key.slice(0, key.indexOf('/'));
    const naming = 'version' in good && !('name' in good) ? 'version' : 'name';
    if (!(naming in good)) continue;
    for (const place of placesOf(good)) {
      if (place[0] === naming) continue;
      // Of those that are let through, the first says most: null, nothing, or another value of the type.
      const harmless = DAMAGED.find(([, value]) => faultOf(key, withAt(good, place, value)) === null);
      const name = naming === 'version' ? `18.0.${number++}` : `edited-${number++}`;
      const other = number % 50 === 0 || !harmless ? [[null]] : harmless[1];
      edited.set(`${kind}/${name}`, withAt({ ...good, [naming]: name }, place, other) as object);
      const release = { ...EVERY_DOCUMENT['release/17.1.0'], version: name };
      if (kind === 'promotion') edited.set(`release/${name}`, release);
      if (kind === 'watch') edited.set(`channel/${name}`, { ...EVERY_DOCUMENT['channel/moving'], name });
    }
  }
  return edited;
}

it('documents that were edited by hand in Redis are kept out and named, or harm nothing', async () => {
  const redis = await startRedis();
  onTestFinished(redis.stop);
  await (await startServer({ ...SETTINGS, redisUrl: redis.url })).close();
  const edited = editedOnes();
  const stored = [...Object.entries(EVERY_DOCUMENT), ...edited];
  const fields = stored.flatMap(([key, value]) => [key, `1 ${JSON.stringify(value)}`]);
  await asAdmin(redis.url, (client) => client.hset('{fairway}:documents', ...fields));

  const lines: Raw[] = [];
  const stream = new Writable({
    write(line, _, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  const server = await startServer({ ...SETTINGS, redisUrl: redis.url }, { log: pino(stream) });
  const bad = [...edited].filter(([key, value]) => faultOf(key, value) !== null).map(([key]) => key);
  const named = lines.flatMap(({ document }) => (document === undefined ? [] : [document]));
  expect(named.sort()).toEqual(bad.sort());

  const move = { version: '16.4.6', reason: 'test', overrideFreeze: true };
  const moved = await operatorClient(server)('POST', '/channels/stable%2Fcloud/roll-forward', move);
  expect(moved.status, JSON.stringify(moved.body)).toBe(200);
  const failed: string[] = [];
  const ask = async (url: string, headers = {}) => {
    const response = await fetch(url, { headers });
    if ((await response.text()) === '' || response.status >= 500) failed.push(`${response.status} ${url}`);
  };
  const lists = ['status', 'channels', 'control-planes', 'releases', 'promotions?state=all', 'freezes', 'scheduled'];
  for (const path of [...lists, 'export', 'census', 'agents', 'audit', 'changes/7', 'releases/support'])
    await ask(`${server.operatorUrl}/api/v1/${path}`, { Authorization: `Bearer ${TOKENS.admin}` });
  for (const page of ['metrics', 'readyz']) await ask(`${server.operatorUrl}/${page}`);
  for (const [key, value] of edited) {
    if (!key.startsWith('channel/') || faultOf(key, value) !== null) continue;
    const agent = { 'Agent-Id': 'one', 'Agent-Version': '16.4.5', 'Agent-Group': 'prod-eu' };
    for (const headers of [{}, agent]) await ask(`${server.publicUrl}/v1/${key.slice(8)}/version`, headers);
  }
  expect(failed).toEqual([]);

  // The leader has looked at all of them once a change of the last ones shows.
  await vi.waitFor(
    () => expect(lines.some(({ msg }) => /scheduled change was refused/.test(`${msg}`))).toBe(true),
    20_000,
  );
  const faults = lines.filter(({ err }) => err && !/FairwayError/.test((err as Raw).type as string));
  expect(faults.map(({ msg, err }) => `${msg} ${(err as Raw).stack}`)).toEqual([]);
});
