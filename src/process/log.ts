import { type Logger, pino } from 'pino';
import { inSources } from './stack.ts';

/** Structured logs on standard output. Whatever might hold a secret is censored by name, should it ever get in. */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: tellError },
    formatters: { level: (label) => ({ level: label }) },
    redact: ['token', 'adminToken', 'authorization', 'redisUrl', '*.token', '*.authorization', 'headers.authorization'],
  });
}

/** As pino tells it, with the places of the sources. */
function tellError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const told = pino.stdSerializers.err(error);
  told.stack = inSources(told.stack);
  return told;
}
