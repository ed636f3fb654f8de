import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Actor } from '../domain/role.ts';
import type { Identity } from '../http/auth.ts';

/** A person who is signed in to the dashboard. */
export interface Session {
  actor: Actor;
  /** The token that every form of this session carries. */
  csrf: string;
  /** Epoch milliseconds. */
  expires: number;
}

/** The people who are signed in, each by a secret that only their browser's cookie holds. */
export interface Sessions {
  /** Returns the secret and how many seconds it is good for. */
  open(identity: Identity): { secret: string; maxAge: number };
  find(secret: string): Session | null;
  close(secret: string): void;
}

/** A working day; a token that expires earlier ends the session earlier. */
const MAX_AGE_MS = 12 * 60 * 60 * 1000;
/** Only a valid token opens a session, so this bounds carelessness; a new session replaces the oldest. */
const MAX_SESSIONS = 1_000;

/** Sessions in the memory of this process: a restart signs everyone out, and a copied store or setting opens none. */
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

/** 256 random bits, too many to guess. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** Compares in constant time. */
export function sameSecret(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
