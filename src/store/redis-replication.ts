import { type Connections, firstAttempt } from './redis-connect.ts';
import type { Script } from './redis-scripts/script.ts';

export interface ReplicationOptions {
  /** Replicas that must have a commit before it counts as replicated; 0 to wait for none. */
  replicas: number;
  /** Milliseconds to wait for them. */
  timeout: number;
}

export interface ReplicatedAnswer {
  answer: unknown;
  /** How many replicas have what the script wrote. */
  reached: number;
}

/**
 * Runs scripts on a separate connection and waits there for the replicas, because WAIT delays all later commands of its
 * connection and only considers what that connection wrote.
 */
export function createReplicator(
  connections: Connections,
  { replicas, timeout }: ReplicationOptions,
  deadline: number,
  slack: number,
) {
  const atMost = deadline + timeout + slack;
  const redis = connections.openPrimary({ commandTimeout: atMost, socketTimeout: atMost });
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
    // Both are sent together: after a reconnect WAIT would answer for a connection that has written nothing. EVAL is
    // used instead of EVALSHA, because a script that is unknown and sent again would come after its WAIT.
    const answer = redis.eval(lua, keys.length, ...keys, ...args);
    const acknowledged = redis.call(command, ...before, replicas, timeout).then(readReached, () => {
      wait = null;
      return 0;
    });
    return { answer: await answer, reached: await acknowledged };
  };
}

/**
 * Returns the command that waits for the replicas: WAITAOF, which waits for their disks, if Redis is 7.2 or newer and
 * the primary has an append-only file, else WAIT. `info` is the answer to INFO.
 */
export function waitCommand(info: string): string[] {
  const [, major = 0, minor = 0] = /^redis_version:(\d+)\.(\d+)/m.exec(info) ?? [];
  const hasWaitAof = Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 2);
  return hasWaitAof && /^aof_enabled:1/m.test(info) ? ['WAITAOF', '0'] : ['WAIT'];
}

/** WAITAOF answers two numbers, of local and of replicas' disks; WAIT answers the number of replicas. */
const readReached = (answer: unknown) => Number(Array.isArray(answer) ? answer[1] : answer);
