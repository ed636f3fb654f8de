import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SecureVersion } from 'node:tls';
import type { KeyPair } from '../config/key-pair.ts';
import { FairwayError } from '../domain/errors.ts';
import type { ServedKeyPair } from './certificate.ts';

export interface Listener {
  url: string;
  /** Connections that were closed at once because `maxConnections` were open; a whole number that only grows. */
  refused(): number;
  /**
   * Keeps serving for `length` milliseconds, new connections too, but closes each connection after its next answer
   * (`Connection: close`). Load balancers use this time to notice that this server is not ready any more.
   */
  drain(length: number): Promise<void>;
  /** Refuses new connections, lets requests under way finish, and after `deadline` milliseconds cuts off the rest. */
  close(deadline: number): Promise<void>;
}

export interface Address<Request extends typeof IncomingMessage> {
  host: string;
  /** 0 for any free port. */
  port: number;
  /** Milliseconds for a whole request to arrive. */
  requestTimeout: number;
  /** Open connections at most; left out: as many as the process may have files open. */
  maxConnections?: number;
  /** Null or undefined for plain HTTP. */
  certificate?: ServedKeyPair | null;
  /** The class of the requests that the listener gets. */
  Request: Request;
  openLane?: OpenLane | null;
}

/**
 * Puts a lane in front of a server: it serves the connections that it can, and leaves the others to the server. Every
 * `lookEvery` milliseconds it looks for connections to cut off.
 */
export type OpenLane = (
  server: Server,
  lookEvery: number,
) => {
  /** Leaves all requests from now on to the server. */
  stop(): void;
};

/** Longer than common proxies keep idle connections, so that none of them sends a request on one that just closed. */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_MS = 10_000;
/** How late a connection may be cut off. The default of Node is 30 s. */
const CUT_OFF_LOOK_MS = 1_000;
const IDLE_LOOK_MS = 50;
/** Connections that may wait while this process is busy, after an outage for instance. The default limit of Linux. */
const BACKLOG = 4_096;
/** Teleport's own updaters ask for it: `curl --tlsv1.2`. */
const OLDEST_TLS: SecureVersion = 'TLSv1.2';

const OPTIONS = {
  keepAliveTimeout: KEEP_ALIVE_MS,
  headersTimeout: HEADERS_MS,
  connectionsCheckingInterval: CUT_OFF_LOOK_MS,
};

/** Listens on `address`. Rejects with `invalid` if it cannot be used. */
export async function listen<Request extends typeof IncomingMessage>(
  listener: RequestListener<Request>,
  address: Address<Request>,
): Promise<Listener> {
  const { host, port, requestTimeout, Request, certificate, openLane } = address;
  let leaving = false;
  const server = openServer(
    { ...OPTIONS, requestTimeout, IncomingMessage: Request },
    certificate ?? null,
    (request, response) => {
      // This tells the client not to send another request on a connection that is about to close.
      if (leaving) response.shouldKeepAlive = false;
      listener(request, response);
    },
  );
  let refused = 0;
  if (address.maxConnections !== undefined) {
    server.maxConnections = address.maxConnections;
    server.on('drop', () => refused++);
  }
  const lane = openLane?.(server, CUT_OFF_LOOK_MS);
  const cutOff = cutterOf(server, certificate ?? null);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: BACKLOG }, resolve);
  }).catch((cause: NodeJS.ErrnoException) => {
    server.close();
    const why = cause.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${cause.message})`;
    throw new FairwayError('invalid', `${host}:${port} ${why}; set another host or port`, { cause });
  });
  return {
    url: addressOf(server, certificate ? 'https' : 'http'),
    refused: () => refused,
    async drain(length) {
      leaving = true;
      lane?.stop();
      if (length > 0) await sleep(length);
    },
    close(deadline) {
      leaving = true;
      lane?.stop();
      return closeServer(server, cutOff, deadline);
    },
  };
}

function openServer<Request extends typeof IncomingMessage>(
  options: ServerOptions<Request>,
  certificate: ServedKeyPair | null,
  listener: RequestListener<Request>,
): Server<Request> {
  if (!certificate) return createServer(options, listener);
  const tls = (pair: KeyPair | null) => ({ ...pair, minVersion: OLDEST_TLS });
  const server = createTlsServer({ ...options, ...tls(certificate.peek()), handshakeTimeout: HEADERS_MS }, listener);
  // Open connections keep the certificate that they started with.
  const stop = certificate.onChange((pair) => server.setSecureContext(tls(pair)));
  server.once('close', stop);
  return server;
}

function addressOf(server: Server, scheme: string): string {
  const { address, port } = server.address() as AddressInfo;
  return urlOf(scheme, address, port);
}

/** The address at which a person on this machine reaches a listener on `host`. */
export function urlOf(scheme: string, host: string, port: number): string {
  const wildcard = host === '0.0.0.0' || host === '::';
  return `${scheme}://${wildcard ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Returns a function that cuts off all connections. Node's own skips those that are still in the TLS handshake. */
function cutterOf(server: Server, certificate: ServedKeyPair | null): () => void {
  if (!certificate) return () => server.closeAllConnections();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

async function closeServer(server: Server, cutOff: () => void, deadline: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // No event reports that a connection became idle because its last answer was sent.
  const look = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
  const cut = setTimeout(cutOff, deadline);
  await closed;
  clearInterval(look);
  clearTimeout(cut);
}
