import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bundle.mjs';

// Starts and stops the built server once with each store, so that Node saves the compiled code of a start in
// NODE_COMPILE_CACHE. Node uses it only with the same version of Node, the same user and the same file paths.
const STORES = [{}, { REDIS_URL: 'redis://127.0.0.1:1' }];

const dir = mkdtempSync(join(process.env.NODE_COMPILE_CACHE, 'first-'));
for (const store of STORES) {
  const server = spawn(process.execPath, [join(root, 'dist/main.js')], {
    env: {
      ...process.env,
      ...store,
      FAIRWAY_CONFIG: join(root, 'config/quickstart.yaml'),
      FAIRWAY_DATA_DIR: dir,
      FAIRWAY_PORT: '0',
      FAIRWAY_OPERATOR_PORT: '0',
      FAIRWAY_ADMIN_TOKEN: 'of-a-server-that-serves-nobody',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  for await (const line of server.stdout.setEncoding('utf8')) if (line.includes('fairway is up')) server.kill();
  const [code] = await ended;
  if (code !== 0) throw new Error(`the server ended with ${code}`);
}
rmSync(dir, { recursive: true });
