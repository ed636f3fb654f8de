import type { Cluster, Redis, RedisOptions } from 'ioredis';
import type { RedisAccess } from '../domain/redis-address.ts';
import { withDeadline } from './deadline.ts';
import { adviceOn } from './redis-advice.ts';
import { openConnections } from './redis-connect.ts';
import { mapRedisError, reasonOf } from './redis-errors.ts';
import { createReplicator, type ReplicatedAnswer, type ReplicationOptions } from './redis-replication.ts';
import type { Script } from './redis-scripts/script.ts';

/** The part of a pino logger that stores use. */
export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface RedisClientOptions extends RedisAccess {
  /** Milliseconds within which every command answers or fails. */
  deadline: number;
  replication: ReplicationOptions;
  log: StoreLog;
}

/** Connections to Redis that reconnect automatically. Calls reject with `store_unavailable` instead of waiting. */
export interface RedisClient {
  run(script: Script, keys: string[], args?: (string | number)[]): Promise<unknown>;
  /**
   * Runs a script that writes control data, waits a bounded time for the replicas, and answers how many have it. A large
   * change gets up to `SLACK_MS` more than the deadline.
   */
  runReplicated(script: Script, keys: string[], args?: (string | number)[], more?: number): Promise<ReplicatedAnswer>;
  get(key: string): Promise<string | null>;
  hgetall(key: string): Promise<Record<string, string>>;
  /** Calls `listener` on every message, and whenever messages may have been missed. */
  subscribe(channel: string, listener: () => void): void;
  close(): Promise<void>;
}

/** Returns immediately; the connection is made in the background, however long that takes. */
export function connectRedis({ address, login, deadline, replication, log }: RedisClientOptions): RedisClient {
  const connections = openConnections(address, { ...optionsFor(deadline), ...login });
  const { commands } = connections;
  const outage = watchOutages(commands, log);
  giveAdvice(commands, log);
  const defined = new Set<string>();
  const subscribers: Redis[] = [];
  let closed = false;
  // A subscription sends nothing, so it would not notice that its peer is gone.
  outage.onEnd(() => {
    for (const subscriber of subscribers) if (subscriber.status === 'ready') subscriber.disconnect(true);
  });

  async function call<T>(send: () => Promise<T>, within = deadline): Promise<T> {
    try {
      return await withDeadline(async (expired) => {
        await connections.attempt;
        return expired() ? Promise.reject(new Error('not connected in time')) : send();
      }, within);
    } catch (error) {
      throw mapRedisError(error, outage.reason());
    }
  }

  function run({ name, lua }: Script, keys: string[], args: (string | number)[] = [], within = deadline) {
    if (!defined.has(name)) commands.defineCommand(name, { lua });
    defined.add(name);
    // defineCommand adds a method that the types cannot know.
    const send = Reflect.get(commands, name) as (...args: (string | number)[]) => Promise<unknown>;
    return call(() => send.call(commands, keys.length, ...keys, ...args), within);
  }
  const replicate = replication.replicas > 0 ? createReplicator(connections, replication, deadline, SLACK_MS) : null;

  return {
    run: (script, keys, args) => run(script, keys, args),
    async runReplicated(script, keys, args = [], more = 0) {
      if (replicate) return call(() => replicate(script, keys, args), deadline + more + replication.timeout);
      return { answer: await run(script, keys, args, deadline + more), reached: 0 };
    },
    get: (key) => call(() => commands.get(key)),
    hgetall: (key) => call(() => commands.hgetall(key)),
    subscribe(channel, listener) {
      const subscriber = connections.openSubscriber();
      subscribers.push(subscriber);
      keepSubscribed(subscriber, channel, () => closed || listener(), log);
    },
    close() {
      closed = true;
      return connections.close();
    },
  };
}

/**
 * Milliseconds beyond the deadline that a connection has. Where it was this process that was busy, the answers of all
 * commands under way have come, and the connection must not be given up before they are read.
 */
export const SLACK_MS = 1_000;

function optionsFor(deadline: number): RedisOptions {
  return {
    protocol: 2,
    disableClientInfo: true,
    commandTimeout: deadline + SLACK_MS,
    connectTimeout: Math.min(deadline, 1000),
    // A command without an answer keeps its place in the queue, so after a while only a new connection helps.
    socketTimeout: deadline + SLACK_MS,
    maxLoadingRetryTime: 500,
    retryStrategy: (attempt) => Math.min(50 * attempt, 500),
    // After a failover the address may lead to a new primary.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // The caller of a lost command got an error, so the command must not be sent again later.
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
  };
}

/** Logs each piece of advice once. INFO may fail if it is not permitted (NOPERM) or Redis is away again. */
function giveAdvice(redis: Redis | Cluster, log: StoreLog): void {
  const given = new Set<string>();
  redis.on('ready', async () => {
    const advice = await redis.info().then(adviceOn, () => []);
    for (const sentence of advice.filter((each) => !given.has(each))) log.warn({}, sentence);
    for (const sentence of advice) given.add(sentence);
  });
}

/** Logs each outage once, not each attempt to reconnect, and remembers its reason. */
function watchOutages(redis: Redis | Cluster, log: StoreLog) {
  let reason: string | null = null;
  let onEnd = () => {};
  redis.on('error', (error: unknown) => {
    if (reason === null) log.warn({ reason: reasonOf(error) }, 'Redis is away; trying again until it is back');
    reason = reasonOf(error);
  });
  redis.on('ready', () => {
    if (reason === null) return;
    reason = null;
    log.info({}, 'Redis is back');
    onEnd();
  });
  return {
    reason: () => reason,
    onEnd(listener: () => void) {
      onEnd = listener;
    },
  };
}

function keepSubscribed(subscriber: Redis, channel: string, listener: () => void, log: StoreLog): void {
  // The connection for commands meets the same outages and reports them.
  subscriber.on('error', () => {});
  subscriber.on('message', () => listener());
  subscriber.on('ready', () => {
    // An outage is noticed when it begins, not at the next comparison.
    subscriber.once('close', listener);
    subscriber.subscribe(channel).then(listener, (error) => {
      log.warn(
        { reason: reasonOf(error) },
        'cannot subscribe to changes in Redis; changes by other servers arrive later',
      );
    });
  });
}
