import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SecureVersion } from 'node:tls';
import { FairwayError } from '../domain/errors.ts';
import type { KeyPair, ServedKeyPair } from './certificate.ts';

export interface Listener {
  url: string;
  /**
   * Serves on for `length` milliseconds, new connections too, and says goodbye (`Connection: close`) with every answer:
   * time for whoever hands out connections to notice that this server is not ready any more.
   */
  drain(length: number): Promise<void>;
  /** Takes no new connection, lets requests under way end, and after `deadline` milliseconds cuts off the rest. */
  close(deadline: number): Promise<void>;
}

export interface Address<Request extends typeof IncomingMessage> {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Milliseconds within which a whole request must have arrived. */
  requestTimeout: number;
  /** TLS with this certificate, or none. */
  certificate?: ServedKeyPair | null;
  /** What the listener takes. */
  Request: Request;
  /** Not with TLS, which node:http unwraps itself. */
  openLane?: OpenLane | null;
}

/**
 * Puts something in front of a server that takes the connections it can and leaves the others to the server. Looks every
 * `lookEvery` milliseconds for those that have to be cut off.
 */
export type OpenLane = (
  server: Server,
  lookEvery: number,
) => {
  /** Leaves everything that comes from now on to the server. */
  stop(): void;
};

/** Longer than the idle time of common proxies, which would otherwise send on a connection that just closed. */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_MS = 10_000;
/** How late a connection may be cut off. Node looks every 30 s otherwise. */
const CUT_OFF_LOOK_MS = 1_000;
const IDLE_LOOK_MS = 50;
/** Connections that may wait while this process is busy, as after an outage: as many as Linux lets them by default. */
const BACKLOG = 4_096;
/** What Teleport's own updaters ask for: `curl --tlsv1.2`. */
const OLDEST_TLS: SecureVersion = 'TLSv1.2';

const OPTIONS = {
  keepAliveTimeout: KEEP_ALIVE_MS,
  headersTimeout: HEADERS_MS,
  connectionsCheckingInterval: CUT_OFF_LOOK_MS,
};

/** Listens; rejects with `invalid` if the address cannot be had. */
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
      // A client that knows sends nothing on a connection that is about to close.
      if (leaving) response.shouldKeepAlive = false;
      listener(request, response);
    },
  );
  const lane = certificate ? null : openLane?.(server, CUT_OFF_LOOK_MS);
  const cutOff = cutterOf(server, certificate ?? null);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: BACKLOG }, resolve);
  }).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be had (${cause.message})`;
    throw new FairwayError('invalid', `${host}:${port} ${why}; set another host or port`, { cause });
  });
  return {
    url: urlOf(server, certificate ? 'https' : 'http'),
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
  // Connections that are open keep what they agreed on.
  const stop = certificate.onChange((pair) => server.setSecureContext(tls(pair)));
  server.once('close', stop);
  return server;
}

function urlOf(server: Server, scheme: string): string {
  const { address, family, port } = server.address() as AddressInfo;
  const wildcard = address === '0.0.0.0' || address === '::';
  return `${scheme}://${wildcard ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** What cuts off all connections. Node's own leaves out those that are still shaking hands. */
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
  // A connection falls idle when its last answer is out, which no event tells.
  const look = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
  const cut = setTimeout(cutOff, deadline);
  await closed;
  clearInterval(look);
  clearTimeout(cut);
}
