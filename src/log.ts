import { type Logger, pino } from 'pino';

/** Structured logs on standard output. Whatever might hold a secret is censored by name, should it ever get in. */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ['token', 'adminToken', 'authorization', 'redisUrl', '*.token', '*.authorization', 'headers.authorization'],
  });
}
