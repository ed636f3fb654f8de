import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Answer, Answers } from '../service/answers.ts';
import type { CheckIns } from '../service/check-ins.ts';
import { readPublicPath } from './public-path.ts';

/** How often the public listener gave an answer that is no channel's; whole numbers, read when Prometheus asks. */
export interface PublicCounters {
  notFound: number;
  methodNotAllowed: number;
  unavailable: number;
}

export interface PublicApi {
  listener: RequestListener;
  counters: Readonly<PublicCounters>;
}

export interface PublicApiOptions {
  answers: Answers;
  checkIns: Pick<CheckIns, 'note'>;
  defaultChannel: string;
}

interface Fixed {
  status: number;
  headers: string[];
  body: Buffer;
}

const HEALTHY = fixed(200, 'ok', 'Cache-Control', 'no-store');
const NOT_FOUND = fixed(404, 'no such channel or endpoint');
const METHOD_NOT_ALLOWED = fixed(405, 'only GET and HEAD are answered here', 'Allow', 'GET, HEAD');
const UNAVAILABLE = fixed(
  503,
  'no state was ever loaded; try again later',
  'Retry-After',
  '5',
  'Cache-Control',
  'no-store',
);

/**
 * Answers agents. There is no router: whatever can be asked was prepared when the state changed, and a request is a
 * look-up. It reads nothing but the method, the path and the optional check-in, and can change nothing.
 */
export function createPublicApi({ answers, checkIns, defaultChannel }: PublicApiOptions): PublicApi {
  const counters = { notFound: 0, methodNotAllowed: 0, unavailable: 0 };

  const listener: RequestListener = (request, response) => {
    const { method, url = '/' } = request;
    const head = method === 'HEAD';
    if (method !== 'GET' && !head) {
      counters.methodNotAllowed++;
      return send(response, METHOD_NOT_ALLOWED, false);
    }
    const cut = url.indexOf('?');
    const path = cut < 0 ? url : url.slice(0, cut);
    const query = cut < 0 ? null : new URLSearchParams(url.slice(cut + 1));
    const answer = answers.byPath(path) ?? resolve(path, query);
    if (!('tally' in answer)) return send(response, answer, head);
    checkIn(request, query, answer.channel);
    sendAnswer(request, response, answer, head);
  };

  /** The way of everything that is not exactly `/v1/CHANNEL/version` or `/critical`. */
  function resolve(path: string, query: URLSearchParams | null): Answer | Fixed {
    const route = readPublicPath(path, defaultChannel);
    if (route?.endpoint === 'healthz') return HEALTHY;
    if (!answers.ready()) {
      counters.unavailable++;
      return UNAVAILABLE;
    }
    const group = query?.get('group');
    const answer =
      (route?.endpoint === 'find' && group ? answers.find(group, 'find') : undefined) ??
      (route ? answers.find(route.channel, route.endpoint) : undefined);
    if (answer) return answer;
    counters.notFound++;
    return NOT_FOUND;
  }

  function checkIn({ headers }: IncomingMessage, query: URLSearchParams | null, channel: string): void {
    const id = read(headers['agent-id']) ?? query?.get('host') ?? undefined;
    if (id === undefined) return;
    checkIns.note(channel, {
      id,
      version: read(headers['agent-version']) ?? query?.get('agent_version') ?? undefined,
      updater: read(headers['updater-kind']) ?? query?.get('updater') ?? undefined,
      updaterVersion: read(headers['updater-version']) ?? query?.get('updater_version') ?? undefined,
      group: read(headers['agent-group']) ?? query?.get('group') ?? undefined,
    });
  }

  return { listener, counters };
}

function sendAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer, head: boolean): void {
  const condition = request.headers['if-none-match'];
  if (condition !== undefined && matches(condition, answer.etag)) {
    answer.tally.notModified++;
    response.writeHead(304, answer.notModifiedHeaders);
    response.end();
    return;
  }
  answer.tally.ok++;
  response.writeHead(200, answer.headers);
  response.end(head ? undefined : answer.body);
}

function send(response: ServerResponse, { status, headers, body }: Fixed, head: boolean): void {
  response.writeHead(status, headers);
  response.end(head ? undefined : body);
}

function fixed(status: number, text: string, ...headers: string[]): Fixed {
  const body = Buffer.from(text);
  const common = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(body.length)];
  return { status, headers: [...common, ...headers], body };
}

/** `If-None-Match` compares weakly (RFC 9110, 13.1.2). */
function matches(condition: string, etag: string): boolean {
  if (condition === etag || condition.trim() === '*') return true;
  return condition.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === etag);
}

const read = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;
