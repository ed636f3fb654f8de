import { FairwayError } from '../domain/errors.ts';

/** Replies by which Redis says that it cannot serve now, at the beginning of a reply or, from a script of Redis 6, within. */
const REFUSALS =
  /(^|-)(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|OOM|MISCONF|MOVED|ASK|TRYAGAIN|BUSY|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|EXECABORT)\b|max number of clients/;
/** What ioredis says of a command that it never sent. */
const NEVER_SENT = /^(Stream isn't writeable|Connection is closed|Cluster isn't ready|Cluster is ended)/;

/**
 * What a failed command means to the caller: `store_unavailable`, unless Redis found fault with the command itself,
 * which is Fairway's own mistake. The cause is made anew, for ioredis hangs the command's arguments on its errors,
 * AUTH's password among them. `away` says why there is no connection, if there is none.
 */
export function mapRedisError(error: unknown, away: string | null): Error {
  if (error instanceof FairwayError) return error;
  const reason = reasonOf(error);
  const cause = new Error(reason);
  if (isReply(error)) {
    if (!REFUSALS.test(reason)) return new Error(`Redis refused a command: ${reason}`);
    return unavailable(`Redis refuses to work (${reason}), so nothing was changed; see to it, then try again`, cause);
  }
  if (NEVER_SENT.test(reason)) {
    return unavailable(`Redis is away (${away ?? reason}), so nothing was changed; try again when it is back`, cause);
  }
  return unavailable(
    `Redis gave no answer (${reason}); if this was a change, look whether it was made before you try again`,
    cause,
  );
}

/** Says briefly what went wrong, without the command that it went wrong with. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A name with several addresses fails with an AggregateError, whose own message is empty.
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  // ioredis tells of its own counting here.
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost';
  return (error.message || error.name) + hintOf((error as NodeJS.ErrnoException).code);
}

/** What to do about errors of TLS, by their codes. */
const TLS_HINTS: [RegExp, string][] = [
  [/SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|SIGNATURE_FAILURE/, 'redis.tls.caFile must hold the CA that signed it'],
  [/ALTNAME_INVALID/, 'name Redis in its URL as its certificate does'],
  [/ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)/, 'Redis asks for redis.tls.certFile and keyFile'],
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE)/, 'Redis does not trust redis.tls.certFile'],
];

function hintOf(code: string | undefined): string {
  const hint = TLS_HINTS.find(([pattern]) => code !== undefined && pattern.test(code))?.[1];
  return hint ? `; ${hint}` : '';
}

const isReply = (error: unknown) => error instanceof Error && error.name === 'ReplyError';

const unavailable = (message: string, cause: Error) => new FairwayError('store_unavailable', message, { cause });
