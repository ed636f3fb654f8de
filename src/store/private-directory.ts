import { chmodSync, mkdirSync, statSync } from 'node:fs';

/** The owner alone may list and change the directory, and read and change a file. */
const DIRECTORY = 0o700;
const FILE = 0o600;
const STICKY = 0o1000;

/**
 * Creates `directory` for its owner alone, and closes one that others may read. One that belongs to another user, such
 * as a mounted volume, or that is shared, such as /tmp, stays as it is.
 */
export function makePrivate(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: DIRECTORY });
  restrict(directory, DIRECTORY);
}

/** Lets only the owner read and change `file`, which exists. */
export const makePrivateFile = (file: string): void => restrict(file, FILE);

function restrict(path: string, mode: number): void {
  const found = statSync(path);
  const isOurs = found.uid === process.getuid?.() && (found.mode & STICKY) === 0;
  if (isOurs && (found.mode & 0o077) !== 0) chmodSync(path, mode);
}
