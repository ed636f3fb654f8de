import type { RequestListener, ServerResponse } from 'node:http';
import type { CheckIns } from '../service/check-ins.ts';
import type { Answers, OwnAnswer, PreparedAnswer } from './answers.ts';
import { BAD_HOST } from './host.ts';
import { type PollHeaders, type PollRequest, readPollQuery } from './poll-headers.ts';
import { type ChannelRoute, readPublicPath } from './public-path.ts';

/** How often the public listener gave an answer that belongs to no channel: whole numbers, which Prometheus reads. */
export interface PublicCounters {
  notFound: number;
  methodNotAllowed: number;
  unavailable: number;
}

export interface PublicApi {
  listener: RequestListener<typeof PollRequest>;
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
  body: string;
}

/** Means the default channel, unless a channel has that name. */
const DEFAULT_ALIAS = 'default';

const HEALTHY = fixed(200, 'ok', 'Cache-Control', 'no-store');
const HOST_REFUSED = fixed(400, BAD_HOST, 'Connection', 'close');
const TOO_OLD = fixed(
  503,
  'the state of this server is older than Fairway-Max-Age allows; ask another server, or without that header',
  'Cache-Control',
  'no-store',
);
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
 * Answers agents. There is no router: all answers are prepared when the state changes, and a request is a look-up. It
 * reads only the method, the path and the optional check-in, and cannot change any state.
 */
export function createPublicApi({ answers, checkIns, defaultChannel }: PublicApiOptions): PublicApi {
  const counters = { notFound: 0, methodNotAllowed: 0, unavailable: 0 };

  const listener: PublicApi['listener'] = (request, response) => {
    const { method, url = '/' } = request;
    const head = method === 'HEAD';
    if (!request.hasSoundHost) return send(response, HOST_REFUSED, head);
    if (method !== 'GET' && !head) {
      counters.methodNotAllowed++;
      return send(response, METHOD_NOT_ALLOWED, false);
    }
    const cut = url.indexOf('?');
    const path = cut < 0 ? url : url.slice(0, cut);
    const query = cut < 0 ? null : new URLSearchParams(url.slice(cut + 1));
    const found = answers.byPath(path) ?? resolve(path, query, request.poll);
    const age = answers.age();
    if (age !== null && found !== HEALTHY && found !== UNAVAILABLE) {
      for (let i = 0; i + 1 < age.headers.length; i += 2) {
        response.setHeader(age.headers[i] as string, age.headers[i + 1] as string);
      }
      if (age.seconds > Number(request.poll.maxAge)) {
        counters.unavailable++;
        return send(response, TOO_OLD, head);
      }
    }
    if (!('tally' in found)) return send(response, found, head);
    const answer = found.own ? ownOf(found.own, request.poll, query) : found;
    checkIn(request.poll, query, answer.channel);
    sendAnswer(response, answer, request.poll.ifNoneMatch, head);
  };

  /** Headers count before the query, as in a check-in. */
  function ownOf(own: OwnAnswer, { group, id }: PollHeaders, query: URLSearchParams | null): PreparedAnswer {
    if (query === null) return own(group, id);
    const said = readPollQuery(query);
    return own(group ?? said.group, id ?? said.id);
  }

  /** Resolves every path that is not one of the plain ones (`plainPaths`). */
  function resolve(path: string, query: URLSearchParams | null, headers: PollHeaders): PreparedAnswer | Fixed {
    const route = readPublicPath(path, defaultChannel);
    if (route?.endpoint === 'healthz') return HEALTHY;
    if (!answers.ready()) {
      counters.unavailable++;
      return UNAVAILABLE;
    }
    const answer = route && find(route, query, headers);
    if (answer) return answer;
    counters.notFound++;
    return NOT_FOUND;
  }

  function find(
    { endpoint, channel }: ChannelRoute,
    query: URLSearchParams | null,
    headers: PollHeaders,
  ): PreparedAnswer | undefined {
    if (endpoint === 'find') {
      const said = query === null ? {} : readPollQuery(query);
      return answers.ofGroup(said.group ?? headers.group ?? null, headers.id ?? said.id);
    }
    const answer = answers.find(channel, endpoint);
    // Scripts of Teleport ask for the channel `default`, which a proxy always has.
    return answer ?? (channel === DEFAULT_ALIAS ? answers.find(defaultChannel, endpoint) : undefined);
  }

  function checkIn(headers: PollHeaders, query: URLSearchParams | null, channel: string): void {
    if (headers.id === undefined && !query?.has('host') && !query?.has('update_id')) return;
    checkIns.note(channel, query === null ? headers : { ...readPollQuery(query), ...headers });
  }

  return { listener, counters };
}

function sendAnswer(
  response: ServerResponse,
  answer: PreparedAnswer,
  condition: string | undefined,
  head: boolean,
): void {
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

function fixed(status: number, body: string, ...headers: string[]): Fixed {
  const common = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(body.length)];
  return { status, headers: [...common, ...headers], body };
}

/** `If-None-Match` uses weak comparison (RFC 9110, 13.1.2). */
function matches(condition: string, etag: string): boolean {
  if (condition === etag || condition.trim() === '*') return true;
  return condition.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === etag);
}
