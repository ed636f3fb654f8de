import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { inventory } from '../fixtures/inventory.ts';
import { asKept, buildCli, USUAL_URL } from '../support/cli.ts';
import { QUICKSTART, startServer, TOKENS, temporaryDirectory } from '../support/server.ts';
import { hasTerminal, onTerminal } from '../support/terminal.ts';

const FILE = 'docs/cli.md';
const CHANNELS = `fairway: 1
channels:
  - name: beta
    description: Tries everything first
    controlPlane: main
    accepts: [stable, beta]
    target: 16.4.7
`;

/** A directory as the page assumes it. */
async function workplace() {
  const dir = temporaryDirectory();
  mkdirSync(join(dir, 'bin'));
  mkdirSync(join(dir, 'data'));
  symlinkSync(await buildCli(), join(dir, 'bin/fairway'));
  chmodSync(await buildCli(), 0o755);
  writeFileSync(join(dir, 'inventory.json'), JSON.stringify(inventory()));
  // Stands for Teleport's own tool, and prints an inventory of the real shape.
  writeFileSync(join(dir, 'bin/tctl'), '#!/bin/sh\n[ "$*" = "inventory ls --format=json" ] && cat inventory.json\n');
  chmodSync(join(dir, 'bin/tctl'), 0o755);
  writeFileSync(join(dir, 'releases.json'), readFileSync('test/fixtures/releases.json'));
  writeFileSync(join(dir, 'data/admin-token'), TOKENS.admin);
  writeFileSync(join(dir, 'channels.yaml'), CHANNELS);
  return dir;
}

/** Runs the commands of the page's consoles in turn. UPDATE_GOLDEN=1 writes what they print into the page. */
it.skipIf(!hasTerminal)('shows commands that work as printed, and their output', { timeout: 180_000 }, async () => {
  const server = await startServer(QUICKSTART, { now: () => new Date('2026-11-22T12:00:00Z') });
  const dir = await workplace();
  const env = { PATH: [join(dir, 'bin'), process.env.PATH].join(delimiter), HOME: dir, TZ: 'UTC' };
  const shown = (output: string) => asKept(output, server).replaceAll(dir, '~').trimEnd();

  async function run(command: string, asked: boolean): Promise<string> {
    if (asked) {
      const [, ...args] = command.split(' ');
      const { screen } = await onTerminal(args, { env, columns: 120 }, [
        ['Reason:', 'first try\r'],
        ['[y/N]', 'y\r'],
      ]);
      return shown(screen);
    }
    const here = `exec 2>&1\n${command.replaceAll(USUAL_URL, server.operatorUrl)}`;
    return shown(await text(spawn('bash', ['-c', here], { cwd: dir, env }).stdout));
  }

  const page = readFileSync(FILE, 'utf8');
  const parts = page.split(/^(```console(?: asked)?\n.*?\n```)$/ms);
  for (const [index, part] of parts.entries()) {
    const [, asked, content = ''] = /^```console( asked)?\n(.*)\n```$/s.exec(part) ?? [];
    const commands = [...content.matchAll(/^\$ (.*)$/gm)].map(([, command = '']) => command);
    const session: string[] = [];
    for (const command of commands) {
      const output = await run(command, asked !== undefined);
      session.push(output ? `$ ${command}\n${output}` : `$ ${command}`);
    }
    if (commands.length > 0) parts[index] = `\`\`\`console${asked ?? ''}\n${session.join('\n\n')}\n\`\`\``;
  }
  if (process.env.UPDATE_GOLDEN) writeFileSync(FILE, parts.join(''));
  else expect(parts.join('')).toBe(page);
});
