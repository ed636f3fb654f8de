import { closeSync, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { FairwayError } from '../domain/errors.ts';
import { makePrivate } from './private-directory.ts';

/**
 * The socket that the server which owns a directory listens on, so that it ends with the process, however that ends.
 */
const SOCKET = 'owner.sock';

/**
 * Takes `directory` for this server, until the returned function is called. Rejects with `store_unavailable` if another
 * server on this machine has it, also one in another container that shares the volume. Where the file system knows no
 * sockets, the directory is not protected, and `warn` gets the reason.
 */
export async function ownDirectory(directory: string, warn: (reason: string) => void): Promise<() => void> {
  try {
    makePrivate(dirname(directory));
    makePrivate(directory);
    const { path, close } = shortPath(directory);
    const server = await listenAt(directory, path).finally(close);
    // Node would remove it by the path that it was given, which is gone by then.
    return () => {
      rmSync(join(directory, SOCKET), { force: true });
      server.close();
    };
  } catch (error) {
    if (error instanceof FairwayError) throw error;
    warn((error as Error).message);
    return () => {};
  }
}

/** A path of a socket has at most 107 bytes on Linux, so the directory is named by its descriptor there. */
function shortPath(directory: string): { path: string; close: () => void } {
  if (process.platform !== 'linux') return { path: join(directory, SOCKET), close() {} };
  const handle = openSync(directory, 'r');
  return { path: `/proc/self/fd/${handle}/${SOCKET}`, close: () => closeSync(handle) };
}

/** Null if the socket is there already. */
function tryListen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy()).unref();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    );
    server.listen(path, () => resolve(server));
  });
}

async function listenAt(directory: string, path: string): Promise<Server> {
  const first = await tryListen(path);
  if (first) return first;
  // A server that was killed leaves its socket behind.
  if (!(await isAlive(path))) rmSync(path, { force: true });
  const second = await tryListen(path);
  if (second) return second;
  throw new FairwayError(
    'store_unavailable',
    `another server uses the store in ${directory}; stop it first, or set another dataDir (FAIRWAY_DATA_DIR)`,
  );
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
