import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import type { CookieOptions } from 'hono/utils/cookie';
import { FairwayError } from '../domain/errors.ts';
import { type Authenticator, addressOf } from '../http/auth.ts';
import type { DashboardEnv, PageContext } from './frame.ts';
import { readForm } from './read-form.ts';
import { randomSecret, type Sessions, sameSecret } from './sessions.ts';

/** Behind TLS both cookies have the prefix `__Host-`, so that no other host of the domain can set them. */
const SESSION = 'fairway_session';
/** The cookie for the CSRF token of the sign-in form, before there is a session. */
const SIGN_IN = 'fairway_sign_in';
const SIGN_IN_SECONDS = 60 * 60;

/** A person whose token the sign-in page itself carries, so that a click signs them in. */
export interface Guest {
  name: string;
  role: string;
  token: string;
}

/** Signing in and out, and the checks that a person is signed in. */
export interface SignIn {
  /** Puts the session, if there is one, into the request's frame. Throws `rate_limited`. */
  recognise: MiddlewareHandler<DashboardEnv>;
  /** Lets only signed-in people through, and only forms from the session's own pages. */
  require: MiddlewareHandler<DashboardEnv>;
  /** Returns the CSRF token that the sign-in form must carry. */
  offer(c: Context): string;
  /** Throws `unauthenticated`, `rate_limited`, `forbidden`. */
  enter(c: Context, form: { token: string; csrf: string }): Promise<void>;
  leave(c: Context): void;
}

export function createSignIn(authenticator: Authenticator, sessions: Sessions): SignIn {
  return {
    async recognise(c, next) {
      const session = sessions.find(held(c, SESSION) ?? '');
      if (!session) await authenticator.countAddress(addressOf(c));
      else {
        c.set('session', session);
        c.set('actor', session.actor);
        c.set('frame', { ...c.get('frame'), session });
        await authenticator.countActor(session.actor);
      }
      return next();
    },
    async require(c, next) {
      const session = c.get('session');
      if (!session) throw new FairwayError('unauthenticated', 'sign in to continue');
      if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
        const { csrf } = await readForm(c);
        if (typeof csrf !== 'string' || !sameSecret(csrf, session.csrf)) throw forged();
      }
      return next();
    },
    offer(c) {
      const secret = held(c, SIGN_IN) || randomSecret();
      keep(c, SIGN_IN, secret, SIGN_IN_SECONDS);
      return secret;
    },
    async enter(c, { token, csrf }) {
      if (!sameSecret(csrf, held(c, SIGN_IN) || randomSecret())) throw forged();
      const identity = await authenticator.identify(token, addressOf(c));
      sessions.close(held(c, SESSION) ?? '');
      const { secret, maxAge } = sessions.open(identity);
      keep(c, SESSION, secret, maxAge);
      keep(c, SIGN_IN, '', 0);
    },
    leave(c) {
      sessions.close(held(c, SESSION) ?? '');
      keep(c, SESSION, '', 0);
    },
  };
}

const forged = () =>
  new FairwayError('forbidden', 'this form is too old or comes from elsewhere; reload the page and try again');

/** Over plain HTTP, as on loopback, browsers accept no cookie with the prefix. */
const prefixOf = (c: Context) => (behindTls(c) ? 'host' : undefined);

const held = (c: Context, name: string): string | undefined => getCookie(c, name, prefixOf(c));

function keep(c: Context, name: string, value: string, maxAge: number): void {
  const prefix = prefixOf(c);
  const options: CookieOptions = { path: '/', httpOnly: true, sameSite: 'Strict', secure: prefix === 'host', maxAge };
  setCookie(c, name, value, prefix ? { ...options, prefix } : options);
}

/** A proxy that terminates TLS sends this header; a client that forges it only harms its own cookie. */
const behindTls = (c: Context) =>
  c.req.url.startsWith('https:') || c.req.header('x-forwarded-proto')?.split(',')[0]?.trim() === 'https';

/** Where to go after signing in: `next` if it is a path of this server, otherwise `/`. */
export function localPath(next: string | undefined): string {
  return next && /^\/(?![/\\])[^\s\\]{0,500}$/.test(next) ? next : '/';
}

/** The path of the sign-in page, with the requested address to come back to. */
export const signInPath = (c: PageContext): string => {
  const { pathname, search } = new URL(c.req.url);
  const back = c.req.method === 'GET' && pathname !== '/' ? `?next=${encodeURIComponent(pathname + search)}` : '';
  return `/sign-in${back}`;
};
