import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashToken } from './settings.ts';

export interface MadeToken {
  file: string;
  /** Present only at the start that made it. */
  token: string | null;
  sha256: string;
}

/** The admin token of a server that was given none: made at the first start, kept in the data directory, mode 0600. */
export function keepAdminToken(dataDir: string): MadeToken {
  const file = join(dataDir, 'admin-token');
  mkdirSync(dataDir, { recursive: true });
  const token = randomBytes(24).toString('base64url');
  try {
    writeFileSync(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
    return { file, token, sha256: hashToken(token) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return { file, token: null, sha256: hashToken(readFileSync(file, 'utf8').trim()) };
  }
}
