import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Wire {
  url: string;
  /** Breaks every connection, and accepts no new one. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/** A connection to a server that can be cut, as if the browser's network went away. */
export async function layWire(to: string): Promise<Wire> {
  const { port: target } = new URL(to);
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;

  async function mend(): Promise<void> {
    server = createServer((near) => {
      const far = connect(Number(target), '127.0.0.1');
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => sockets.delete(socket));
      }
      near.pipe(far).pipe(near);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  }

  await mend();
  return {
    url: `http://127.0.0.1:${port}`,
    mend,
    async cut() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
