import { ApiError, UsageError } from './errors.ts';
import type { Problem } from './types.ts';

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as JSON, unless it is text already or a stream. */
  body?: object | string | ReadableStream<Uint8Array>;
  contentType?: string;
  accept?: string;
  /** The revision that was seen; another one is refused with `revision_mismatch`. */
  ifMatch?: number;
  /** Milliseconds until it gives up. */
  deadline?: number;
}

/**
 * Asks the operator API: a path below `/api/v1`, and the JSON of the answer, or its text where other than JSON was
 * asked for. Rejects with `ApiError` where the server says no, and with a sentence where it does not answer.
 */
export type Api = <T>(path: string, request?: ApiRequest) => Promise<T>;

const DEADLINE_MS = 30_000;

/** A client of the operator API at `url`, such as `http://127.0.0.1:8081`. */
export function createClient(url: string, token: string): Api {
  const base = readUrl(url);
  return async <T>(path: string, request: ApiRequest = {}) => {
    const response = await send(new URL(`/api/v1${path}`, base), token, request);
    if (response.status === 204) return undefined as T;
    const type = response.headers.get('content-type') ?? '';
    if (response.ok) return (type.startsWith('application/json') ? await response.json() : await response.text()) as T;
    if (type.startsWith('application/problem+json')) throw new ApiError((await response.json()) as Problem);
    throw new Error(`${url} answered ${response.status}, and is no Fairway operator listener; check the URL`);
  };
}

/** Throws `UsageError` for what cannot be a server's address. */
export function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new UsageError(`${text} is no URL of an operator listener, such as http://127.0.0.1:8081`);
}

async function send(url: URL, token: string, request: ApiRequest): Promise<Response> {
  const { method = 'GET', body, contentType = 'application/json', accept, ifMatch, deadline = DEADLINE_MS } = request;
  const streamed = body instanceof ReadableStream;
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'Content-Type': contentType }),
    ...(accept === undefined ? {} : { Accept: accept }),
    ...(ifMatch === undefined ? {} : { 'If-Match': `"${ifMatch}"` }),
  };
  try {
    return await fetch(url, {
      method,
      headers,
      body: body === undefined ? null : typeof body === 'object' && !streamed ? JSON.stringify(body) : body,
      ...(streamed ? { duplex: 'half' } : {}),
      signal: AbortSignal.timeout(deadline),
    } as RequestInit);
  } catch (error) {
    const cause = error as Error;
    if (cause.name === 'TimeoutError') {
      const message = `${url.origin} did not answer within ${deadline / 1000} s; whether it was done is unknown, so look before you repeat`;
      throw new Error(message, { cause });
    }
    const why =
      cause.cause instanceof Error ? cause.cause.message || (cause.cause as NodeJS.ErrnoException).code : cause.message;
    throw new Error(`${url.origin} cannot be reached (${why}); is FAIRWAY_URL the operator listener?`, { cause });
  }
}

/** The path of a channel. */
export const channelPath = (name: string): string => `/channels/${encodeURIComponent(name)}`;
