import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

// What stays outside is required, which ESM lacks a word for.
const requireShim = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`;

/** What packages bring along unused, which a bundler cannot tell. */
const trimmed = {
  name: 'trimmed',
  setup(build) {
    const replace = (filter, contents) => build.onLoad({ filter }, () => ({ contents }));
    // Messages in fifty languages.
    replace(/zod\/v4\/locales\/index\.c?js$/, "export { default as en } from './en.js';");
    // Pushing to a gateway, adding up processes, and figures of the process itself; they load node:https, node:zlib and more.
    const kept = ['Registry', 'Counter', 'Gauge', 'Histogram'];
    const exported = kept.map((name) => `exports.${name} = require('./lib/${name.toLowerCase()}');`);
    replace(/prom-client\/index\.js$/, exported.join('\n'));
  },
};

/**
 * What stays outside the bundle is required, not imported. An import reads every export, and with those of node:http also
 * loads fetch; lmdb is one file to require and a dozen to import. What is imported when it is wanted stays as it is.
 */
const outside = {
  name: 'outside',
  setup(build) {
    const filter = new RegExp(`^((node:)?(${builtinModules.join('|')})|lmdb)$`);
    build.onResolve({ filter }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'outside' } : { path, external: true },
    );
    build.onLoad({ filter: /./, namespace: 'outside' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
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
    plugins: [trimmed, outside],
    sourcemap: 'linked',
    sourcesContent: false,
    minifyWhitespace: true,
    minifySyntax: true,
    define: { FAIRWAY_VERSION: JSON.stringify(version) },
    logLevel: 'warning',
    banner: { js: `${executable ? '#!/usr/bin/env node\n' : ''}${requireShim}` },
  });
}
