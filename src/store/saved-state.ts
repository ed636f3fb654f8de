import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { ControlState, SavedState } from '../domain/store.ts';

/** For a store that is on this machine itself. */
export const unsaved: SavedState = { read: () => null, write: async () => {} };

/** A copy of the control state in `file`, replaced whole so that a crash leaves the old or the new one. */
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
          log.error({ err, file }, 'the saved state cannot be read, so it is as if there were none');
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

/** Not more than is needed to tell a damaged file: nobody but Fairway writes it. */
function parse(text: string): ControlState {
  const state = JSON.parse(text) as Partial<ControlState> | null;
  if (Number.isSafeInteger(state?.revision) && Array.isArray(state?.documents)) {
    // The first releases did not save it.
    return { ...(state as ControlState), hash: state?.hash ?? null };
  }
  throw new Error('it holds no state');
}

async function writeWhole(file: string, content: string): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
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
