import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export const DEFAULT_URL = 'http://127.0.0.1:8081';

/** A server and the token to use there. */
export interface Login {
  url: string;
  token: string;
}

/** `fairway/login.json` in the user's configuration directory. */
export function loginFile(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'fairway', 'login.json');
}

/** The login that `fairway login` saved, or null. Throws if the file cannot be read. */
export function readLogin(env: NodeJS.ProcessEnv): Login | null {
  const file = loginFile(env);
  try {
    const { url, token } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Login>;
    if (typeof url === 'string' && typeof token === 'string') return { url, token };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`${file} cannot be read (${(error as Error).message}); run fairway login again`, { cause: error });
  }
  throw new Error(`${file} has no URL and token; run fairway login again`);
}

/** Saves a login in a file that only its owner can read. Returns the file's name. */
export function saveLogin(env: NodeJS.ProcessEnv, login: Login): string {
  const file = loginFile(env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const next = `${file}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
  // The mode given at creation does not apply to a file that already exists, and the umask narrows it.
  chmodSync(next, 0o600);
  renameSync(next, file);
  return file;
}

export function forgetLogin(env: NodeJS.ProcessEnv): string {
  const file = loginFile(env);
  rmSync(file, { force: true });
  return file;
}
