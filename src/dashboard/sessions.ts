import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Actor } from '../domain/role.ts';
import type { Identity } from '../http/auth.ts';

/** Somebody who is signed in to the dashboard. */
export interface Session {
  actor: Actor;
  /** What every form of this session carries. */
  csrf: string;
  /** Epoch milliseconds. */
  expires: number;
}

/** Who is signed in, by a secret that only the browser's cookie holds. */
export interface Sessions {
  /** Returns the secret and how many seconds it is good for. */
  open(identity: Identity): { secret: string; maxAge: number };
  find(secret: string): Session | null;
  close(secret: string): void;
}

/** A working day; the token's own end comes first if it is nearer. */
const MAX_AGE_MS = 12 * 60 * 60 * 1000;
/** Only a right token makes a session, so this bounds carelessness; the oldest gives way. */
const MAX_SESSIONS = 1_000;

/** Sessions in the memory of this process: a restart signs everybody out, and no copy of any store or setting makes one. */
export function createSessions(now: () => Date): Sessions {
  const sessions = new Map<string, Session>();

  function makeRoom(): void {
    const at = now().getTime();
    for (const [secret, { expires }] of sessions) {
      if (expires <= at) sessions.delete(secret);
    }
    const [oldest] = sessions.keys();
    if (sessions.size >= MAX_SESSIONS && oldest) sessions.delete(oldest);
  }

  return {
    open({ actor, expires: tokenExpires }) {
      makeRoom();
      const at = now().getTime();
      const expires = Math.min(at + MAX_AGE_MS, tokenExpires ? Date.parse(tokenExpires) : Number.POSITIVE_INFINITY);
      const secret = randomSecret();
      sessions.set(secret, { actor, csrf: randomSecret(), expires });
      return { secret, maxAge: Math.floor((expires - at) / 1000) };
    },
    find(secret) {
      const session = sessions.get(secret);
      return session && session.expires > now().getTime() ? session : null;
    },
    close: (secret) => void sessions.delete(secret),
  };
}

/** 256 bits that nobody guesses. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** Compares in constant time. */
export function sameSecret(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
