import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { type PeerAccess, PeerError } from '../domain/peers.ts';

export interface PeerRequest {
  url: URL | string;
  /** Milliseconds for the whole answer. */
  timeout: number;
  /** Bytes; a larger answer fails. */
  maxBody: number;
  access: PeerAccess;
  /** Sent as a form by POST; left out: GET. */
  form?: URLSearchParams | undefined;
  /** Is the body of an answer with this status of use? Of others it is not read. */
  reads?: ((status: number) => boolean) | undefined;
}

export interface PeerResponse {
  status: number;
  /** Empty if it was not read. */
  body: string;
  header(name: string): string | null;
}

/** Sends one request. Redirects are not followed, so a login goes nowhere else. Throws `PeerError`. */
export async function requestPeer(options: PeerRequest): Promise<PeerResponse> {
  const { timeout, maxBody, access, form, reads = () => true } = options;
  const url = new URL(options.url);
  // Loading TLS takes longer than a request, and most installations do not need it here.
  const send = url.protocol === 'https:' ? (await import('node:https')).request : requestPlain;
  const signal = AbortSignal.timeout(timeout);
  const body = form?.toString();
  const headers = {
    ...(body === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
    ...access.headers,
  };
  const method = body === undefined ? 'GET' : 'POST';
  // Each request has a connection of its own: a source is read once a minute, and may move.
  const sending: RequestOptions = { method, headers, signal, agent: false, ...(access.ca ? { ca: access.ca } : {}) };
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      send(url, sending, resolve).on('error', reject).end(body);
    });
    const { statusCode: status = 0 } = response;
    const text = reads(status) ? await readBody(response, maxBody) : '';
    response.destroy();
    return { status, body: text, header: (name) => headerOf(response, name) };
  } catch (error) {
    throw mapError(error, signal.aborted, timeout);
  }
}

function headerOf({ headers }: IncomingMessage, name: string): string | null {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}

async function readBody(response: IncomingMessage, maxBody: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    // Leaving the loop ends the connection.
    if (size > maxBody) throw new PeerError('too_large', `its answer is larger than ${maxBody} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function mapError(error: unknown, isLate: boolean, timeout: number): PeerError {
  if (error instanceof PeerError) return error;
  if (isLate) return new PeerError('slow', `it did not answer completely within ${timeout} ms`);
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = UNTRUSTED.test(code ?? '') ? `${code}: ${message}; set caFile to the CA of its certificate` : code;
  return new PeerError('unreachable', `it cannot be read: ${reason ?? message}`, { cause: error });
}

/** Codes of OpenSSL for a chain that ends at no CA that is trusted. */
const UNTRUSTED = /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF|GET_ISSUER)\w*)$/;
