import type { z } from '@hono/zod-openapi';
import { FairwayError } from '../domain/errors.ts';
import { describeFault } from '../domain/faults.ts';

/** The error `invalid` with the fault of each field that a schema found in `input`. */
export function invalid(error: z.ZodError, input: unknown): FairwayError {
  const errors = error.issues.map((issue) => {
    const message = describeFault(issue, at(input, issue.path), 'field') ?? issue.message;
    return { path: issue.path.join('.'), message };
  });
  const sentence = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
  return new FairwayError('invalid', sentence, { errors });
}

/** Returns `input` as the schema parses it. Throws `invalid`. */
export function validated<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw invalid(parsed.error, input);
  return parsed.data;
}

const at = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input);
