import type { Host, RedisAddress } from '../domain/redis-address.ts';

/** The parts of a URL of Redis: the address without the user, and the user. */
export interface RedisUrl {
  address: RedisAddress;
  tls: boolean;
  username: string | undefined;
  password: string | undefined;
}

/** The most hosts in one URL; a cluster announces its other nodes itself. */
const MAX_HOSTS = 32;
const SENTINEL_PORT = 26_379;
const REDIS_PORT = 6_379;

/** The user is what stands between `//` and the last `@` before the path. */
const PARTS = /^(?<scheme>redis(?<tls>s?)(?:\+(?<kind>sentinel|cluster))?:\/\/)(?:(?<user>[^/?#]*)@)?(?<rest>.*)$/s;
const HOSTS = /^(?<hosts>[^@/?]+)(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/;
const HOST = /^(?<host>\[[0-9a-f:.]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/i;
const PRIMARY = /^\/(?<name>[\w.-]{1,64})(?:\/(?<db>\d{1,4}))?$/;

export const REDIS_URL_FORMS =
  'redis://host:port, redis+sentinel://host:port,host:port/primary ' +
  'or redis+cluster://host:port,host:port (rediss for TLS)';

/**
 * Reads a URL of Redis, or returns null: `redis://USER:PASSWORD@HOST:PORT/DB`;
 * `redis+sentinel://USER:PASSWORD@HOST:PORT,…/PRIMARY/DB`, with `?sentinelPassword=` if the sentinels need one;
 * `redis+cluster://USER:PASSWORD@HOST:PORT,…`; `rediss` for TLS.
 */
export function parseRedisUrl(url: string): RedisUrl | null {
  const { scheme, tls, kind, user = '', rest = '' } = PARTS.exec(url)?.groups ?? {};
  if (scheme === undefined) return null;
  const secure = tls === 's';
  const address = kind ? parseHosts(kind, rest, secure) : URL.canParse(url) ? server(scheme + rest) : null;
  // An unescaped `@` in the user or password is allowed only for a single server.
  if (!address || (kind && user.includes('@'))) return null;
  const [username = '', ...password] = user.split(':');
  return {
    address,
    tls: secure,
    username: decode(username) || undefined,
    password: decode(password.join(':')) || undefined,
  };
}

const server = (url: string): RedisAddress => ({ kind: 'server', url });

function parseHosts(kind: string, text: string, tls: boolean): RedisAddress | null {
  const { hosts, path = '/', query = '' } = HOSTS.exec(text)?.groups ?? {};
  const found = hosts?.split(',', MAX_HOSTS + 1).map((host) => parseHost(host, kind)) ?? [];
  const known = found.flatMap((host) => host ?? []);
  if (known.length === 0 || known.length < found.length || known.length > MAX_HOSTS) return null;
  if (kind === 'cluster') return path === '/' && query === '' ? { kind, hosts: known, tls } : null;
  const primary = PRIMARY.exec(path)?.groups;
  if (!primary?.name) return null;
  const sentinelPassword = new URLSearchParams(query).get('sentinelPassword') ?? undefined;
  return { kind: 'sentinel', hosts: known, tls, primary: primary.name, db: Number(primary.db ?? 0), sentinelPassword };
}

function parseHost(text: string, kind: string): Host | null {
  const { host, port } = HOST.exec(text)?.groups ?? {};
  const number = Number(port ?? (kind === 'sentinel' ? SENTINEL_PORT : REDIS_PORT));
  return host && number > 0 && number <= 65_535 ? { host: host.replace(/^\[|\]$/g, ''), port: number } : null;
}

/** A password may contain a percent sign that is not an escape. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
