import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

// Modules outside the bundle are loaded by `require`, which ES modules do not have.
const requireShim = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`;

/** Parts of packages that are never used, which a bundler cannot find out. */
const trimmed = {
  name: 'trimmed',
  setup(build) {
    const replace = (filter, contents) => build.onLoad({ filter }, () => ({ contents }));
    // Messages in fifty languages, of which only English is used.
    replace(/zod\/v4\/locales\/index\.c?js$/, "export { default as en } from './en.js';");
    // The push gateway, the aggregation of processes and the default metrics load node:https, node:zlib and more.
    const kept = ['Registry', 'Counter', 'Gauge', 'Histogram'];
    const exported = kept.map((name) => `exports.${name} = require('./lib/${name.toLowerCase()}');`);
    replace(/prom-client\/index\.js$/, exported.join('\n'));
  },
};

/**
 * Loads modules outside the bundle by `require`, not `import`: an import reads every export, which loads fetch with
 * node:http, and lmdb is one file to require but a dozen to import. Dynamic imports stay as they are.
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
 * Bundles a program with all its packages except lmdb, which is native. With `split`, dynamic imports become separate
 * files beside it. Rejects after esbuild has printed what is wrong.
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
