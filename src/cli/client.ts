import type { z } from '@hono/zod-openapi';
import type { Problem } from '../http/schemas.ts';

/** What the server said when it did not do it. */
export class ApiError extends Error {
  readonly problem: z.infer<typeof Problem>;

  constructor(problem: z.infer<typeof Problem>) {
    super(problem.detail);
    this.problem = problem;
  }
}

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: string;
  contentType?: string;
}

/** Asks the operator API. Rejects with `ApiError` where it answers with a problem, and with a sentence where it does not answer. */
export type Api = <T>(path: string, request?: ApiRequest) => Promise<T>;

const DEADLINE_MS = 30_000;

/** A client of the operator API at `url`, such as `http://127.0.0.1:8081`. */
export function createClient(url: string, token: string): Api {
  return async <T>(path: string, { method = 'GET', body, contentType = 'application/json' }: ApiRequest = {}) => {
    const response = await fetch(new URL(`/api/v1${path}`, url), {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'Content-Type': contentType }) },
      body: body ?? null,
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).catch((cause: Error) => {
      const why = cause.cause instanceof Error ? cause.cause.message : cause.message;
      throw new Error(`${url} cannot be reached (${why}); set FAIRWAY_URL to the operator listener`, { cause });
    });
    if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
    const type = response.headers.get('content-type') ?? '';
    if (!type.startsWith('application/problem+json'))
      throw new Error(`${url} answered ${response.status}, and is no Fairway operator listener`);
    throw new ApiError((await response.json()) as z.infer<typeof Problem>);
  };
}
