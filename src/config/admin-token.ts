import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FairwayError } from '../domain/errors.ts';
import { hashToken } from './settings.ts';

export interface MadeToken {
  file: string;
  /** Null unless this start generated it. */
  token: string | null;
  sha256: string;
}

/**
 * The admin token of a server without configured tokens: generated at the first start and kept in the data directory,
 * mode 0600. Throws `store_unavailable` if the directory cannot be used.
 */
export function keepAdminToken(dataDir: string): MadeToken {
  const file = join(dataDir, 'admin-token');
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return makeOrRead(file);
  } catch (cause) {
    const hint = 'check that the disk has room and that Fairway may write there, or set FAIRWAY_ADMIN_TOKEN';
    throw new FairwayError('store_unavailable', `no admin token in ${file} (${(cause as Error).message}); ${hint}`, {
      cause,
    });
  }
}

function makeOrRead(file: string): MadeToken {
  const token = randomBytes(24).toString('base64url');
  try {
    writeFileSync(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
    return { file, token, sha256: hashToken(token) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const kept = readFileSync(file, 'utf8').trim();
    // An interrupted start or a full disk leaves an empty file.
    if (kept === '') throw new Error('it is empty; delete it');
    return { file, token: null, sha256: hashToken(kept) };
  }
}
