import type { Logger } from 'pino';

const LAST_LINES_MS = 500;
/** Ctrl-C goes to every process at the terminal, and npm passes on the one that it got: twice within this is once. */
const ECHO_MS = 500;

/**
 * Closes the server on SIGTERM or SIGINT, then exits; a second signal exits at once. One that is still starting answers
 * agents already, and is closed when it has started.
 */
export function closeOnSignal(starting: Promise<{ close(): Promise<void> }>, log: Logger): void {
  let first: { signal: NodeJS.Signals; at: number } | null = null;
  const onSignal = async (signal: NodeJS.Signals) => {
    if (first) {
      const both = signal === 'SIGINT' && first.signal === 'SIGINT';
      if (both && performance.now() - first.at < ECHO_MS) return;
      log.warn({ signal }, 'second signal: exiting at once');
      process.exit(1);
    }
    first = { signal, at: performance.now() };
    log.info({ signal }, 'stopping: not ready any more, draining, finishing what is under way');
    try {
      await (await starting).close();
      // It ends by itself when the last lines of the log are out; whatever else holds it up shall not.
      setTimeout(() => process.exit(0), LAST_LINES_MS).unref();
    } catch (err) {
      log.error({ err }, 'could not stop cleanly');
      process.exit(1);
    }
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
