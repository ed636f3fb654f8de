import type { Logger } from 'pino';

/**
 * Runs `task` every so many milliseconds, one run at a time, until it is stopped or the task answers `done`.
 * A failure is logged as `name` and does not end the repetition.
 */
export function repeat(
  name: string,
  everyMs: number,
  log: Logger,
  task: () => Promise<'done' | 'again'>,
): { stop(): void } {
  let running = false;
  async function run(): Promise<void> {
    if (running) return;
    running = true;
    try {
      if ((await task()) === 'done') clearInterval(timer);
    } catch (err) {
      log.warn({ err, task: name }, 'a task failed; it will be tried again');
    } finally {
      running = false;
    }
  }
  const timer = setInterval(() => void run(), everyMs);
  return { stop: () => clearInterval(timer) };
}
