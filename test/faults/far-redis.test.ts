import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { asAdmin, audit, openRedis } from '../store/redis-harness.ts';
import { startRedis } from '../support/redis-server.ts';

/** Milliseconds. A change of the far server begins its next try as late as that after the head has moved. */
const [ROUND_TRIP, DEADLINE] = [100, 5_000];
const FAR_CHANGES = 5;

/** A proxy to Redis that holds up everything for half a round trip, in both directions. */
async function startSlowProxy(port: number): Promise<string> {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const pairs: [Socket, Socket][] = [
      [client, upstream],
      [upstream, client],
    ];
    for (const [from, to] of pairs) {
      sockets.add(from);
      from.on('data', (bytes) => setTimeout(() => to.write(bytes), ROUND_TRIP / 2));
      from.on('error', () => {}).on('close', () => to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

it('a change from a server far from Redis gets through while a near one changes something all the time', async () => {
  const redis = await startRedis({ args: ['--appendonly', 'no'] });
  onTestFinished(redis.stop);
  const near = await openRedis(redis.url);
  const far = await openRedis(await startSlowProxy(redis.port), { deadline: DEADLINE });
  let isOver = false;
  let others = 0;
  const busy = (async () => {
    for (; !isOver; others++) {
      expect(await near.commit({ writes: [], audit })).toHaveProperty('entry');
      await sleep(2);
    }
  })();
  let slowest = 0;
  for (let n = 0; n < FAR_CHANGES; n++) {
    const begun = performance.now();
    const writes = [{ key: `far/${n}`, ifRevision: 0, value: {} }];
    expect(await far.commit({ writes, audit })).toHaveProperty('entry');
    slowest = Math.max(slowest, performance.now() - begun);
  }
  isOver = true;
  await busy;
  console.log(
    `the slowest change at ${ROUND_TRIP} ms from Redis took ${slowest.toFixed(0)} ms, beside ${others} others`,
  );
  // The near server did not have to wait for all of that time.
  expect(others).toBeGreaterThan(2 * FAR_CHANGES);
  await asAdmin(redis.url, async (admin) => expect(await admin.llen('{fairway}:audit')).toBe(others + FAR_CHANGES));
  await Promise.all([near.close(), far.close()]);
});
