import { FairwayError } from '../domain/errors.ts';

/** Errors by which Redis says that it cannot serve now. They begin a reply; Redis 6 puts those of scripts inside it. */
const REFUSALS =
  /(^|-)(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|OOM|MISCONF|MOVED|ASK|TRYAGAIN|BUSY|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|EXECABORT)\b|max number of clients/;
/** Errors of ioredis for commands that it never sent. */
const NEVER_SENT = /^(Stream isn't writeable|Connection is closed|Cluster isn't ready|Cluster is ended)/;

/**
 * Returns the error for the caller of a failed command: `store_unavailable`, unless Redis rejects the command itself,
 * which is a fault of Fairway. The cause is a new error, because ioredis attaches a command's arguments to its errors,
 * the password of AUTH among them. `away` is the reason why there is no connection, or null.
 */
export function mapRedisError(error: unknown, away: string | null): Error {
  if (error instanceof FairwayError) return error;
  const reason = reasonOf(error);
  const cause = new Error(reason);
  if (isReply(error)) {
    if (!REFUSALS.test(reason)) return new Error(`Redis refused a command: ${reason}`);
    return unavailable(`Redis refuses to work (${reason}), so nothing was changed; fix that, then try again`, cause);
  }
  if (NEVER_SENT.test(reason)) {
    return unavailable(`Redis is away (${away ?? reason}), so nothing was changed; try again when it is back`, cause);
  }
  return unavailable(
    `Redis gave no answer (${reason}); if this was a change, check whether it was made before you try again`,
    cause,
  );
}

/** Returns briefly what went wrong, without the command. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A host name with several addresses fails with an AggregateError, whose own message is empty.
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  // The message of ioredis is about its own settings.
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost';
  return (error.message || error.name) + hintOf((error as NodeJS.ErrnoException).code);
}

/** What to do about TLS errors, by their codes. */
const TLS_HINTS: [RegExp, string][] = [
  [/SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|SIGNATURE_FAILURE/, 'redis.tls.caFile must hold the CA that signed it'],
  [/ALTNAME_INVALID/, 'the URL must name Redis as its certificate does'],
  [/ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)/, 'Redis asks for redis.tls.certFile and keyFile'],
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE)/, 'Redis does not trust redis.tls.certFile'],
];

function hintOf(code: string | undefined): string {
  const hint = TLS_HINTS.find(([pattern]) => code !== undefined && pattern.test(code))?.[1];
  return hint ? `; ${hint}` : '';
}

const isReply = (error: unknown) => error instanceof Error && error.name === 'ReplyError';

const unavailable = (message: string, cause: Error) => new FairwayError('store_unavailable', message, { cause });
