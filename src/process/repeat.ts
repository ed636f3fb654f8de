import type { Logger } from 'pino';
import { countWarnings } from './warnings.ts';

/**
 * Runs `task` every `everyMs` milliseconds, one run at a time, until `stop`. A failure is logged with `name`, those of
 * a minute together, and the task runs again.
 */
export function repeat(name: string, everyMs: number, log: Logger, task: () => Promise<void>): { stop(): void } {
  const warn = countWarnings(log);
  let running = false;
  async function run(): Promise<void> {
    if (running) return;
    running = true;
    try {
      await task();
    } catch (err) {
      warn({ err, task: name }, 'a task failed; it will be tried again');
    } finally {
      running = false;
    }
  }
  const timer = setInterval(() => void run(), everyMs);
  return { stop: () => clearInterval(timer) };
}
