import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// This runs before node_modules exists, so it uses only Node's own modules.
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const stamp = at('node_modules/.fairway-lock');
const bundles = [at('dist/main.js'), at('dist/cli.js')];

/** Prints on standard error, because standard output belongs to the program that follows. */
function run(what, command, ...args) {
  console.error(`setup: ${what}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) console.error(`setup: ${command}: ${error.message}`);
  if (status !== 0) process.exit(status || 1);
}

function lockHash() {
  // Native packages differ by platform, so the same lockfile on another platform is not current.
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  return hash.update(readFileSync(at('package-lock.json'))).digest('hex');
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  // The time of a folder counts too, because it changes when a file is deleted.
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

const hash = lockHash();
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) {
  run('installing dependencies (npm ci)', 'npm', 'ci', '--loglevel=error', '--include=dev');
  writeFileSync(stamp, hash);
}

const inputs = ['src', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json'].map((name) => newest(at(name)));
const built = bundles.map((file) => (existsSync(file) ? statSync(file).mtimeMs : 0));
if (Math.min(...built) < Math.max(...inputs)) run('building dist/', process.execPath, at('scripts/build.mjs'));
