import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

// Bundled CommonJS packages call require() for node's own modules, which ESM lacks.
const requireShim = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`;

/** zod carries its messages in fifty languages, which a bundler cannot tell from what is used. */
const onlyEnglish = {
  name: 'only-english',
  setup: (build) =>
    build.onLoad({ filter: /zod\/v4\/locales\/index\.c?js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    })),
};

/**
 * Bundles a program with all its packages but lmdb, which is native; `split`: what it imports when it is wanted lies in
 * files of its own beside it. Rejects after esbuild has printed what is wrong.
 */
export async function bundle(entryPoint, outfile, { executable = false, split = false } = {}) {
  const apart = {
    splitting: true,
    outdir: dirname(outfile),
    entryNames: basename(outfile, '.js'),
    chunkNames: '[name]-[hash]',
  };
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  await build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    ...(split ? apart : { outfile }),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['lmdb'],
    plugins: [onlyEnglish],
    sourcemap: 'linked',
    define: { FAIRWAY_VERSION: JSON.stringify(version) },
    logLevel: 'warning',
    banner: { js: `${executable ? '#!/usr/bin/env node\n' : ''}${requireShim}` },
  });
}
