import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { merge } from '../../src/config/raw.ts';
import { makeCheckout } from '../support/checkout.ts';
import { asKept, buildCli, USUAL_URL } from '../support/cli.ts';
import { QUICKSTART, startServer, TOKENS } from '../support/server.ts';
import { hasTerminal, onTerminal } from '../support/terminal.ts';

const FILE = 'docs/cli.md';
const PUBLIC_URL = 'http://127.0.0.1:8080';
/** A directory as the page assumes it: a checkout next to a server with an admin token. */
async function workplace() {
  const place = makeCheckout(await buildCli());
  mkdirSync(join(place.dir, 'data'));
  writeFileSync(join(place.dir, 'data/admin-token'), TOKENS.admin);
  return place;
}

/** Runs the commands of the page's consoles in turn. UPDATE_GOLDEN=1 writes what they print into the page. */
it.skipIf(!hasTerminal)('shows commands that work as printed, and their output', { timeout: 180_000 }, async () => {
  // Nothing happens by itself in between, however slow the machine is.
  const settings = merge(QUICKSTART, { leader: { plansEvery: '1h' } });
  const server = await startServer(settings, { now: () => new Date('2026-11-22T12:00:00Z') });
  const { dir, env: bare } = await workplace();
  const env = { ...bare, TZ: 'UTC' };
  const shown = (output: string) =>
    asKept(output, server).replaceAll(server.publicUrl, PUBLIC_URL).replaceAll(env.HOME, '~').trimEnd();

  async function run(command: string, asked: boolean): Promise<string> {
    if (asked) {
      const [, ...args] = command.split(' ');
      const { screen } = await onTerminal(args, { env: { ...env, PATH: process.env.PATH }, columns: 120 }, [
        ['Reason:', 'first try\r'],
        ['[y/N]', 'y\r'],
      ]);
      return shown(screen);
    }
    const local = command.replaceAll(USUAL_URL, server.operatorUrl).replaceAll(PUBLIC_URL, server.publicUrl);
    const here = `exec 2>&1\n${local}`;
    return shown(await text(spawn('sh', ['-c', here], { cwd: dir, env }).stdout));
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
