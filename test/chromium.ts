import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const BINARY = '/usr/bin/chromium';

const installed = () =>
  access(BINARY, constants.X_OK).then(
    () => BINARY,
    () => null,
  );

/** Debian's Chromium, installed first when nobody but root is asked; null with a message where it cannot be had. */
export async function ensureChromium(): Promise<string | null> {
  const found = await installed();
  if (found || process.getuid?.() !== 0) return found ?? missing('it is not installed');
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    await exec('apt-get', ['update', '-qq'], { env });
    await exec('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'], {
      env,
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    return missing((error as Error).message);
  }
  return (await installed()) ?? missing('the package brought no browser');
}

function missing(why: string): null {
  process.stderr.write(`the tests in a browser are skipped: ${BINARY}: ${why}. Install it: apt-get install chromium\n`);
  return null;
}
