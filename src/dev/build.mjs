import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, root } from './bundle.mjs';

await rm(join(root, 'dist'), { recursive: true, force: true });
const builds = [bundle('src/main.ts', 'dist/main.js'), bundle('src/cli/main.ts', 'dist/cli.js', { executable: true })];
// esbuild has already printed what is wrong.
await Promise.all(builds).catch(() => process.exit(1));
await chmod(join(root, 'dist/cli.js'), 0o755);
