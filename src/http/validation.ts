import type { z } from '@hono/zod-openapi';
import { FairwayError } from '../domain/errors.ts';

/** What a schema found wrong, as `invalid` with the fault of each field. */
export function invalid(error: z.ZodError): FairwayError {
  const errors = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  const sentence = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
  return new FairwayError('invalid', sentence, { errors });
}
