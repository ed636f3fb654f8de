import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Host, RedisAddress } from '../domain/redis-address.ts';
import { CONTROL_SLOT } from './redis-keys.ts';

/** Ways to one Redis, however many servers that is. All of them come back by themselves. */
export interface Connections {
  readonly commands: Redis | Cluster;
  /** Settles with the first connection or failure to make one: commands sent right after the start need not fail. */
  readonly attempt: Promise<void>;
  /** Another connection to the server that takes writes of control data. */
  openPrimary(options: RedisOptions): Redis;
  /** A connection to a server that hears what is published. */
  openSubscriber(): Redis;
  /** Waits for what was sent. */
  close(): Promise<void>;
}

/** Looks whether a failover has moved anything. */
const REFRESH_EVERY_MS = 1_000;
const RECONNECT_AFTER_MS = 100;

/** Begins to connect. */
export function openConnections(address: RedisAddress, options: RedisOptions): Connections {
  if (address.kind === 'cluster') return openCluster(address, options);
  const opened = keepOpened();
  const open = (own: RedisOptions = {}) =>
    opened.add(
      address.kind === 'server'
        ? new Redis(address.url, { ...options, ...own })
        : new Redis({ ...options, ...sentinelOptions(address, options), ...own }),
    );
  const commands = open();
  return {
    commands,
    attempt: firstAttempt(commands),
    openPrimary: open,
    openSubscriber: open,
    close: () => opened.close(commands),
  };
}

/** Settles when the connection is there, or could not be made; at once where it is there already. */
export function firstAttempt(redis: Redis | Cluster): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((settle) => {
    // Sentinels that cannot be reached fail without closing anything.
    for (const event of ['ready', 'close', 'error']) redis.once(event, () => settle());
  });
}

/** Connections that live until they are closed here, all at once. */
function keepOpened() {
  const opened: Redis[] = [];
  let closed = false;
  return {
    add(redis: Redis): Redis {
      opened.push(redis);
      // ioredis gives up when word of a failover comes while it asks the sentinels where to go.
      redis.on('end', () => {
        if (!closed) setTimeout(() => closed || redis.connect().catch(() => {}), RECONNECT_AFTER_MS);
      });
      return redis;
    },
    async close(commands: Redis | Cluster): Promise<void> {
      closed = true;
      for (const redis of opened) if (redis !== commands) disconnect(redis);
      await commands.quit().catch(() => undefined);
      disconnect(commands);
    },
  };
}

/**
 * ioredis listens for one error of a socket. TLS that is cut off while it is being refused has a second one, which nobody
 * would hear, so that it would end the process.
 */
function disconnect(redis: Redis | Cluster): void {
  for (const each of 'nodes' in redis ? redis.nodes() : [redis]) {
    (Reflect.get(each, 'stream') as NodeJS.EventEmitter | undefined)?.on('error', () => {});
  }
  redis.disconnect();
}

type Address<K extends RedisAddress['kind']> = Extract<RedisAddress, { kind: K }>;

/** TLS as the settings have it, where the address asks for TLS. */
const tlsOf = ({ tls }: Address<'sentinel' | 'cluster'>, common: RedisOptions): RedisOptions =>
  tls ? { tls: common.tls ?? {} } : {};

function sentinelOptions(address: Address<'sentinel'>, common: RedisOptions): RedisOptions {
  return {
    ...tlsOf(address, common),
    ...(address.sentinelPassword === undefined ? {} : { sentinelPassword: address.sentinelPassword }),
    ...(address.tls ? { enableTLSForSentinelMode: true, sentinelTLS: common.tls ?? {} } : {}),
    sentinels: address.hosts,
    name: address.primary,
    db: address.db,
    sentinelRetryStrategy: () => 200,
    sentinelCommandTimeout: common.connectTimeout,
    // A primary that is cut off would be believed in for ever by whoever is cut off with it.
    failoverDetector: true,
    sentinelReconnectStrategy: () => 1_000,
  };
}

function openCluster(address: Address<'cluster'>, common: RedisOptions): Connections {
  const options = { ...common, ...tlsOf(address, common) };
  const { retryStrategy: _, enableOfflineQueue: _queue, ...ofNode } = options;
  const cluster = new Cluster(address.hosts, {
    redisOptions: ofNode,
    enableOfflineQueue: false,
    // It would ask any node, also one that is still connecting, and leave the cluster again when that one cannot answer.
    enableReadyCheck: false,
    // Names of a certificate stay names.
    ...(address.tls ? { dnsLookup: (name, found) => found(null, name) } : {}),
    clusterRetryStrategy: (attempt) => Math.min(50 * attempt, 500),
    // A connection that is lost for good fails its commands as if they had never been sent.
    clusterNodeRetryStrategy: (attempt) => (attempt <= 2 ? 100 : null),
    slotsRefreshInterval: REFRESH_EVERY_MS,
    slotsRefreshTimeout: REFRESH_EVERY_MS,
    // Whoever sent a command is told that it failed; he may try again himself.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 20,
    maxRedirections: 8,
  });
  // A node that is only connecting fails its commands; one that waits for its first command does not.
  cluster.on('+node', (node: Redis) =>
    setImmediate(() => node.status === 'wait' && void node.connect().catch(() => {})),
  );
  const opened = keepOpened();
  let turn = 0;
  const nodes = () => [...cluster.nodes().map(({ options: { host = '', port = 0 } }) => ({ host, port }))];
  const primary = () => parseNode(cluster.slots[CONTROL_SLOT]?.[0]);
  const anyNode = () => {
    const known = nodes();
    return known[turn++ % known.length] ?? address.hosts[turn % address.hosts.length];
  };

  /** A connection that asks again where to go each time it is lost. */
  function open(own: RedisOptions, locate: () => Host | undefined): Redis {
    const redis = opened.add(new Redis({ ...options, ...address.hosts[0], ...locate(), ...own }));
    redis.on('close', () => Object.assign(redis.options, locate()));
    return redis;
  }

  return {
    commands: cluster,
    attempt: firstAttempt(cluster).then(
      async () => void (await Promise.all(cluster.nodes('master').map(firstAttempt))),
    ),
    openPrimary(own) {
      const isLost = ({ message }: Error) => /^(READONLY|MOVED)/.test(message);
      const redis = open({ ...own, reconnectOnError: isLost, lazyConnect: true }, primary);
      cluster.on('refresh', () => follow(redis, primary()));
      return redis;
    },
    openSubscriber() {
      const redis = open({}, anyNode);
      // Who only listens would not notice that his node is gone.
      cluster.on('-node', ({ options: { host, port } }: Redis) => {
        if (redis.status === 'ready' && host === redis.options.host && port === redis.options.port)
          redis.disconnect(true);
      });
      return redis;
    },
    close: () => opened.close(cluster),
  };
}

/** Connects to where the cluster says that the primary is, once it says so. */
function follow(redis: Redis, primary: Host | undefined): void {
  if (!primary) return;
  if (redis.status === 'wait') {
    Object.assign(redis.options, primary);
    redis.connect().catch(() => {});
    return;
  }
  const moved = primary.host !== redis.options.host || primary.port !== redis.options.port;
  if (moved && redis.status === 'ready') redis.disconnect(true);
}

function parseNode(key: string | undefined): Host | undefined {
  if (!key) return undefined;
  const end = key.lastIndexOf(':');
  return { host: key.slice(0, end), port: Number(key.slice(end + 1)) };
}
