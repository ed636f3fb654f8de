import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { inventory } from '../fixtures/inventory.ts';
import { CLI } from './process.ts';
import { temporaryDirectory } from './server.ts';

/** A directory in which a person follows a page, and a PATH with `fairway` and `tctl`. */
export function makeWorkplace(): { dir: string; path: string } {
  const dir = temporaryDirectory();
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  symlinkSync(CLI, join(bin, 'fairway'));
  writeFileSync(join(dir, 'inventory.json'), JSON.stringify(inventory()));
  // Stands for Teleport's own tool, and prints an inventory of the real shape.
  writeFileSync(join(bin, 'tctl'), '#!/bin/sh\n[ "$*" = "inventory ls --format=json" ] && cat inventory.json\n');
  chmodSync(join(bin, 'tctl'), 0o755);
  return { dir, path: [bin, process.env.PATH].join(delimiter) };
}
