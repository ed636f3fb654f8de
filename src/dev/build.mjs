import { chmod, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

// Bundled CommonJS packages call require() for node's own modules, which ESM lacks.
const requireShim = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`;

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['lmdb'],
  sourcemap: 'linked',
  define: { FAIRWAY_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
};

await rm(join(root, 'dist'), { recursive: true, force: true });
const builds = [
  build({ ...common, entryPoints: ['src/main.ts'], outfile: 'dist/main.js', banner: { js: requireShim } }),
  build({
    ...common,
    entryPoints: ['src/cli/main.ts'],
    outfile: 'dist/cli.js',
    banner: { js: `#!/usr/bin/env node\n${requireShim}` },
  }),
];
// esbuild has already printed what is wrong.
await Promise.all(builds).catch(() => process.exit(1));
await chmod(join(root, 'dist/cli.js'), 0o755);
