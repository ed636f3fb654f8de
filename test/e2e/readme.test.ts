import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bareEnvironment, makeClone } from '../support/checkout.ts';
import { addresses, freePorts, readLogs, run } from '../support/process.ts';

interface Block {
  language: string;
  content: string;
}

/** The fenced blocks of the README, in order. */
const blocksOf = (page: string): Block[] =>
  [...page.matchAll(/^```(\w+)\n(.*?)\n```$/gms)].map(([, language = '', content = '']) => ({ language, content }));

/** Follows the README in a fresh clone, with nothing but the programs that it asks for. */
it('shows commands that work as printed, and their output', { timeout: 120_000 }, async () => {
  const dir = makeClone();
  const blocks = blocksOf(readFileSync(join(dir, 'README.md'), 'utf8'));
  const [start, ...commands] = blocks.filter(({ language }) => language === 'sh');
  expect(start?.content).toBe('npm start');
  const env = bareEnvironment();
  const server = run(join(env.PATH, 'npm'), ['start'], {
    cwd: dir,
    env: { ...env, ...freePorts(dir) },
    group: true,
  });
  const { public: publicUrl, operator } = await addresses(server, 90_000);

  const outputs: string[] = [];
  for (const block of commands) {
    const printed: string[] = [];
    for (const line of block.content.split('\n')) {
      const here = line.replaceAll('http://127.0.0.1:8080', publicUrl).replaceAll('http://127.0.0.1:8081', operator);
      const shell = run(join(env.PATH, 'sh'), ['-c', `exec 2>&1\n${here}`], { cwd: dir, env });
      expect((await shell.exit).code, `${here}\n${shell.stdout}`).toBe(0);
      printed.push(shell.stdout.trimEnd());
    }
    const output = printed.join('\n');
    outputs.push(output);
    // The page shows where an output ends.
    const next = blocks[blocks.indexOf(block) + 1];
    if (next?.language === 'text') expect(output.endsWith(next.content), output).toBe(true);
  }
  expect(commands.length).toBeGreaterThan(10);
  expect(outputs[3]).toMatch(/237 agents enrolled.*\d+ imported, 0 unchanged/s);
  expect(outputs.find((output) => output.includes('route'))).toContain('waiting for 20 agents below 16.0.0');

  // Ctrl-C goes to everything at a terminal: to npm, to its shell and to the server.
  server.signal('SIGINT');
  await server.exit;
  expect(readLogs(server.stdout).at(-1)).toMatchObject({ msg: 'fairway is down' });
});
