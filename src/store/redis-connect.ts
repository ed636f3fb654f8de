import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { FairwayError } from '../domain/errors.ts';
import { type Host, parseRedisAddress, type RedisAddress } from '../domain/redis-address.ts';
import { CONTROL_SLOT } from './redis-keys.ts';

/** Ways to one Redis, however many servers that is. All of them come back by themselves. */
export interface Connections {
  readonly commands: Redis | Cluster;
  /** Another connection to the server that takes writes of control data. */
  openPrimary(options: RedisOptions): Redis;
  /** A connection to a server that hears what is published. */
  openSubscriber(): Redis;
  /** Calls back when a server is gone or has another role, so that what is connected to it had better look elsewhere. */
  onMove(listener: () => void): void;
}

/** Looks whether a failover has moved anything. */
const REFRESH_EVERY_MS = 1_000;

/** Begins to connect. Throws `invalid`. */
export function openConnections(url: string, options: RedisOptions): Connections {
  const address = parseRedisAddress(url);
  // The URL may hold a password.
  if (!address) throw new FairwayError('invalid', 'REDIS_URL is not an address of Redis; see docs/operating.md');
  if (address.kind === 'cluster') return openCluster(address, options);
  const open = (own: RedisOptions = {}) =>
    address.kind === 'server'
      ? new Redis(address.url, { ...options, ...own })
      : new Redis({ ...options, ...sentinelOptions(address, options), ...own });
  return { commands: open(), openPrimary: open, openSubscriber: open, onMove() {} };
}

type Address<K extends RedisAddress['kind']> = Extract<RedisAddress, { kind: K }>;

/** What the address says over what the settings do. */
const loginOf = ({ username, password, tls }: Address<'sentinel' | 'cluster'>, common: RedisOptions): RedisOptions => ({
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  ...(tls ? { tls: common.tls ?? {} } : {}),
});

function sentinelOptions(address: Address<'sentinel'>, common: RedisOptions): RedisOptions {
  return {
    ...loginOf(address, common),
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
  const options = { ...common, ...loginOf(address, common) };
  const { retryStrategy: _, enableOfflineQueue: _queue, ...ofNode } = options;
  const cluster = new Cluster(address.hosts, {
    redisOptions: ofNode,
    enableOfflineQueue: false,
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
  let turn = 0;
  const nodes = () => [...cluster.nodes().map(({ options: { host = '', port = 0 } }) => ({ host, port }))];
  const primary = () => parseNode(cluster.slots[CONTROL_SLOT]?.[0]);
  const anyNode = () => {
    const known = nodes();
    return known[turn++ % known.length] ?? address.hosts[turn % address.hosts.length];
  };

  /** A connection that asks again where to go each time it is lost. */
  function open(own: RedisOptions, locate: () => Host | undefined): Redis {
    const redis = new Redis({ ...options, ...address.hosts[0], ...locate(), ...own });
    redis.on('close', () => Object.assign(redis.options, locate()));
    return redis;
  }

  return {
    commands: cluster,
    openPrimary(own) {
      const isLost = ({ message }: Error) => /^(READONLY|MOVED)/.test(message);
      const redis = open({ ...own, reconnectOnError: isLost }, primary);
      cluster.on('refresh', () => {
        const { host, port } = primary() ?? redis.options;
        if (redis.status === 'ready' && (host !== redis.options.host || port !== redis.options.port))
          redis.disconnect(true);
      });
      return redis;
    },
    openSubscriber: () => open({}, anyNode),
    onMove: (listener) => void cluster.on('-node', listener),
  };
}

function parseNode(key: string | undefined): Host | undefined {
  if (!key) return undefined;
  const end = key.lastIndexOf(':');
  return { host: key.slice(0, end), port: Number(key.slice(end + 1)) };
}
