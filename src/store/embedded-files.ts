import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { asBinary, type Database, open, type RangeOptions } from 'lmdb';
import { FairwayError } from '../domain/errors.ts';
import { requireSound } from './embedded-header.ts';
import { makePrivate, makePrivateFile } from './private-directory.ts';

/** Databases in one LMDB environment, which this process alone writes. Calls reject with `store_unavailable`. */
export interface EmbeddedFiles {
  /** Returns a table of JSON values in the order of their keys. Tables are opened once, at the start. */
  table<V, K extends string | number | [string, number]>(name: string): Table<V, K>;
  /** Runs `work` in a transaction: all its writes happen or, if it throws, none. Resolves when they are on the disk. */
  write<T>(work: () => T): Promise<T>;
  /** Runs `work`, which sees the data as of one moment if it does not wait. */
  read<T>(work: () => T): Promise<T>;
  /**
   * Rejects with `store_unavailable` if a write would fail: the files are gone, or the last write failed and still
   * does.
   */
  probe(): Promise<void>;
  close(): Promise<void>;
}

export interface Table<V, K> {
  get(key: K): V | undefined;
  put(key: K, value: V): void;
  /** As `put`, of a value that was encoded before, which takes most of the time. */
  putEncoded(key: K, value: Buffer): void;
  remove(key: K): void;
  /** `start` and `end` work as in LMDB: `end` is excluded, and `reverse` also begins at `start`. */
  entries(options?: Omit<RangeOptions, 'transaction' | 'versions'>): { key: K; value: V }[];
  /** As `entries`, without reading the values. */
  keys(options?: Omit<RangeOptions, 'transaction' | 'versions'>): K[];
  /** How many entries there are; takes no longer for more of them. */
  size(): number;
}

/** A value as tables hold it. */
export const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const OPTIONS = {
  noSubdir: false,
  // Otherwise a commit would resolve before its pages are synced.
  overlappingSync: false,
  // Otherwise lmdb makes a promise that cannot be handled, and a full disk would end the process.
  eventTurnBatching: false,
  maxDbs: 32,
};

/** Opens or creates the files in `directory`. Throws `store_unavailable` if they cannot be used. */
export function openFiles(directory: string): EmbeddedFiles {
  const root = guarded(directory, () => {
    makePrivate(dirname(directory));
    makePrivate(directory);
    requireSound(directory);
    const opened = open({ path: directory, ...OPTIONS });
    for (const name of readdirSync(directory)) makePrivateFile(join(directory, name));
    return opened;
  });
  const file = join(directory, 'data.mdb');
  const own = guarded(directory, () => statSync(file));
  const probes = tableOf(guarded(directory, () => root.openDB<number, string>('probes', { encoding: 'json' })));
  let closed: Promise<void> | null = null;
  let hasFailed = false;

  /** LMDB goes on writing to a file that was deleted. */
  function requireInPlace(): void {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.ino === own.ino && found.dev === own.dev) return;
    throw new FairwayError(
      'store_unavailable',
      `${file} was deleted or replaced under the running server, so changes would be lost and are refused; ` +
        'export the state with fairway export, then restart the server',
    );
  }

  function write<T>(work: () => T): Promise<T> {
    return guard(async () => {
      try {
        requireInPlace();
        // Only a child transaction is rolled back when its work throws.
        const result = await (root.childTransaction(work) as Promise<T>);
        requireInPlace();
        hasFailed = false;
        return result;
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    });
  }

  async function guard<T>(work: () => T | Promise<T>): Promise<T> {
    if (closed) throw new FairwayError('store_unavailable', 'the store is closed; the server is stopping');
    try {
      return await work();
    } catch (error) {
      throw unavailable(directory, error);
    }
  }

  return {
    table: (name) => tableOf(guarded(directory, () => root.openDB(name, { encoding: 'json' }))),
    write,
    read: (work) => guard(work),
    probe: () =>
      guard(async () => {
        requireInPlace();
        // Fails on a disk that was mounted again for reading only.
        accessSync(file, constants.W_OK);
        // An idle server costs no sync.
        if (hasFailed) await write(() => probes.put('last', 1));
      }),
    close: () => (closed ??= root.close()),
  };
}

function tableOf<V, K extends string | number | [string, number]>(database: Database<V, K>): Table<V, K> {
  return {
    get: (key) => database.get(key),
    put: (key, value) => void database.put(key, value),
    putEncoded: (key, value) => void database.put(key, asBinary(value) as unknown as V),
    remove: (key) => void database.remove(key),
    entries: (options = {}) => [...database.getRange(options)],
    keys: (options = {}) => [...database.getKeys(options)],
    size: () => (database.getStats() as { entryCount: number }).entryCount,
  };
}

function guarded<T>(directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unavailable(directory, error);
  }
}

function unavailable(directory: string, error: unknown): unknown {
  // These are faults of Fairway, not of the store.
  if (error instanceof FairwayError || error instanceof TypeError || error instanceof RangeError) return error;
  const { message, commitError } = error as Error & { commitError?: Promise<unknown> };
  // lmdb also reports a failed commit in a second promise, which must not stay unhandled.
  commitError?.catch(() => {});
  const damaged = /MDB_(CORRUPTED|PAGE_NOTFOUND|INVALID|BAD_TXN)|JSON/.test(message);
  const hint = damaged
    ? 'it is damaged: restore it from a backup'
    : 'check that the disk has room and that Fairway may write there';
  return new FairwayError('store_unavailable', `the store in ${directory} failed (${message}); ${hint}`, {
    cause: error,
  });
}
