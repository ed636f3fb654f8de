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

/** Seconds. */
const MINUTE = 60;

/**
 * The wrong tokens that one address may send in a minute; further ones are answered 429. A right token always works.
 */
const MAX_FAILURES = 60;

/** The actor behind a token, and when the token expires (ISO 8601; null: never). */
export interface Identity {
  actor: Actor;
  expires: string | null;
}

/** How many requests a minute are answered. */
export interface RequestLimits {
  /** Requests with a token, or of the people who are signed in with it. */
  perToken: number;
  /** Requests without a token from one address. */
  perAddress: number;
}

/** Identifies tokens and counts requests. The API and the dashboard share one, and with it the counts. */
export interface Authenticator {
  /** Counts a request of a token. Throws `rate_limited`. */
  countActor(actor: Actor): Promise<void>;
  /** Counts a request without a token. Throws `rate_limited`. */
  countAddress(address: string): Promise<void>;
  /** Throws `unauthenticated`, and `rate_limited` after too many wrong tokens from `address`. */
  identify(presented: string, address: string): Promise<Identity>;
  /** Counts a failure of `address` and throws as `identify` does. */
  refuse(address: string, message: string): Promise<never>;
}

export function createAuthenticator(
  tokens: readonly KnownToken[],
  limits: RequestLimits,
  now: () => Date,
): Authenticator {
  const failures = new RateLimiterMemory({ points: MAX_FAILURES, duration: MINUTE, keyPrefix: 'failures' });
  const byToken = new RateLimiterMemory({ points: limits.perToken, duration: MINUTE, keyPrefix: 'token' });
  const byAddress = new RateLimiterMemory({ points: limits.perAddress, duration: MINUTE, keyPrefix: 'address' });
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
    await count(failures, address, `too many wrong tokens from ${address}`);
    throw new FairwayError('unauthenticated', message);
  }

  return {
    refuse,
    countActor: ({ name }) => count(byToken, name, `more than ${limits.perToken} requests in a minute by ${name}`),
    countAddress: (address) =>
      count(byAddress, address, `more than ${limits.perAddress} requests in a minute from ${address}`),
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

/** Throws `rate_limited` if the key has used up its points. */
async function count(limiter: RateLimiterMemory, key: string, tooMany: string): Promise<void> {
  const retryAfter = await limiter.consume(key).then(
    () => null,
    ({ msBeforeNext }: { msBeforeNext: number }) => Math.ceil(msBeforeNext / 1000),
  );
  if (retryAfter === null) return;
  throw new FairwayError('rate_limited', `${tooMany}; try again in ${retryAfter} s`, { retryAfter });
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
    await authenticator.countActor(actor);
    c.set('actor', actor);
    return next();
  };
}

/** Lets callers without a token through, up to their limit. */
export function openToAll(authenticator: Authenticator): MiddlewareHandler {
  return async (c, next) => {
    await authenticator.countAddress(addressOf(c));
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
