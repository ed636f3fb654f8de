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
  await api('POST', '/inventory?channel=stable%2Fcloud', inventory());
  await api('POST', '/releases/import', JSON.parse(readFileSync('test/fixtures/releases.json', 'utf8')));
  await api('POST', '/channels/stable%2Fcloud/critical', { critical: true, reason: 'CVE' });
  const PATH = [await workplace(), process.env.PATH].join(delimiter);
  const env = { ...(signedIn(server) as Record<string, string>), PATH };
  const steps = stepsOf(readFileSync(`docs/runbooks/${page}.md`, 'utf8'));
  expect(steps.length).toBeGreaterThan(0);
  for (const { command, output } of steps) {
    const here = command.replaceAll('http://127.0.0.1:8080', server.publicUrl);
    const shell = run('sh', ['-c', `exec 2>&1\n${here}`], { env });
    await shell.exit;
    expect(shell.stdout.trimEnd(), command).toMatch(patternOf(output));
  }
});

/** The commands of a page's consoles, and what each prints; `…` stands for anything. */
function stepsOf(page: string): { command: string; output: string }[] {
  const consoles = [...page.matchAll(/^```console\n(.*?)\n```$/gms)].map(([, session = '']) => session);
  return consoles
    .flatMap((session) => session.split(/^\$ /m).slice(1))
    .map((step) => {
      const [command = '', ...output] = step.trimEnd().split('\n');
      return { command, output: output.join('\n') };
    });
}

const patternOf = (output: string) =>
  new RegExp(`^${output.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('…', '[^]*')}$`);
