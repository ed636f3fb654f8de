import { type Logger, pino } from 'pino';
import { inSources } from './stack.ts';

/** Structured logs on standard output. Fields whose names suggest a secret are censored, in case one is ever logged. */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: serializeError },
    formatters: { level: (label) => ({ level: label }) },
    redact: ['token', 'adminToken', 'authorization', 'redisUrl', '*.token', '*.authorization', 'headers.authorization'],
  });
}

/** The fields that pino logs by default, with a stack that names places in the sources. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const fields = pino.stdSerializers.err(error);
  fields.stack = inSources(fields.stack);
  return fields;
}
