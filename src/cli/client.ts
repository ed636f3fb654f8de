import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createInterface } from 'node:readline';
import { pipeline, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ApiError, UsageError } from './errors.ts';
import type { Problem } from './types.ts';

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Sent as JSON, unless it is already text, or a stream. */
  body?: object | string | Readable;
  contentType?: string;
  /** The form of the answer; lines of JSON (`application/x-ndjson`) are returned as a list. */
  accept?: string;
  /** The revision that the change is based on; if it is not current, the server answers `revision_mismatch`. */
  ifMatch?: number;
  /** Milliseconds until the client gives up. */
  deadline?: number;
  /** Gets the lines of the answer one by one, which is then not returned. */
  onLine?: (line: string) => Promise<void>;
}

/**
 * Calls the operator API with a path below `/api/v1`, and returns the JSON of the answer. Rejects with `ApiError` if
 * the server refuses, and with an `Error` that people can read if it does not answer.
 */
export type Api = <T>(path: string, request?: ApiRequest) => Promise<T>;

const DEADLINE_MS = 30_000;

/** A client of the operator API at `url`, such as `http://127.0.0.1:8081`. `warn` gets a change's warnings. */
export function createClient(url: string, token: string, warn: (warning: string) => void): Api {
  const base = readUrl(url);
  return async <T>(path: string, request: ApiRequest = {}) => {
    const { status, type, body, warning } = await send(new URL(`/api/v1${path}`, base), token, request);
    if (warning) warn(warning);
    if (status < 300 && request.onLine) return undefined as T;
    if (status === 204 || (status === 202 && body === '')) return undefined as T;
    if (status < 300 && type.startsWith('application/json')) return JSON.parse(body) as T;
    if (status < 300 && type.startsWith('application/x-ndjson')) {
      const lines = body.split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line)) as T;
    }
    if (type.startsWith('application/problem+json')) throw new ApiError(JSON.parse(body) as Problem);
    throw new Error(`${url} answered ${status} and is not a Fairway operator listener; check the URL`);
  };
}

/** Parses the address of a server. Throws `UsageError` unless it is an http or https URL. */
export function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new UsageError(`"${text}" is not the URL of an operator listener; write it as http://127.0.0.1:8081`);
}

interface Answer {
  status: number;
  type: string;
  body: string;
  warning: string | undefined;
}

async function send(url: URL, token: string, request: ApiRequest): Promise<Answer> {
  const { method = 'GET', body, contentType = 'application/json', accept, ifMatch, deadline = DEADLINE_MS } = request;
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'Content-Type': contentType }),
    ...(accept === undefined ? {} : { Accept: accept }),
    ...(ifMatch === undefined ? {} : { 'If-Match': `"${ifMatch}"` }),
  };
  try {
    const signal = AbortSignal.timeout(deadline);
    const response = await open(url, { method, headers, signal }, body);
    const type = response.headers['content-type'] ?? '';
    const warning = response.headers['fairway-warning']?.toString();
    const status = response.statusCode ?? 0;
    if (request.onLine && status < 300) {
      for await (const line of createInterface({ input: response })) await request.onLine(line);
      if (!response.complete) throw new Error('the answer ended early');
      return { status, type, body: '', warning };
    }
    return { status, type, body: await text(response), warning };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const cause = error as NodeJS.ErrnoException;
    if (cause.name === 'AbortError') {
      const late = `${url.origin} did not answer within ${deadline / 1000} s`;
      throw new Error(`${late}; it may have been done, so check before you try again`, { cause });
    }
    const why = cause.message || cause.code;
    throw new Error(`${url.origin} cannot be reached (${why}); is FAIRWAY_URL the operator listener?`, { cause });
  }
}

/** Node's own client, because loading `fetch` takes longer than most answers. */
function open(url: URL, options: RequestOptions, body: ApiRequest['body']): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options);
    // A server may answer and hang up before it has read the whole body; the answer counts.
    request.once('response', resolve).on('error', reject);
    if (body instanceof Readable) pipeline(body, request, (error) => error && reject(error));
    else request.end(typeof body === 'object' ? JSON.stringify(body) : body);
  });
}

/** Reads a list page by page. Returns the answer of the API with all items under `name`. */
export async function readAll<N extends string, T>(
  api: Api,
  path: string,
  name: N,
  request?: ApiRequest,
): Promise<Record<N, T[]>> {
  const items: T[] = [];
  let after: string | null | undefined;
  do {
    const query = after ? `${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(after)}` : '';
    const page = await api<Record<N, T[]> & { next?: string | null }>(`${path}${query}`, request);
    items.push(...page[name]);
    after = page.next;
  } while (after);
  return { [name]: items } as Record<N, T[]>;
}

/** The API's path of a channel. */
export const channelPath = (name: string): string => `/channels/${encodeURIComponent(name)}`;
