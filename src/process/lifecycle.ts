import type { Logger } from 'pino';

const LAST_LINES_MS = 500;
/** A terminal and systemd signal every process of a group, and npm passes its own signal on: both within a moment. */
const ECHO_MS = 500;

/**
 * Closes the server on SIGTERM or SIGINT, then exits with 0. A second signal exits at once with 1; the same signal
 * within half a second is not a second one. A server that is still starting already answers agents; it is closed once
 * it is up.
 */
export function closeOnSignal(starting: Promise<{ close(): Promise<void> }>, log: Logger): void {
  let first: { signal: NodeJS.Signals; at: number } | null = null;
  const onSignal = async (signal: NodeJS.Signals) => {
    if (first) {
      if (signal === first.signal && performance.now() - first.at < ECHO_MS) return;
      log.warn({ signal }, 'second signal: exiting at once');
      process.exit(1);
    }
    first = { signal, at: performance.now() };
    log.info({ signal }, 'stopping: not ready any more, draining, finishing requests under way');
    try {
      await (await starting).close();
      // The process ends by itself when the last lines of the log are written. The timer ends it if anything is left.
      setTimeout(() => process.exit(0), LAST_LINES_MS).unref();
    } catch (err) {
      log.error({ err }, 'could not stop cleanly');
      process.exit(1);
    }
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
