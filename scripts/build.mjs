import { chmod, copyFile, cp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bundle, root } from './bundle.mjs';

await rm(join(root, 'dist'), { recursive: true, force: true });
const builds = [
  bundle('src/main.ts', 'dist/main.js', { split: true }),
  bundle('src/cli/main.ts', 'dist/cli.js', { executable: true }),
];
// esbuild has already printed what is wrong.
await Promise.all(builds).catch(() => process.exit(1));
await chmod(join(root, 'dist/cli.js'), 0o755);

// The files that the dashboard's pages load are copied beside the bundle.
const own = join(root, 'src/dashboard/assets');
const vendor = JSON.parse(await readFile(join(own, 'vendor.json'), 'utf8'));
const { resolve } = createRequire(import.meta.url);
await cp(own, join(root, 'dist/assets'), { recursive: true });
await Promise.all(
  Object.entries(vendor).map(([name, file]) => copyFile(resolve(file), join(root, 'dist/assets', name))),
);
