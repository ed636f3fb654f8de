import { FairwayError } from '../domain/errors.ts';
import { checkPair, readPair, type TlsSettings, unusable } from './key-pair.ts';
import { requirePeerFiles } from './peer-access.ts';
import { readRedisAccess } from './redis-login.ts';
import { readReleaseHistory } from './release-history.ts';
import { loadSettings, readSettings, SettingsError, settingsSchema } from './settings.ts';

/** The parts of the settings that name files. A part that is wrong itself is a fault already. */
const PARTS = {
  public: settingsSchema.shape.public,
  bootstrap: settingsSchema.shape.bootstrap,
  peers: settingsSchema.pick({ sources: true, promotion: true }).strip(),
  access: settingsSchema.pick({ redisUrl: true, redis: true }).strip(),
};

/**
 * Returns everything that is wrong with the settings that a start with this environment would use, and with the files
 * that they name, one sentence each; none if a server could start with them. Opens no listener and no store.
 */
export async function checkSettings(defaultsFile: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const faults: string[] = [];
  await collect(faults, () => loadSettings(defaultsFile, env));
  const { raw } = readSettings(defaultsFile, env);
  const access = PARTS.access.safeParse(raw, { jitless: true }).data;
  const peers = PARTS.peers.safeParse(raw, { jitless: true }).data;
  const releases = PARTS.bootstrap.safeParse(raw.bootstrap, { jitless: true }).data?.releases;
  const tls = PARTS.public.safeParse(raw.public, { jitless: true }).data?.tls;
  if (peers) await collect(faults, () => requirePeerFiles(peers));
  if (access) await collect(faults, () => readRedisAccess(access));
  if (releases) await collect(faults, () => readReleaseHistory(releases));
  if (tls) await collect(faults, () => checkCertificate(tls));
  return faults;
}

async function checkCertificate(tls: TlsSettings): Promise<void> {
  const ends = checkPair(await readPair(tls), tls);
  if (ends <= Date.now()) throw unusable(tls, `the certificate expired at ${new Date(ends).toISOString()}`);
}

/** Adds what goes wrong to the faults. Any other error is a bug, and stays one. */
async function collect<T>(faults: string[], read: () => T | Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SettingsError) faults.push(...error.faults);
    else if (error instanceof FairwayError) faults.push(error.message);
    else throw error;
    return null;
  }
}
