import { type Connections, firstAttempt } from './redis-connect.ts';
import type { Script } from './redis-scripts/script.ts';

export interface ReplicationOptions {
  /** Replicas that are to have a commit before it counts as done; 0: none. */
  replicas: number;
  /** Milliseconds to wait for them. */
  timeout: number;
}

export interface ReplicatedAnswer {
  answer: unknown;
  /** Replicas that have what the script wrote. */
  reached: number;
}

/**
 * Runs scripts on a connection of its own, and waits there for the replicas: WAIT holds up whatever comes after it on
 * its connection, and it knows only of what that connection wrote.
 */
export function createReplicator(
  connections: Connections,
  { replicas, timeout }: ReplicationOptions,
  deadline: number,
) {
  const atMost = deadline + timeout;
  const redis = connections.openPrimary({ commandTimeout: atMost, socketTimeout: atMost + 200 });
  let wait: string[] | null = null;
  // The connection for commands meets the same outages and reports them.
  redis.on('error', () => {});
  redis.on('ready', () => {
    wait = null;
  });
  const attempt = firstAttempt(redis);

  return async ({ lua }: Script, keys: string[], args: (string | number)[]): Promise<ReplicatedAnswer> => {
    await attempt;
    wait ??= waitCommand(await redis.info());
    const [command = '', ...before] = wait;
    // In one breath: after a reconnect WAIT would answer for a connection that has written nothing. EVAL and no digest,
    // for a script sent again would come after its WAIT.
    const answer = redis.eval(lua, keys.length, ...keys, ...args);
    const acknowledged = redis.call(command, ...before, replicas, timeout).then(readReached, () => {
      wait = null;
      return 0;
    });
    return { answer: await answer, reached: await acknowledged };
  };
}

/** WAITAOF, which waits for the replicas' disks, from Redis 7.2 on where the primary appends to a file; else WAIT. */
export function waitCommand(info: string): string[] {
  const [, major = 0, minor = 0] = /^redis_version:(\d+)\.(\d+)/m.exec(info) ?? [];
  const hasWaitAof = Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 2);
  return hasWaitAof && /^aof_enabled:1/m.test(info) ? ['WAITAOF', '0'] : ['WAIT'];
}

/** WAITAOF answers how many disks of its own, and of replicas. */
const readReached = (answer: unknown) => Number(Array.isArray(answer) ? answer[1] : answer);
