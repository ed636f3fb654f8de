import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * A way to Redis that can be cut: then no byte passes and no connection ends, as when a network drops everything. It can
 * also be slow.
 */
export async function startCutOff(port: number) {
  let isCut = false;
  /** Milliseconds that each byte takes, in each direction. */
  let delay = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      if (isCut) from.pause();
      from.on('data', (bytes) => {
        if (delay === 0) to.write(bytes);
        else setTimeout(() => to.write(bytes), delay);
      });
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        sockets.delete(from);
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    slow(ms: number) {
      delay = ms;
    },
    cut() {
      isCut = true;
      for (const socket of sockets) socket.pause();
    },
    mend() {
      isCut = false;
      for (const socket of sockets) socket.resume();
    },
  };
}
