import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** The programs that tests run beside Fairway, and the Debian packages that bring each. */
const PACKAGES = {
  'redis-server': ['redis-server'],
  'chromium-headless-shell': ['chromium-headless-shell', 'fonts-dejavu-core'],
  prometheus: ['prometheus'],
  promtool: ['prometheus'],
  zsh: ['zsh'],
  curl: ['curl'],
  openssl: ['openssl'],
  nginx: ['nginx-light'],
  haproxy: ['haproxy'],
  buildah: ['buildah'],
  mmdebstrap: ['mmdebstrap'],
  kubectl: ['kubernetes-client'],
} as const;

export type Program = keyof typeof PACKAGES;

/** Where a program is, or null: a test that needs it says so and is skipped. */
export function findProgram(name: Program): string | null {
  // Debian keeps servers in /usr/sbin, which is not on everybody's path.
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
 * Installs what is missing in one go, where this is root on Debian; elsewhere, or where it fails, a line on standard error
 * says what is missing. To be called once, before anything asks for a program: two installations exclude each other.
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
  // Without a run level no package starts its service.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await exec('apt-get', ['update', '-qq'], { env });
  await exec('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env, maxBuffer: 1 << 26 });
}
