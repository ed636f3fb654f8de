import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { inventory } from '../fixtures/inventory.ts';
import { buildCli, signedIn } from '../support/cli.ts';
import { run } from '../support/process.ts';
import { operatorClient, QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';

const PAGES = ['polls-fail', 'evidence-stale', 'does-not-move', 'critical-left-on'];

/** What an alert's reader has at hand: `fairway`, and Teleport's own tool, which prints a real inventory's shape. */
async function workplace(): Promise<string> {
  const bin = temporaryDirectory();
  const cli = await buildCli();
  chmodSync(cli, 0o755);
  symlinkSync(cli, join(bin, 'fairway'));
  mkdirSync(join(bin, 'printed'));
  const printed = join(bin, 'printed/inventory.json');
  writeFileSync(printed, JSON.stringify(inventory()));
  writeFileSync(join(bin, 'tctl'), `#!/bin/sh\n[ "$*" = "inventory ls --format=json" ] && cat ${printed}\n`);
  chmodSync(join(bin, 'tctl'), 0o755);
  return bin;
}

it.each(PAGES)('the commands of docs/runbooks/%s.md work as printed', { timeout: 90_000 }, async (page) => {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  await api('POST', '/releases/import', JSON.parse(readFileSync('test/fixtures/releases.json', 'utf8')));
  await api('POST', '/channels/stable%2Fcloud/critical', { critical: true, reason: 'CVE' });
  const PATH = [await workplace(), process.env.PATH].join(delimiter);
  const env = { ...(signedIn(server) as Record<string, string>), PATH };
  const text = readFileSync(`docs/runbooks/${page}.md`, 'utf8');
  const commands = [...text.matchAll(/^```sh\n(.*?)\n```$/gms)].map(([, command = '']) => command);
  expect(commands.length).toBeGreaterThan(0);
  for (const command of commands) {
    const here = command.replaceAll('https://fairway.example.com', server.publicUrl);
    const shell = run('sh', ['-ec', here], { env });
    expect((await shell.exit).code, `${here}\n${shell.stdout}${shell.stderr}`).toBe(0);
  }
});
