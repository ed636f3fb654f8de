import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Hono } from 'hono';
import VENDOR from './assets/vendor.json' with { type: 'json' };

/** Our own files that the pages load. */
const OWN = ['app.css', 'app.js', 'chart.js', 'live.js', 'favicon.svg'] as const;
type AssetName = (typeof OWN)[number] | keyof typeof VENDOR;

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const dependencies = createRequire(import.meta.url);

const names = [...OWN, ...(Object.keys(VENDOR) as (keyof typeof VENDOR)[])];
let loaded: Map<string, { bytes: Uint8Array<ArrayBuffer>; fingerprint: string }> | undefined;

/** The build puts copies of all assets next to the bundle; next to the sources there are only our own. */
function locate(name: AssetName): string {
  const beside = fileURLToPath(new URL(`./assets/${name}`, import.meta.url));
  return existsSync(beside) ? beside : dependencies.resolve(VENDOR[name as keyof typeof VENDOR]);
}

function assets() {
  loaded ??= new Map(
    names.map((name) => {
      const bytes = Uint8Array.from(readFileSync(locate(name)));
      return [name, { bytes, fingerprint: createHash('sha256').update(bytes).digest('hex').slice(0, 12) }];
    }),
  );
  return loaded;
}

/** The address of an asset; it changes with the content. */
export const assetUrl = (name: AssetName): string => `/assets/${assets().get(name)?.fingerprint}/${name}`;

/** Serves the assets. Their addresses change with their content, so browsers may cache them without limit. */
export function assetRoutes() {
  const app = new Hono();
  const known = assets();
  app.get('/assets/:fingerprint/:name', (c, next) => {
    const { name, fingerprint } = c.req.param();
    const asset = known.get(name);
    if (asset?.fingerprint !== fingerprint) return next();
    return c.body(asset.bytes, 200, {
      'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream',
      'Cache-Control': 'public, max-age=31536000, immutable',
    });
  });
  return app;
}
