import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** The other programs that tests run, and the Debian packages that contain each. */
const PACKAGES = {
  'redis-server': ['redis-server'],
  'chromium-headless-shell': ['chromium-headless-shell', 'fonts-dejavu-core'],
  prometheus: ['prometheus'],
  promtool: ['prometheus'],
  zsh: ['zsh'],
  fish: ['fish'],
  curl: ['curl'],
  openssl: ['openssl'],
  nginx: ['nginx-light'],
  haproxy: ['haproxy'],
  buildah: ['buildah'],
  mmdebstrap: ['mmdebstrap'],
  kubectl: ['kubernetes-client'],
  'systemd-analyze': ['systemd'],
} as const;

export type Program = keyof typeof PACKAGES;

/** The path of a program, or null; a test that needs it is then skipped and says so. */
export function findProgram(name: Program): string | null {
  // Debian keeps servers in /usr/sbin, which is not on every PATH.
  const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].filter((place) => place !== '');
  return places.map((place) => join(place, name)).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Installs the missing packages, if this runs as root on Debian; otherwise, or if that fails, a line on standard error
 * says what is missing. Call it once, before any test looks for a program: only one installation can run at a time.
 */
export async function installPrograms(): Promise<void> {
  const missing = (Object.keys(PACKAGES) as Program[]).filter((name) => !findProgram(name));
  if (missing.length === 0) return;
  const packages = missing.flatMap((name) => PACKAGES[name]);
  try {
    if (process.getuid?.() !== 0) throw new Error('only root installs packages');
    await aptInstall(packages);
  } catch (error) {
    const why = (error as Error).message.split('\n', 1)[0];
    process.stderr.write(
      `Tests that need ${missing.join(', ')} are skipped: ${why}; apt-get install ${packages.join(' ')}\n`,
    );
  }
}

async function aptInstall(packages: string[]): Promise<void> {
  // Without a run level, packages do not start their services.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await exec('apt-get', ['update', '-qq'], { env });
  await exec('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env, maxBuffer: 1 << 26 });
}
