import { maxHeaderSize } from 'node:http';
import { isHost } from './host.ts';
import { POLL_FIELDS, type PollHeaders } from './poll-headers.ts';

/** A poll without a body, a condition or an unknown header. */
export interface PlainPoll {
  path: string;
  head: boolean;
  /** Close the connection after the answer? */
  close: boolean;
  headers: PollHeaders;
}

/** A poll has a few hundred bytes; the limit is never above that of node:http. */
const MAX_BYTES = Math.min(2_048, maxHeaderSize);
const REQUEST = /^(GET|HEAD) (\/[!-~]+) HTTP\/1\.1\r\n/;
const FIELD = /([A-Za-z-]+): ([!-~](?:[ -~]*[!-~])?)\r\n/y;

/** Headers of curl, Go and proxies that do not change the answer. */
const MEANINGLESS = [
  ...['user-agent', 'accept', 'accept-encoding', 'accept-language', 'cache-control', 'pragma'],
  ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-real-ip', 'x-request-id'],
  ...['forwarded', 'via', 'traceparent', 'tracestate'],
];
const KNOWN = new Map<string, 'host' | 'connection' | 'meaningless' | keyof PollHeaders>([
  ['host', 'host'],
  ['connection', 'connection'],
  ...MEANINGLESS.map((name): [string, 'meaningless'] => [name, 'meaningless']),
  ...[...POLL_FIELDS].filter(([name]) => name !== 'if-none-match'),
]);

/**
 * Reads bytes (as Latin-1) that are exactly one complete request, which node:http would read the same way. Returns null
 * for anything else: a body, a condition, an unknown header, two hosts, what is not a host, anything ambiguous (RFC
 * 9112, 11.2).
 */
export function readPlainPoll(text: string): PlainPoll | null {
  const request = text.length > MAX_BYTES ? null : REQUEST.exec(text);
  if (!request) return null;
  const [line, method, path] = request as unknown as [string, string, string];
  const headers: PollHeaders = {};
  let hosts = 0;
  let connection = '';
  let end = line.length;
  FIELD.lastIndex = end;
  for (let field = FIELD.exec(text); field; field = FIELD.exec(text)) {
    end = FIELD.lastIndex;
    const [, name, value] = field as unknown as [string, string, string];
    const known = KNOWN.get(name.toLowerCase());
    if (known === undefined) return null;
    if (known === 'host') {
      if (!isHost(value)) return null;
      hosts++;
    } else if (known === 'connection') connection += value.toLowerCase();
    else if (known !== 'meaningless') headers[known] ??= value;
  }
  if (hosts !== 1 || end !== text.length - 2 || !text.endsWith('\r\n')) return null;
  if (connection !== '' && connection !== 'keep-alive' && connection !== 'close') return null;
  return { path, head: method === 'HEAD', close: connection === 'close', headers };
}
