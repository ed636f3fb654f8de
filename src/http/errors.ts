import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import { type ErrorCode, FairwayError } from '../domain/errors.ts';

/** The one place that maps codes to statuses. */
export const STATUS: Record<ErrorCode, ContentfulStatusCode> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  refused: 409,
  channel_pinned: 409,
  frozen: 409,
  not_promoted: 409,
  not_newer: 409,
  not_older: 409,
  no_previous_target: 409,
  already_exists: 409,
  channel_in_use: 409,
  control_plane_in_use: 409,
  revision_mismatch: 412,
  too_large: 413,
  unsupported_media_type: 415,
  invalid: 422,
  rate_limited: 429,
  store_unavailable: 503,
  internal: 500,
};

/** The title of each code. */
export const TITLES: Record<ErrorCode, string> = {
  malformed: 'Malformed request',
  unauthenticated: 'Not signed in',
  forbidden: 'Not allowed',
  not_found: 'Not found',
  refused: 'Refused by a gate',
  channel_pinned: 'Channel is pinned',
  frozen: 'Channel is frozen',
  not_promoted: 'Not promoted to this stage',
  not_newer: 'Not newer than the target',
  not_older: 'Not older than the target',
  no_previous_target: 'No previous target',
  already_exists: 'Already exists',
  channel_in_use: 'Channel is in use',
  control_plane_in_use: 'Control plane is in use',
  revision_mismatch: 'Changed by someone else',
  too_large: 'Too large',
  unsupported_media_type: 'Unsupported media type',
  invalid: 'Invalid request',
  rate_limited: 'Too many requests',
  store_unavailable: 'Store unavailable',
  internal: 'Internal error',
};

/** Answers an error as RFC 9457 describes. An unknown error becomes a bland 500, and the log gets the cause. */
export function renderProblem(error: Error, c: Context, log: Logger): Response {
  const known = toFairwayError(error);
  if (known.code === 'internal') log.error({ err: error, method: c.req.method, path: c.req.path }, 'request failed');
  const { retryAfter, ...details } = known.details;
  const status = STATUS[known.code];
  const type = `urn:fairway:${known.code}`;
  // The store does not know what it was asked for; a read would have changed nothing anyway.
  const detail = c.req.method === 'GET' ? known.message.replace(', so nothing was changed', '') : known.message;
  const body = { type, title: TITLES[known.code], status, code: known.code, detail, ...details };
  const headers: Record<string, string> = { 'Content-Type': 'application/problem+json' };
  if (known.code === 'unauthenticated') headers['WWW-Authenticate'] = 'Bearer realm="fairway"';
  if (retryAfter !== undefined) headers['Retry-After'] = String(retryAfter);
  return c.body(JSON.stringify(body), status, headers);
}

/** An unknown error becomes `internal`, with the error as its cause. */
export function toFairwayError(error: Error): FairwayError {
  if (error instanceof FairwayError) return error;
  if (error instanceof HTTPException && error.status === 400) {
    return new FairwayError('malformed', 'the body is not valid JSON; check its quotes, commas and brackets');
  }
  if (error instanceof HTTPException && error.status === 415) {
    return new FairwayError('unsupported_media_type', 'send JSON, with the header Content-Type: application/json');
  }
  if (isGone(error))
    return new FairwayError('malformed', 'the request ended before it was complete; send it again', { cause: error });
  return new FairwayError('internal', 'the server failed; its log has the reason', { cause: error });
}

/** The error of node:http while it reads the body of a client that went away. Other lost connections differ. */
const isGone = (error: NodeJS.ErrnoException) => error.code === 'ECONNRESET' && error.message === 'aborted';
