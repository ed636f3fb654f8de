import { Redis } from 'ioredis';
import { expect, vi } from 'vitest';
import { freePort, type RedisProcess, startRedis } from './redis-server.ts';

/** Redis servers that hold one state together. */
export interface RedisSet {
  /** The value of REDIS_URL. */
  url: string;
  servers: RedisProcess[];
  /** Asks the running servers which of them accepts writes of control data now. */
  primary(): Promise<RedisProcess>;
  stop(): Promise<void>;
}

/** Long enough that a busy machine does not mistake a healthy server for a dead one. */
const DOWN_AFTER_MS = 2_000;
const SETTLED = { timeout: 30_000, interval: 50 };

async function ask(server: RedisProcess, command: string, ...args: (string | number)[]): Promise<unknown> {
  const redis = new Redis(server.url, { retryStrategy: () => null, commandTimeout: 2_000, connectTimeout: 2_000 });
  redis.on('error', () => {});
  try {
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

const stopAll = async (servers: RedisProcess[]) => {
  for (const server of servers) server.thaw();
  await Promise.all(servers.map((server) => server.stop()));
};

/** Runs `work`, and stops the servers if it fails. */
async function settle<T>(servers: RedisProcess[], work: () => Promise<T>): Promise<T> {
  return work().catch(async (error) => {
    await stopAll(servers);
    throw error;
  });
}

/** Starts a primary, two replicas, and three sentinels that watch them. */
export async function startSentinels(): Promise<RedisSet> {
  const first = await startRedis();
  const following = ['--replicaof', '127.0.0.1', String(first.port), '--repl-diskless-sync-delay', '0'];
  const servers = [first, ...(await Promise.all([1, 2].map(() => startRedis({ args: following }))))];
  const config = [
    `sentinel monitor main 127.0.0.1 ${first.port} 2`,
    `sentinel down-after-milliseconds main ${DOWN_AFTER_MS}`,
    'sentinel failover-timeout main 4000',
  ];
  const sentinels = await Promise.all([1, 2, 3].map(() => startRedis({ sentinel: config })));
  return settle([...servers, ...sentinels], async () => {
    await vi.waitFor(async () => {
      for (const sentinel of sentinels) {
        const state = (await ask(sentinel, 'SENTINEL', 'MASTER', 'main')) as string[];
        const field = (name: string) => Number(state[state.indexOf(name) + 1]);
        expect([field('num-slaves'), field('num-other-sentinels')]).toEqual([2, 2]);
      }
      expect(await ask(first, 'INFO', 'replication')).toMatch(/slave0:.*state=online[\s\S]*slave1:.*state=online/);
    }, SETTLED);
    return {
      url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join()}/main`,
      servers,
      async primary() {
        const [, port] = (await ask(sentinels[0] as RedisProcess, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'main')) as [
          string,
          string,
        ];
        return servers.find((server) => server.port === Number(port)) as RedisProcess;
      },
      stop: () => stopAll([...servers, ...sentinels]),
    };
  });
}

/** Starts three primaries with a replica each. */
export async function startSixNodes(): Promise<RedisSet> {
  const busPorts = await Promise.all(Array.from({ length: 6 }, freePort));
  const servers = await Promise.all(
    busPorts.map((port) => {
      const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(port)];
      // A cluster lists a replica once it knows its offset, which grows with the next ping at the latest.
      const soon = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
      const replication = ['--cluster-node-timeout', String(DOWN_AFTER_MS), ...soon];
      return startRedis({ args: [...cluster, ...replication] });
    }),
  );
  return settle(servers, async () => {
    const [first, ...others] = servers as [RedisProcess, ...RedisProcess[]];
    const ids = (await Promise.all(servers.map((server) => ask(server, 'CLUSTER', 'MYID')))) as string[];
    await Promise.all(servers.map((server, index) => ask(server, 'CLUSTER', 'SET-CONFIG-EPOCH', index + 1)));
    for (const [index, { port }] of others.entries()) {
      await ask(first, 'CLUSTER', 'MEET', '127.0.0.1', port, busPorts[index + 1] ?? 0);
    }
    const bounds = [0, 5461, 10923, 16384];
    await Promise.all(
      servers
        .slice(0, 3)
        .map((server, index) =>
          ask(server, 'CLUSTER', 'ADDSLOTSRANGE', bounds[index] ?? 0, (bounds[index + 1] ?? 0) - 1),
        ),
    );
    for (const [index, server] of servers.slice(3).entries()) {
      await vi.waitFor(() => ask(server, 'CLUSTER', 'REPLICATE', ids[index] ?? ''), SETTLED);
    }
    await vi.waitFor(async () => {
      for (const server of servers) {
        expect(await ask(server, 'CLUSTER', 'INFO')).toMatch(/cluster_state:ok[\s\S]*cluster_known_nodes:6/);
        expect(String(await ask(server, 'CLUSTER', 'NODES')).match(/\bslave\b/g)).toHaveLength(3);
      }
      for (const server of servers.slice(3)) {
        expect(await ask(server, 'INFO', 'replication')).toContain('master_link_status:up');
      }
    }, SETTLED);
    const running = async () =>
      (await Promise.all(servers.map(async (server) => ((await isUp(server)) ? [server] : [])))).flat();
    return {
      url: `redis+cluster://${servers
        .slice(0, 3)
        .map(({ port }) => `127.0.0.1:${port}`)
        .join()}`,
      servers,
      async primary() {
        const [any] = await running();
        const slot = Number(await ask(any as RedisProcess, 'CLUSTER', 'KEYSLOT', '{fairway}:head'));
        const ranges = (await ask(any as RedisProcess, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
        const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
        return servers.find((server) => server.port === port) as RedisProcess;
      },
      stop: () => stopAll(servers),
    };
  });
}

const isUp = (server: RedisProcess) =>
  ask(server, 'PING').then(
    () => true,
    () => false,
  );
