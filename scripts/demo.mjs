import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, root } from './bundle.mjs';

// The demo is no part of the build. Its bundle lies where the server's does, because it reads the same files.
await bundle('scripts/demo/main.ts', 'dist/demo.js');
await import(pathToFileURL(join(root, 'dist/demo.js')));
