import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FairwayError } from './domain/errors.ts';

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

export interface Address {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Milliseconds within which a whole request must have arrived. */
  requestTimeout: number;
}

/** Longer than the idle time of common proxies, which would otherwise send on a connection that just closed. */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_MS = 10_000;
/** How late a connection may be cut off. Node looks every 30 s otherwise. */
const CUT_OFF_LOOK_MS = 1_000;
const IDLE_LOOK_MS = 50;

/** Listens; rejects with `invalid` if the address cannot be had. */
export async function listen(listener: RequestListener, { host, port, requestTimeout }: Address): Promise<Listener> {
  let leaving = false;
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout,
      headersTimeout: HEADERS_MS,
      connectionsCheckingInterval: CUT_OFF_LOOK_MS,
    },
    (request, response) => {
      // A client that knows sends nothing on a connection that is about to close.
      if (leaving) response.shouldKeepAlive = false;
      listener(request, response);
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be had (${cause.message})`;
    throw new FairwayError('invalid', `${host}:${port} ${why}; set another host or port`, { cause });
  });
  return {
    url: urlOf(server),
    async drain(length) {
      leaving = true;
      if (length > 0) await sleep(length);
    },
    close(deadline) {
      leaving = true;
      return closeServer(server, deadline);
    },
  };
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  const wildcard = address === '0.0.0.0' || address === '::';
  return `http://${wildcard ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function closeServer(server: Server, deadline: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection falls idle when its last answer is out, which no event tells.
  const look = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), deadline);
  await closed;
  clearInterval(look);
  clearTimeout(cut);
}
