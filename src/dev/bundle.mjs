import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

// Bundled CommonJS packages call require() for node's own modules, which ESM lacks.
const requireShim = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`;

/** What is loaded only where it is wanted is a bundle of its own: it costs the others neither time nor memory. */
const apart = {
  name: 'apart',
  setup: (build) =>
    build.onResolve({ filter: /^\.\/otlp\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './otlp.js', external: true } : null,
    ),
};

/** Bundles a program with all its packages but lmdb, which is native. Rejects after esbuild has printed what is wrong. */
export async function bundle(entryPoint, outfile, { executable = false } = {}) {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  await build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['lmdb'],
    plugins: [apart],
    sourcemap: 'linked',
    define: { FAIRWAY_VERSION: JSON.stringify(version) },
    logLevel: 'warning',
    banner: { js: `${executable ? '#!/usr/bin/env node\n' : ''}${requireShim}` },
  });
}
