import { readFileSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { Confirmation } from '../domain/saved-state.ts';
import { makePrivate } from './private-directory.ts';

/**
 * The file beside a saved state that says when, and by which store, it was confirmed last. It is small, because it is
 * written far more often than the state.
 */
export function createConfirmationFile(file: string, stateFile: string, log: Logger) {
  let latest: Confirmation | null = null;
  let writing: Promise<void> | null = null;

  async function drain(): Promise<void> {
    while (latest) {
      const text = JSON.stringify(latest);
      latest = null;
      await writeWhole(file, text).catch((err) => log.warn({ err, file }, 'the age of the saved state is not kept'));
    }
    writing = null;
  }

  return {
    /** Null without a saved state. */
    read(): Confirmation | null {
      return parse(file) ?? ofOldRelease(stateFile);
    },
    write(confirmation: Confirmation): Promise<void> {
      latest = confirmation;
      writing ??= drain();
      return writing;
    },
  };
}

function parse(file: string): Confirmation | null {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as Partial<Confirmation> | null;
    const isSound = Number.isSafeInteger(found?.revision) && Number.isFinite(found?.at);
    return isSound ? { store: null, ...(found as Omit<Confirmation, 'store'>) } : null;
  } catch {
    return null;
  }
}

/** A release that kept no such file wrote the state at each change, so it was confirmed then at least. */
function ofOldRelease(stateFile: string): Confirmation | null {
  const at = statSync(stateFile, { throwIfNoEntry: false })?.mtimeMs;
  return at === undefined ? null : { store: null, revision: 0, at };
}

async function writeWhole(file: string, text: string): Promise<void> {
  makePrivate(dirname(file));
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
