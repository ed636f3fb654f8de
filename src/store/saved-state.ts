import { readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { ControlState, SavedState } from '../domain/store.ts';
import { makePrivate } from './private-directory.ts';

/** Saves nothing, for a store that is on this machine itself. */
export const unsaved: SavedState = { read: () => null, write: async () => {} };

/** Keeps a copy of the control state in `file`, which is replaced as a whole: a crash leaves the old one or the new. */
export function createSavedState(file: string, log: Logger): SavedState {
  let latest: ControlState | null = null;
  let writing: Promise<void> | null = null;

  async function drain(): Promise<void> {
    while (latest) {
      const state = latest;
      latest = null;
      await writeWhole(file, JSON.stringify(state)).catch((err) => {
        log.error(
          { err, file },
          'the state could not be saved; a restart while the store is away would serve an older one',
        );
      });
    }
    writing = null;
  }

  return {
    read() {
      try {
        return parse(readFileSync(file, 'utf8'));
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
  };
}

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
