import { readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { ControlState, SavedState } from '../domain/store.ts';
import { createConfirmationFile } from './confirmation-file.ts';
import { makePrivate } from './private-directory.ts';

/** Saves nothing, for a store that is on this machine itself. */
export const unsaved: SavedState = {
  read: () => null,
  async write() {},
  confirmation: () => null,
  async confirm() {},
};

/** The name of the saved state in the data directory. */
export const SAVED_STATE = 'state.json';
const CONFIRMED = 'confirmed.json';

/**
 * Keeps a copy of the control state in `directory`, in a file that is replaced as a whole: a crash leaves the old one
 * or the new.
 */
export function createSavedState(directory: string, log: Logger): SavedState {
  const file = join(directory, SAVED_STATE);
  const confirmations = createConfirmationFile(join(directory, CONFIRMED), file, log);
  let latest: ControlState | null = null;
  let writing: Promise<void> | null = null;
  /** What is in the file: a full disk may have kept an older state. */
  let savedRevision = 0;

  async function drain(): Promise<void> {
    while (latest) {
      const state = latest;
      latest = null;
      try {
        await writeWhole(file, JSON.stringify(state));
        savedRevision = state.revision;
      } catch (err) {
        log.error(
          { err, file },
          'the state could not be saved; a restart while the store is away would serve an older one',
        );
      }
    }
    writing = null;
  }

  return {
    read() {
      try {
        const state = parse(readFileSync(file, 'utf8'));
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
      return writing;
    },
    confirmation: confirmations.read,
    async confirm(confirmation) {
      if (confirmation.revision <= savedRevision) await confirmations.write(confirmation);
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

async function writeWhole(file: string, content: string): Promise<void> {
  makePrivate(dirname(file));
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
