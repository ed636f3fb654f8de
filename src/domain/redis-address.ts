export interface Host {
  host: string;
  port: number;
}

/**
 * The address of Redis: one server, a primary that sentinels know by name, or a cluster. The password of the sentinels
 * is its only secret.
 */
export type RedisAddress =
  | { kind: 'server'; url: string }
  | { kind: 'sentinel'; hosts: Host[]; tls: boolean; primary: string; db: number; sentinelPassword: string | undefined }
  | { kind: 'cluster'; hosts: Host[]; tls: boolean };

/** How to sign in to Redis, and which certificates to trust. */
export interface RedisLogin {
  username?: string;
  password?: string;
  /** PEM. */
  tls?: { ca?: string; cert?: string; key?: string };
}

/** The address of Redis and the login for it, as read from the settings once. */
export interface RedisAccess {
  address: RedisAddress;
  login: RedisLogin;
}
