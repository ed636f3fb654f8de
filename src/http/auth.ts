import { createHash, timingSafeEqual } from 'node:crypto';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { FairwayError } from '../domain/errors.ts';
import { type Action, type Actor, type Role, requirePermission } from '../domain/role.ts';

/** A token as the settings have it: its hash, never the token itself. */
export interface KnownToken {
  name: string;
  role: Role;
  /** Hex. */
  sha256: string;
  /** ISO 8601. */
  expires?: string | undefined;
}

/** The variables of every operator request. */
export type OperatorEnv = { Variables: { actor: Actor } };

/**
 * The wrong tokens that one address may send in a minute; further ones are answered 429. A right token always works.
 */
const MAX_FAILURES = 60;

/** The actor behind a token, and when the token expires (ISO 8601; null: never). */
export interface Identity {
  actor: Actor;
  expires: string | null;
}

/** Identifies tokens. The API and the dashboard share one, and with it the count of wrong tokens. */
export interface Authenticator {
  /** Throws `unauthenticated`, and `rate_limited` after too many wrong tokens from `address`. */
  identify(presented: string, address: string): Promise<Identity>;
  /** Counts a failure of `address` and throws as `identify` does. */
  refuse(address: string, message: string): Promise<never>;
}

export function createAuthenticator(tokens: readonly KnownToken[], now: () => Date): Authenticator {
  const failures = new RateLimiterMemory({ points: MAX_FAILURES, duration: 60 });
  const known = tokens.map((token) => ({ ...token, hash: Buffer.from(token.sha256, 'hex') }));

  /** Compares with every token, so that the time it takes reveals nothing. */
  function find(presented: string): (typeof known)[number] | undefined {
    const hash = createHash('sha256').update(presented).digest();
    let found: (typeof known)[number] | undefined;
    for (const token of known) {
      if (timingSafeEqual(hash, token.hash)) found = token;
    }
    return found;
  }

  async function refuse(address: string, message: string): Promise<never> {
    const retryAfter = await failures.consume(address).then(
      () => null,
      ({ msBeforeNext }: { msBeforeNext: number }) => Math.ceil(msBeforeNext / 1000),
    );
    if (retryAfter === null) throw new FairwayError('unauthenticated', message);
    throw new FairwayError('rate_limited', `too many wrong tokens from ${address}; try again in ${retryAfter} s`, {
      retryAfter,
    });
  }

  return {
    refuse,
    async identify(presented, address) {
      const token = find(presented);
      if (!token) return refuse(address, 'this token is not known; ask an admin for a new one');
      const { name, role, expires = null } = token;
      if (expires && Date.parse(expires) <= now().getTime()) {
        return refuse(address, `the token ${name} expired at ${expires}; ask an admin for a new one`);
      }
      return { actor: { name: `token:${name}`, role }, expires };
    },
  };
}

/** The address that a request comes from. */
export const addressOf = (c: Context): string => getConnInfo(c).remote.address ?? 'unknown';

/** Lets only known bearer tokens through, and sets `actor`. */
export function authenticate(authenticator: Authenticator): MiddlewareHandler<OperatorEnv> {
  return async (c, next) => {
    const presented = /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (!presented)
      return authenticator.refuse(
        addressOf(c),
        'the request has no token; send the header Authorization: Bearer TOKEN',
      );
    const { actor } = await authenticator.identify(presented, addressOf(c));
    c.set('actor', actor);
    return next();
  };
}

/** Lets only actors through that may do this. */
export function needs(action: Action): MiddlewareHandler<OperatorEnv> {
  return (c, next) => {
    requirePermission(c.get('actor'), action);
    return next();
  };
}
