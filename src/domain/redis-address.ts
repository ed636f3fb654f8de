export interface Host {
  host: string;
  port: number;
}

/** Where Redis is, without a secret but the sentinels': one server, the primary that sentinels know by a name, or a cluster. */
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

/** The way to Redis: what the settings say of it, read once. */
export interface RedisAccess {
  address: RedisAddress;
  login: RedisLogin;
}
