import { Cluster, Redis, type RedisOptions, SentinelConnector } from 'ioredis';
import type { Host, RedisAddress } from '../domain/redis-address.ts';
import { CONTROL_SLOT } from './redis-keys.ts';

/** Connections to one Redis: a server, sentinels with their servers, or a cluster. They reconnect automatically. */
export interface Connections {
  readonly commands: Redis | Cluster;
  /** Resolves after the first attempt to connect, so that commands sent right after the start need not fail. */
  readonly attempt: Promise<void>;
  /** Opens another connection to the server that accepts writes of control data. */
  openPrimary(options: RedisOptions): Redis;
  /** Opens a connection to a server that receives published messages. */
  openSubscriber(): Redis;
  /** Closes all connections after the commands that were sent are answered. */
  close(): Promise<void>;
}

/** Milliseconds between two checks whether a failover has moved anything. */
const REFRESH_EVERY_MS = 1_000;
const RECONNECT_AFTER_MS = 100;

/** Starts to connect, and returns immediately. */
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

/** Resolves when the connection is ready or the first attempt has failed; immediately if it is ready already. */
export function firstAttempt(redis: Redis | Cluster): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  return new Promise((settle) => {
    // Sentinels that cannot be reached fail without closing anything.
    for (const event of ['ready', 'close', 'error']) redis.once(event, () => settle());
  });
}

/** Keeps connections open until all of them are closed together. */
function keepOpened() {
  const opened: Redis[] = [];
  let closed = false;
  return {
    add(redis: Redis): Redis {
      opened.push(redis);
      // ioredis gives up if it hears of a failover while it asks the sentinels for the primary.
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
 * Disconnects without an unhandled error. ioredis listens for one error of a socket; a TLS connection that is cut off
 * while the server refuses it emits a second one, which would end the process.
 */
function disconnect(redis: Redis | Cluster): void {
  for (const each of 'nodes' in redis ? redis.nodes() : [redis]) {
    (Reflect.get(each, 'stream') as NodeJS.EventEmitter | undefined)?.on('error', () => {});
  }
  redis.disconnect();
}

/**
 * ioredis does not listen for the errors of the sentinels that it watches for failovers, and prints them to standard
 * error. The connection for commands meets the same outages and reports them.
 */
class QuietSentinels extends SentinelConnector {
  constructor(options: unknown) {
    super(options as ConstructorParameters<typeof SentinelConnector>[0]);
    // The method is private in the types.
    const connect = Reflect.get(this, 'connectToSentinel') as (...args: unknown[]) => NodeJS.EventEmitter;
    Reflect.set(this, 'connectToSentinel', (...args: unknown[]) => connect.apply(this, args).on('error', () => {}));
  }
}

type Address<K extends RedisAddress['kind']> = Extract<RedisAddress, { kind: K }>;

/** The TLS options of the settings, if the address asks for TLS. */
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
    // Otherwise a server that is cut off together with a former primary would never leave it.
    failoverDetector: true,
    Connector: QuietSentinels,
    sentinelReconnectStrategy: () => 1_000,
  };
}

function openCluster(address: Address<'cluster'>, common: RedisOptions): Connections {
  const options = { ...common, ...tlsOf(address, common) };
  const { retryStrategy: _, enableOfflineQueue: _queue, ...ofNode } = options;
  const cluster = new Cluster(address.hosts, {
    redisOptions: ofNode,
    enableOfflineQueue: false,
    // The check may ask a node that is still connecting, and ioredis leaves the cluster if that node cannot answer.
    enableReadyCheck: false,
    // A certificate names hosts, so names are not resolved to addresses here.
    ...(address.tls ? { dnsLookup: (name, found) => found(null, name) } : {}),
    clusterRetryStrategy: (attempt) => Math.min(50 * attempt, 500),
    // After that many attempts ioredis fails the commands of the node as if they had never been sent.
    clusterNodeRetryStrategy: (attempt) => (attempt <= 2 ? 100 : null),
    slotsRefreshInterval: REFRESH_EVERY_MS,
    slotsRefreshTimeout: REFRESH_EVERY_MS,
    // The caller gets an error, and decides whether to try again.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 20,
    maxRedirections: 8,
  });
  // A node that is still waiting for its first command is connected now, because one that is connecting fails commands.
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

  /** Opens a connection that locates its server again each time it is lost. */
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
      // A subscriber sends nothing, so it would not notice that its node is gone.
      cluster.on('-node', ({ options: { host, port } }: Redis) => {
        if (redis.status === 'ready' && host === redis.options.host && port === redis.options.port)
          redis.disconnect(true);
      });
      return redis;
    },
    close: () => opened.close(cluster),
  };
}

/** Connects to the primary that the cluster reports, as soon as it reports one. */
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
