import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';

/** What an address answered. Times are epoch milliseconds. */
export interface Probe {
  status: number;
  body: string;
  /** The server's clock, as its `Date` header has it. */
  at: number | null;
  /** The end of the certificate, with https. */
  certificateEnds: number | null;
}

const DEADLINE_MS = 5_000;

/** Gets an address, without a token as an updater does. Rejects with an error that people can read. */
export function probe(url: URL, token?: string): Promise<Probe> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const options = { headers, signal: AbortSignal.timeout(DEADLINE_MS), minVersion: 'TLSv1.2' as const };
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options);
    request.once('error', (error: NodeJS.ErrnoException) => reject(new Error(describe(error))));
    request.once('response', (response) => {
      const { socket, headers, statusCode = 0 } = response;
      const ends = 'getPeerCertificate' in socket ? (socket as TLSSocket).getPeerCertificate().valid_to : null;
      const at = Date.parse(headers.date ?? '');
      text(response).then(
        (body) =>
          resolve({
            status: statusCode,
            body,
            at: Number.isNaN(at) ? null : at,
            certificateEnds: ends ? Date.parse(ends) : null,
          }),
        (error: NodeJS.ErrnoException) => reject(new Error(describe(error))),
      );
    });
    request.end();
  });
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return `no answer within ${DEADLINE_MS / 1000} s`;
  return error.message || error.code || 'the connection failed';
}
