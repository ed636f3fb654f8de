import { chmodSync, cpSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { ROOT } from './process.ts';
import { temporaryDirectory } from './server.ts';

/** What a clone does not have: packages, builds, data and results. */
const NOT_CLONED = ['.git', 'coverage', 'data', 'dist', 'node_modules', 'test-output'];

/**
 * The files of this repository as a clone has them, in a directory with a space in its name. Its packages are those of
 * this repository, because `npm ci` takes a minute on a busy machine; the tests of the image run it.
 */
export function makeClone(): string {
  const dir = join(temporaryDirectory(), 'a clone');
  cpSync(ROOT, dir, { recursive: true, filter: (file) => !NOT_CLONED.includes(relative(ROOT, file)) });
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  return dir;
}

/** What every command of a first hour may use, and the shell that npm itself needs. */
const PROGRAMS = ['node', 'npm', 'git', 'curl', 'sh'];

/** An environment whose PATH has exactly Node, npm, git and curl, and a home directory of its own. */
export function bareEnvironment(): { PATH: string; HOME: string } {
  const [bin, home] = [temporaryDirectory(), temporaryDirectory()];
  for (const name of PROGRAMS) symlinkSync(find(name), join(bin, name));
  return { PATH: bin, HOME: home };
}

function find(name: string): string {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    try {
      return realpathSync(join(dir, name));
    } catch {
      // It is in another directory.
    }
  }
  throw new Error(`${name} is not installed`);
}

/**
 * A directory in which a page of `docs/` is followed: the samples, and `./fairway`, which is `cli`, the program as it
 * ships. The environment has nothing but the programs of the README.
 */
export function makeCheckout(cli: string): { dir: string; env: { PATH: string; HOME: string } } {
  const dir = join(temporaryDirectory(), 'a checkout');
  mkdirSync(dir);
  symlinkSync(join(ROOT, 'config'), join(dir, 'config'));
  symlinkSync(cli, join(dir, 'fairway'));
  chmodSync(cli, 0o755);
  return { dir, env: bareEnvironment() };
}
