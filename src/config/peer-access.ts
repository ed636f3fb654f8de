import { readFileSync } from 'node:fs';
import { PeerError, type ReadAccess } from '../domain/peers.ts';
import type { PeerLogin } from './peer-login.ts';
import { type Settings, SettingsError } from './settings.ts';

/** How sources and Prometheus are reached: what is read from the files that the settings name. */
export interface PeerAccesses {
  sources(url: string): ReturnType<ReadAccess>;
  prometheus: ReadAccess;
}

type AccessSettings = {
  sources: Pick<Settings['sources'], 'caFile' | 'logins'>;
  promotion: { prometheus: Omit<Settings['promotion']['prometheus'], 'url' | 'deadline'> };
};

export function peerAccesses({ sources, promotion: { prometheus } }: AccessSettings): PeerAccesses {
  const byOrigin = new Map(
    sources.logins.map((login, index) => [login.origin, readAccess(sources.caFile, login, `sources.logins.${index}`)]),
  );
  const anonymous = readAccess(sources.caFile, null, 'sources');
  return {
    sources: (url) => (byOrigin.get(new URL(url).origin) ?? anonymous)(),
    prometheus: readAccess(prometheus.caFile, prometheus, 'promotion.prometheus'),
  };
}

/** Throws `SettingsError` with every file that cannot be used now. */
export function requirePeerFiles(settings: AccessSettings): void {
  const { prometheus, sources } = peerAccesses(settings);
  const tries = [
    () => sources('http://anonymous'),
    ...settings.sources.logins.map(
      ({ origin }) =>
        () =>
          sources(origin),
    ),
    prometheus,
  ];
  const faults = tries.flatMap((read) => {
    try {
      read();
      return [];
    } catch (error) {
      if (error instanceof PeerError) return [error.message];
      throw error;
    }
  });
  if (faults.length > 0) throw new SettingsError([...new Set(faults)]);
}

/** Reads the files at each call, since CAs and tokens are replaced. It throws `PeerError`. */
function readAccess(caFile: string | null, login: PeerLogin | null, setting: string): ReadAccess {
  return () => {
    const authorization = login && authorize(login, setting);
    const headers: Record<string, string> = authorization ? { Authorization: authorization } : {};
    return caFile === null ? { headers } : { ca: read(caFile, `${setting.split('.logins')[0]}.caFile`), headers };
  };
}

function authorize({ tokenFile, username, passwordFile }: PeerLogin, setting: string): string | null {
  if (tokenFile !== null) {
    const token = read(tokenFile, `${setting}.tokenFile`).trim();
    if (/^[!-~]+$/.test(token)) return `Bearer ${token}`;
    throw new PeerError('unreachable', `${setting}.tokenFile: the file has to contain a token and nothing else`);
  }
  if (username === null || passwordFile === null) return null;
  // Editors end a file with a line feed.
  const password = read(passwordFile, `${setting}.passwordFile`).replace(/\r?\n$/, '');
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function read(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PeerError('unreachable', `${setting}: cannot read the file: ${(cause as Error).message}`, { cause });
  }
}
