import type { Logger } from 'pino';

/** Milliseconds. */
const COUNTED_FOR = 60_000;

/**
 * Logs a warning at once, and those with the same message of the next minute as one, the last of them, with the number
 * of the others in `more`: an outage that concerns a thousand channels is one line a minute.
 */
export function countWarnings(log: Pick<Logger, 'warn'>): (fields: object, message: string) => void {
  const counted = new Map<string, { fields: object; more: number }>();

  function summarize(message: string): void {
    const { fields, more } = counted.get(message) ?? { fields: {}, more: 0 };
    counted.delete(message);
    if (more > 0) warn({ ...fields, ...(more > 1 ? { more: more - 1 } : {}) }, message);
  }

  function warn(fields: object, message: string): void {
    log.warn(fields, message);
    counted.set(message, { fields, more: 0 });
    setTimeout(summarize, COUNTED_FOR, message).unref();
  }

  return (fields, message) => {
    const last = counted.get(message);
    if (last) counted.set(message, { fields, more: last.more + 1 });
    else warn(fields, message);
  };
}
