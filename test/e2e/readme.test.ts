import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { addresses, freePorts, ROOT, readLogs, run } from '../support/process.ts';
import { makeWorkplace } from '../support/workplace.ts';

interface Block {
  language: string;
  content: string;
}

/** The fenced blocks of the README, in order. */
const blocks = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```(\w+)\n(.*?)\n```$/gms)].map(
  ([, language = '', content = '']): Block => ({ language, content }),
);

/** A directory as the README assumes it: the server's `data`, `tctl` and `fairway` on PATH, a release history. */
function workplace() {
  const { dir, path } = makeWorkplace();
  copyFileSync(join(ROOT, 'test/fixtures/releases.json'), join(dir, 'releases.json'));
  return { dir, path };
}

/** For a JSON problem, a block shows only its sentence. */
function shown(output: string): string {
  return output.startsWith('{') ? JSON.parse(output).detail : output;
}

it('shows commands that work as printed, and their output', { timeout: 60_000 }, async () => {
  const { dir, path } = workplace();
  const [start, ...commands] = blocks.filter(({ language }) => language === 'sh');
  expect(start?.content).toBe('npm start');
  const server = run('sh', ['-c', 'npm start'], { env: freePorts(dir), group: true });
  const { public: publicUrl, operator } = await addresses(server);

  const token = readFileSync(join(dir, 'data/admin-token'), 'utf8').trim();
  const env = { PATH: path, FAIRWAY_URL: operator, FAIRWAY_TOKEN: token, TOKEN: token };
  const outputs: string[] = [];
  for (const command of commands) {
    const here = command.content
      .replaceAll('http://127.0.0.1:8080', publicUrl)
      .replaceAll('http://127.0.0.1:8081', operator);
    const shell = run('sh', ['-ec', here], { cwd: dir, env });
    expect((await shell.exit).code, `${here}\n${shell.stderr}`).toBe(0);
    outputs.push(shell.stdout);
    const next = blocks[blocks.indexOf(command) + 1];
    // A poll's answer has no newline; the output of other tools ends with one.
    if (next?.language === 'text') expect(shown(shell.stdout).replace(/\n$/, ''), here).toBe(next.content);
  }
  expect(commands.length).toBeGreaterThanOrEqual(5);
  expect(JSON.parse(outputs[1] ?? '')).toMatchObject({ channel: { target: '16.4.7' }, report: { allowed: true } });
  expect(outputs[3]).toContain('"code":"refused"');
  expect(outputs[4]).toMatch(/237 agents enrolled.*\d+ imported, 0 unchanged/s);

  // Ctrl-C goes to everything at a terminal: to npm, to its shell and to the server.
  server.signal('SIGINT');
  await server.exit;
  expect(readLogs(server.stdout).at(-1)).toMatchObject({ msg: 'fairway is down' });
});
