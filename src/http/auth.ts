import { createHash, timingSafeEqual } from 'node:crypto';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { FairwayError } from '../domain/errors.ts';
import { type Actor, mayActAs, type Role } from '../domain/role.ts';

/** A token as the settings hold it: never the token itself. */
export interface KnownToken {
  name: string;
  role: Role;
  /** Hex. */
  sha256: string;
  /** ISO 8601. */
  expires?: string | undefined;
}

/** What every operator request knows of itself. */
export type OperatorEnv = { Variables: { actor: Actor } };

/** Wrong tokens a minute from one address; more are refused unread. A right token is never refused for them. */
const MAX_FAILURES = 60;

/** Lets only known bearer tokens through, and says in `actor` whose it is. */
export function authenticate(tokens: readonly KnownToken[], now: () => Date): MiddlewareHandler<OperatorEnv> {
  const failures = new RateLimiterMemory({ points: MAX_FAILURES, duration: 60 });
  const known = tokens.map((token) => ({ ...token, hash: Buffer.from(token.sha256, 'hex') }));

  /** Compares with every token, so that the time taken tells nothing. */
  function identify(presented: string): (typeof known)[number] | undefined {
    const hash = createHash('sha256').update(presented).digest();
    let found: (typeof known)[number] | undefined;
    for (const token of known) {
      if (timingSafeEqual(hash, token.hash)) found = token;
    }
    return found;
  }

  async function fail(c: Context, message: string): Promise<never> {
    const address = getConnInfo(c).remote.address ?? 'unknown';
    const retryAfter = await failures.consume(address).then(
      () => null,
      ({ msBeforeNext }: { msBeforeNext: number }) => Math.ceil(msBeforeNext / 1000),
    );
    if (retryAfter === null) throw new FairwayError('unauthenticated', message);
    throw new FairwayError('rate_limited', `too many wrong tokens from ${address}; try again in ${retryAfter} s`, {
      retryAfter,
    });
  }

  return async (c, next) => {
    const presented = /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (!presented) return fail(c, 'send a token: Authorization: Bearer TOKEN');
    const token = identify(presented);
    if (!token) return fail(c, 'this token is not known; ask an admin for a new one');
    if (token.expires && Date.parse(token.expires) <= now().getTime()) {
      return fail(c, `the token ${token.name} expired at ${token.expires}; ask an admin for a new one`);
    }
    c.set('actor', { name: `token:${token.name}`, role: token.role });
    return next();
  };
}

/** Lets only actors through that have the role, or a higher one. */
export function needs(role: Role): MiddlewareHandler<OperatorEnv> {
  return (c, next) => {
    const actor = c.get('actor');
    if (mayActAs(actor, role)) return next();
    throw new FairwayError('forbidden', `this needs the role ${role}, and ${actor.name} has the role ${actor.role}`);
  };
}
