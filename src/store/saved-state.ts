import { readFileSync } from 'node:fs';
import { type FileHandle, open, rename, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { Confirmation, SavedState } from '../domain/saved-state.ts';
import { applyDifference, differenceOf, type Snapshot, stateOf, takeSnapshot } from '../domain/snapshot.ts';
import type { ControlState, Difference, Document } from '../domain/store.ts';
import { createConfirmationFile } from './confirmation-file.ts';
import { makePrivate } from './private-directory.ts';

/** Saves nothing, for a store that is on this machine itself. */
export const unsaved: SavedState = {
  read: () => null,
  write() {},
  async close() {},
  confirmation: () => null,
  async confirm() {},
};

/** The name of the saved state in the data directory. */
export const SAVED_STATE = 'state.json';
const CONFIRMED = 'confirmed.json';

/** A line of the journal: what turns the state at `follows` into the next one. */
interface Line extends Difference {
  follows: Pick<ControlState, 'revision' | 'hash'>;
}

/** Milliseconds between two writes. Changes in between are written together; the store has them all. */
const PAUSE_MS = 100;
/** Bytes of the journal up to which it is never compacted; from there on, it may be as large as the state. */
const SMALL_JOURNAL = 256 * 1024;
/** Documents that are written in one go, which takes a millisecond. */
const WRITTEN_AT_ONCE = 100;

/**
 * Keeps a copy of the control state in a file of `directory`, which is replaced as a whole, and the changes since then
 * in a journal beside it, which is added to. A crash leaves the copy of some moment before: a line that was cut off does
 * not count.
 */
export function createSavedState(directory: string, log: Logger): SavedState {
  const file = join(directory, SAVED_STATE);
  const journal = `${file}.journal`;
  const confirmations = createConfirmationFile(join(directory, CONFIRMED), file, log);
  /** The newest confirmation of a state that may not be written yet. */
  let unwritten: Confirmation | null = null;
  /** What is in the files: a full disk may have kept an older state. */
  let savedRevision = 0;
  /** What is to be saved, and what the files hold; null where that is not known. */
  let latest: Snapshot | null = null;
  let held: Snapshot | null = null;
  let journalBytes = 0;
  let stateBytes = 0;
  let writing: Promise<void> | null = null;
  let isFailing = false;
  let hurry = () => {};
  let isClosing = false;

  async function save(state: Snapshot): Promise<void> {
    if (held && !isClosing && journalBytes <= Math.max(SMALL_JOURNAL, stateBytes)) {
      const { revision, hash } = held;
      journalBytes += await append(journal, { follows: { revision, hash }, ...differenceOf(held, state) });
    } else {
      stateBytes = await writeWhole(file, state);
      await truncate(journal).catch(unlessMissing);
      journalBytes = 0;
    }
  }

  async function drain(): Promise<void> {
    while (latest && (latest !== held || (isClosing && journalBytes > 0))) {
      const state: Snapshot = latest;
      try {
        await save(state);
        held = state;
        savedRevision = state.revision;
        await writeConfirmation();
        isFailing = false;
      } catch (err) {
        // Only a whole copy is sure to be right after this. The next change tries it.
        held = null;
        if (!isFailing)
          log.error(
            { err, file },
            'the state could not be saved; a restart while the store is away would serve an older one',
          );
        isFailing = true;
        if (latest === state) break;
      }
      if (!isClosing) await pause();
    }
    writing = null;
  }

  async function writeConfirmation(): Promise<void> {
    if (!unwritten || unwritten.revision > savedRevision) return;
    const confirmation = unwritten;
    unwritten = null;
    await confirmations.write(confirmation);
  }

  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PAUSE_MS);
      hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  return {
    read() {
      try {
        const state = replay(parse(readFileSync(file, 'utf8')), readLines(journal));
        const { revision } = confirmations.read() ?? state;
        if (state.revision >= revision) {
          savedRevision = state.revision;
          return state;
        }
        log.error({ file, revision: state.revision, confirmed: revision }, OLDER_COPY);
        return null;
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== 'ENOENT')
          log.error({ err, file }, 'the saved state cannot be read and is ignored');
        return null;
      }
    },
    write(state) {
      latest = state;
      writing ??= drain();
    },
    async close() {
      isClosing = true;
      hurry();
      await writing;
      if (journalBytes > 0) await drain();
    },
    confirmation: confirmations.read,
    confirm(confirmation) {
      unwritten = confirmation;
      return writeConfirmation();
    },
  };
}

const OLDER_COPY =
  'the saved state is an older copy than the one that this server confirmed last, so it is not served; ' +
  'agents get 503 and stay where they are until the store answers';

/** Checks only what shows a damaged file, because only Fairway writes it. */
function parse(text: string): ControlState {
  const state = JSON.parse(text) as Partial<ControlState> | null;
  if (Number.isSafeInteger(state?.revision) && Array.isArray(state?.documents)) {
    // The first releases did not save the hash.
    return { ...(state as ControlState), hash: state?.hash ?? null };
  }
  throw new Error('it does not contain a state');
}

/** The lines of the journal, up to the first one that was cut off. */
function* readLines(journal: string): Generator<Line> {
  let text = '';
  try {
    text = readFileSync(journal, 'utf8');
  } catch (err) {
    unlessMissing(err as NodeJS.ErrnoException);
  }
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      yield JSON.parse(line) as Line;
    } catch {
      return;
    }
  }
}

/** Applies the lines that follow the state. Earlier ones are in it already if a crash kept them in the journal. */
function replay(state: ControlState, lines: Iterable<Line>): ControlState {
  let snapshot: Snapshot | null = null;
  for (const { follows, ...difference } of lines) {
    const { revision, hash } = snapshot ?? state;
    if (follows.revision === revision && follows.hash === hash) {
      snapshot = applyDifference(snapshot ?? takeSnapshot(state), difference);
    } else if (snapshot) break;
  }
  return snapshot ? stateOf(snapshot) : state;
}

/** Adds a line to the journal. Answers the number of bytes. */
async function append(journal: string, { documents, ...rest }: Line): Promise<number> {
  const handle = await open(journal, 'a', 0o600);
  try {
    const bytes = await writeObject(handle, rest, documents, '\n');
    await handle.datasync();
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Answers the number of bytes. */
async function writeWhole(file: string, { revision, hash, documents, bad }: Snapshot): Promise<number> {
  makePrivate(dirname(file));
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', 0o600);
  let bytes = 0;
  try {
    const rest = { revision, hash, ...(bad.size > 0 ? { bad: [...bad.values()] } : {}) };
    bytes = await writeObject(handle, rest, documents.values(), '');
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  return bytes;
}

/** Writes `rest` and `documents` as one object, piece by piece, so that no poll waits for all of it. */
async function writeObject(
  handle: FileHandle,
  rest: object,
  documents: Iterable<Document>,
  end: string,
): Promise<number> {
  let bytes = 0;
  const write = async (text: string) => {
    bytes += Buffer.byteLength(text);
    await handle.writeFile(text);
  };
  let piece = `${JSON.stringify(rest).slice(0, -1)},"documents":[`;
  let [pieces, comma] = [0, ''];
  for (const document of documents) {
    piece += comma + JSON.stringify(document);
    comma = ',';
    if (++pieces % WRITTEN_AT_ONCE !== 0) continue;
    await write(piece);
    piece = '';
  }
  await write(`${piece}]}${end}`);
  return bytes;
}

function unlessMissing(err: NodeJS.ErrnoException): void {
  if (err.code !== 'ENOENT') throw err;
}
