import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { inventory } from '../fixtures/inventory.ts';
import { CLI } from './process.ts';
import { temporaryDirectory } from './server.ts';

/**
 * Stands for Teleport's own tool, and prints an inventory of the real shape, in which all instances were seen just now.
 */
const TCTL = `#!/bin/sh
now=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
[ "$*" = "inventory ls --format=json" ] && sed "s/\\"last_seen\\":\\"[^\\"]*\\"/\\"last_seen\\":\\"$now\\"/g" inventory.json
`;

/** A directory in which a person follows a page, and a PATH with `fairway` and `tctl`. */
export function makeWorkplace(): { dir: string; path: string } {
  const dir = temporaryDirectory();
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  symlinkSync(CLI, join(bin, 'fairway'));
  writeFileSync(join(dir, 'inventory.json'), JSON.stringify(inventory()));
  writeFileSync(join(bin, 'tctl'), TCTL);
  chmodSync(join(bin, 'tctl'), 0o755);
  return { dir, path: [bin, process.env.PATH].join(delimiter) };
}
