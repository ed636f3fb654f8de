export interface Host {
  host: string;
  port: number;
}

interface Login {
  username: string | undefined;
  password: string | undefined;
  tls: boolean;
}

/** Where Redis is: one server, the primary that sentinels know by a name, or a cluster. */
export type RedisAddress =
  | { kind: 'server'; url: string }
  | (Login & { kind: 'sentinel'; hosts: Host[]; primary: string; db: number; sentinelPassword: string | undefined })
  | (Login & { kind: 'cluster'; hosts: Host[] });

/** Of one address; a cluster tells of its other nodes itself. */
const MAX_HOSTS = 32;
const SENTINEL_PORT = 26_379;
const REDIS_PORT = 6_379;

const HOSTS =
  /^redis(?<tls>s?)\+(?<kind>sentinel|cluster):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^:@/]*))?@)?(?<hosts>[^@/?]+)(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/;
const HOST = /^(?<host>\[[0-9a-f:.]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/i;
const PRIMARY = /^\/(?<name>[\w.-]{1,64})(?:\/(?<db>\d{1,4}))?$/;

export const REDIS_URL_FORMS =
  'redis://host:port, redis+sentinel://host:port,host:port/primary or redis+cluster://host:port,host:port (rediss for TLS)';

/**
 * Reads the address of a Redis, or null: `redis://…`; `redis+sentinel://USER:PASSWORD@HOST:PORT,…/PRIMARY/DB`, with
 * `?sentinelPassword=` where the sentinels ask for one; `redis+cluster://USER:PASSWORD@HOST:PORT,…`; `rediss` for TLS.
 */
export function parseRedisAddress(url: string): RedisAddress | null {
  if (URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol)) return { kind: 'server', url };
  const { tls, kind, user, password, hosts, path = '/', query = '' } = HOSTS.exec(url)?.groups ?? {};
  const found = hosts?.split(',', MAX_HOSTS + 1).map((host) => parseHost(host, kind)) ?? [];
  const known = found.flatMap((host) => host ?? []);
  if (known.length === 0 || known.length < found.length || known.length > MAX_HOSTS) return null;
  const common = { hosts: known, username: decode(user), password: decode(password), tls: tls === 's' };
  if (kind === 'cluster') return path === '/' && query === '' ? { ...common, kind } : null;
  const primary = PRIMARY.exec(path)?.groups;
  if (!primary?.name) return null;
  const sentinelPassword = new URLSearchParams(query).get('sentinelPassword') ?? undefined;
  return { ...common, kind: 'sentinel', primary: primary.name, db: Number(primary.db ?? 0), sentinelPassword };
}

function parseHost(text: string, kind: string | undefined): Host | null {
  const { host, port } = HOST.exec(text)?.groups ?? {};
  const number = Number(port ?? (kind === 'sentinel' ? SENTINEL_PORT : REDIS_PORT));
  return host && number > 0 && number <= 65_535 ? { host: host.replace(/^\[|\]$/g, ''), port: number } : null;
}

/** A password may hold a percent sign that begins nothing. */
function decode(text: string | undefined): string | undefined {
  try {
    return text ? decodeURIComponent(text) : undefined;
  } catch {
    return text;
  }
}
