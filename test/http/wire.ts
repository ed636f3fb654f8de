import { connect, type Socket } from 'node:net';

/** One answer as sent on the wire; bytes are Latin-1 characters. */
export interface WireReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** No answer takes longer than a few milliseconds unless the server hangs. */
const HANGS_AFTER = 8_000;

/** Sends `bytes` on a new connection and returns everything that came back until the server closed it. */
export function exchange(url: string, bytes: string | Buffer, { end = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = open(url);
    const received: Buffer[] = [];
    const done = () => resolve(Buffer.concat(received).toString('latin1'));
    socket.setTimeout(HANGS_AFTER, () => {
      socket.destroy();
      reject(new Error(`no answer to ${JSON.stringify(String(bytes).slice(0, 200))}`));
    });
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('close', done);
    // A server that refuses a request may reset the connection while it is still sent.
    socket.on('error', done);
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    if (end) socket.end();
  });
}

/** A connection to the server at `url`; the caller ends it. */
export function open(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname);
}

/** A request in bytes; it closes the connection. */
export const requestBytes = (target: string, { method = 'GET', headers = [] as string[] } = {}): string =>
  [`${method} ${target} HTTP/1.1`, 'Host: fairway.test', 'Connection: close', ...headers, '', ''].join('\r\n');

/** Sends a GET with exactly this request target. */
export async function ask(
  url: string,
  target: string,
  options: { method?: string; headers?: string[] } = {},
): Promise<WireReply> {
  const [reply] = parseReplies(await exchange(url, requestBytes(target, options)), [options.method ?? 'GET']);
  if (!reply) throw new Error(`no answer to ${target}`);
  return reply;
}

/** Splits the bytes of a connection into answers. `methods` has those of the requests: a HEAD has no body. */
export function parseReplies(bytes: string, methods: string[] = []): WireReply[] {
  const replies: WireReply[] = [];
  let rest = bytes;
  while (rest !== '') {
    const cut = rest.indexOf('\r\n\r\n');
    if (cut < 0) throw new Error(`not an HTTP answer: ${JSON.stringify(rest.slice(0, 200))}`);
    const [line = '', ...fields] = rest.slice(0, cut).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1]);
    const headers = Object.fromEntries(
      fields.map((field) => [field.split(':', 1)[0]?.toLowerCase(), field.slice(field.indexOf(':') + 1).trim()]),
    );
    const bodiless = status === 304 || methods[replies.length] === 'HEAD';
    const length = bodiless ? 0 : Number(headers['content-length'] ?? rest.length - cut - 4);
    replies.push({ status, headers, body: rest.slice(cut + 4, cut + 4 + length) });
    rest = rest.slice(cut + 4 + length);
  }
  return replies;
}
