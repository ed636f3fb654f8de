import type { IncomingMessage, ServerResponse } from 'node:http';

/** Milliseconds for the body of a usual request, which has a few KiB. */
const BODY_MS = 10_000;
/** What may be large and slow; the listener's own limit holds. */
const IMPORTS = /^\/api\/v1\/(inventory|apply|releases\/import)(\?|$)/;

const TIMED_OUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

/**
 * Cuts off a request whose body does not arrive in time, so that slow clients do not fill the table of open files,
 * which polls share. An import has the time that the listener gives it, but not once it was answered, as without a
 * token.
 */
export function limitBodyTime(request: IncomingMessage, response: ServerResponse, within = BODY_MS): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  if (length === '0' && encoding === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    timer ??= setTimeout(() => {
      if (request.complete) return;
      if (!response.headersSent) request.socket.write(TIMED_OUT);
      request.socket.destroy();
    }, within);
  };
  request.once('close', () => clearTimeout(timer));
  if (IMPORTS.test(request.url ?? '')) response.once('finish', () => request.complete || begin());
  else begin();
}
