import { z } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { FairwayError } from '../../domain/errors.ts';
import { type Action, roleFor } from '../../domain/role.ts';
import type { ChangeRequest } from '../../service/change.ts';
import { needs, type OperatorEnv } from '../auth.ts';
import { Problem } from '../schemas/problem.ts';

const KIB = 1024;

/**
 * What a route asks of its caller: permission for the action, and a body of at most `maxBody` bytes (null: the handler
 * limits it).
 */
export function guarded(action: Action, maxBody: number | null = 64 * KIB) {
  const middleware: MiddlewareHandler<OperatorEnv>[] = [
    needs(action),
    ...(maxBody === null ? [] : [limitBody(maxBody)]),
  ];
  return { security: [{ token: [] }], description: `Needs the role ${roleFor(action)}.`, middleware };
}

function limitBody(maxSize: number) {
  const limit = maxSize >= KIB * KIB ? `${maxSize / KIB / KIB} MiB` : `${maxSize / KIB} KiB`;
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new FairwayError('too_large', `the body is larger than ${limit}; send less at once`);
    },
  });
}

/** The name of a verb in generated clients: `roll-forward` of a `Channel` is `rollForwardChannel`. */
export const operationId = (verb: string, noun: string): string =>
  verb.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()) + noun;

/** A required JSON body. */
export const body = <S extends z.ZodType>(schema: S) => ({
  body: { required: true, content: { 'application/json': { schema } } },
});

/** The responses of a route: 200 with `schema`, and a problem for every failure. */
export const answers = <S extends z.ZodType>(description: string, schema: S) => ({
  200: { description, content: { 'application/json': { schema } } },
  ...problems,
});

export const problems = {
  default: { description: 'What went wrong.', content: { 'application/problem+json': { schema: Problem } } },
} as const;

/** The headers that make a change conditional. */
export const Conditions = z.object({
  'if-match': z
    .string()
    .optional()
    .openapi({ description: 'The revision that the change is based on. If it has changed, the answer is 412.' }),
});

/** Reads the caller, the condition and whether this is a dry run. `dryRun` may be in the body or in the query. */
export function readRequest(c: Context<OperatorEnv>, dryRunInBody = false): ChangeRequest {
  return {
    actor: c.get('actor'),
    ifMatch: readIfMatch(c),
    dryRun: dryRunInBody || c.req.query('dryRun') === 'true',
  };
}

/** A revision that no document has. */
const NO_REVISION = -1;

/** The revision in `If-Match`, or its `*`; null without a condition, 0 for `If-None-Match: *`. */
function readIfMatch(c: Context): ChangeRequest['ifMatch'] {
  if (c.req.header('if-none-match')?.trim() === '*') return 0;
  const condition = c.req.header('if-match')?.trim();
  if (condition === undefined) return null;
  if (condition === '*') return '*';
  return Number(/^(?:W\/)?"?(\d{1,15})"?$/.exec(condition)?.[1] ?? NO_REVISION);
}

export const etag = (revision: number): string => `"${revision}"`;
