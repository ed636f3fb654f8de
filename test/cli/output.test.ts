import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildCli, commandLine, signedIn } from '../support/cli.ts';
import { operatorClient, QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';
import { hasTerminal, onTerminal } from '../support/terminal.ts';

/** Runs its arguments into a pipe without a reader, and prints their exit status. */
const SHELL = '"$@" | true; echo $PIPESTATUS';
const LONG = 120_000;
const ESCAPE = '\x1b';
const INVENTORY = JSON.stringify([
  { kind: 'instance', metadata: { name: 'auth-1' }, spec: { version: '16.4.7', services: ['Auth'] } },
  { kind: 'instance', metadata: { name: 'node-1' }, spec: { version: '16.4.6', ext_upgrader: 'unit' } },
  { kind: 'instance', metadata: { name: 'node-2' }, spec: { version: '15.4.7', ext_upgrader: 'kube' } },
]);

async function fleet() {
  const server = await startServer(QUICKSTART);
  const fairway = commandLine(server);
  await fairway(['inventory', 'import', '--channel', 'stable/cloud'], { input: INVENTORY });
  return { server, fairway };
}

describe('for machines', { timeout: LONG }, () => {
  it(
    'prints only one JSON or YAML document, with the same content, on standard output',
    async () => {
      const { fairway } = await fleet();
      const dir = temporaryDirectory();
      writeFileSync(join(dir, 'state.yaml'), 'fairway: 1\ncontrolPlanes: [{ name: main, version: 17.0.1 }]\n');
      const commands: [number, ...string[]][] = [
        [0, 'channels'],
        [0, 'show', 'stable/cloud'],
        [0, 'check', 'stable/cloud', '16.4.7'],
        [3, 'check', 'stable/cloud', '18.0.0'],
        [0, 'agents'],
        [0, 'explain', 'node-1'],
        [0, 'census'],
        [0, 'census', 'stable/cloud'],
        [0, 'evidence', 'stable/cloud'],
        [0, 'evidence', 'forget', 'stable/cloud', 'inventory', '--dry-run'],
        [0, 'agents', 'forget', 'node-1', '--dry-run'],
        [0, 'control-planes', 'show', 'main'],
        [0, 'releases'],
        [0, 'control-planes'],
        [0, 'control-planes', 'check', 'main', '16.4.9'],
        [0, 'audit'],
        [0, 'audit', 'verify'],
        [0, 'export'],
        [0, 'apply', join(dir, 'state.yaml'), '--dry-run'],
      ];
      for (const [exit, ...command] of commands) {
        const [json, yaml] = await Promise.all([
          fairway([...command, '--output', 'json']),
          fairway([...command, '-o', 'yaml']),
        ]);
        expect({ command, code: json.code, stderr: json.stderr + yaml.stderr }).toEqual({
          command,
          code: exit,
          stderr: '',
        });
        expect(withoutAges(parse(yaml.stdout))).toEqual(withoutAges(JSON.parse(json.stdout)));
      }
    },
    LONG,
  );

  it('prints the result of a verb, and for a refused one the problem with its report', async () => {
    const { fairway } = await fleet();
    const roll = (version: string) =>
      fairway(['roll-forward', 'stable/cloud', version, '--yes', '--reason', 'x', '-o', 'json']);
    const refused = await roll('18.0.0');
    expect(refused.code).toBe(3);
    expect(JSON.parse(refused.stdout)).toMatchObject({ code: 'refused', report: { stranded: 2, allowed: false } });
    const moved = await roll('16.4.7');
    expect(moved).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(moved.stdout)).toMatchObject({
      channel: { target: '16.4.7' },
      audit: { action: 'roll-forward' },
    });
  });

  it('applies its own export', async () => {
    const { fairway } = await fleet();
    const { stdout } = await fairway(['export']);
    const back = await fairway(['apply', '-', '--yes'], { input: stdout });
    expect(back).toMatchObject({ code: 0, stdout: 'the state already agrees with the document\n' });
  });

  it('ends quietly when the reader closes the pipe', async () => {
    const { server } = await fleet();
    const args = ['-c', SHELL, 'bash', process.execPath, await buildCli(), 'export'];
    const shell = spawn('bash', args, { env: { PATH: process.env.PATH, ...signedIn(server) } });
    expect(await Promise.all([text(shell.stdout), text(shell.stderr)])).toEqual(['0\n', '']);
  });
});

describe.skipIf(!hasTerminal)('for people (needs script from util-linux)', { timeout: LONG }, () => {
  it('shows colours on a terminal, but none with NO_COLOR', async () => {
    const { server } = await fleet();
    const env = signedIn(server);
    expect((await onTerminal(['channels'], { env })).raw).toContain(`${ESCAPE}[2m`);
    expect((await onTerminal(['channels'], { env: { ...env, NO_COLOR: '1' } })).raw).not.toContain(ESCAPE);
  });

  it.each([24, 60])('keeps lines within %d columns where words allow it', async (columns) => {
    const { server } = await fleet();
    const env = signedIn(server);
    for (const command of [
      ['channels'],
      ['show', 'stable/cloud'],
      ['check', 'stable/cloud', '18.0.0'],
      ['agents'],
      ['evidence', 'stable/cloud'],
    ]) {
      const { screen } = await onTerminal(command, { env, columns });
      // Commands and words stay whole, so that they can be copied.
      const long = screen.split('\n').filter((line) => line.length > columns && !line.includes('fairway agents'));
      for (const line of long) expect(line.trim().split(/ {2,}/).at(-1)).not.toContain(' ');
    }
  });

  it('shows the progress of an upload, and clears it afterwards', async () => {
    const { server } = await fleet();
    const file = join(temporaryDirectory(), 'inventory.json');
    writeFileSync(file, INVENTORY);
    const { code, raw } = await onTerminal(['inventory', 'import', '-c', 'stable/cloud', file], {
      env: signedIn(server),
    });
    expect(code).toBe(0);
    expect(raw).toMatch(/sending the inventory: 0\.0 of 0\.0 MiB/);
    expect(raw).toMatch(/counting\r.\[K3 instances read/);
  });

  it('does not let text from elsewhere control the terminal', async () => {
    const { server } = await fleet();
    const reason = `over${ESCAPE}]0;owned\x07${ESCAPE}[2Jthere\u202eesrever`;
    await operatorClient(server)('POST', '/channels/stable%2Fcloud/pin', { reason });
    for (const command of [
      ['show', 'stable/cloud'],
      ['audit'],
      ['roll-forward', 'stable/cloud', '16.4.7', '-y', '-r', 'x'],
    ]) {
      const { raw } = await onTerminal(command, { env: { ...signedIn(server), NO_COLOR: '1' } });
      expect(raw).toContain('over ]0;owned');
      for (const steering of [ESCAPE, '\u202e']) expect(raw).not.toContain(steering);
    }
  });
});

const TIMES = new Set(['age', 'until', 'at', 'updatedAt', 'changedAt']);

/** Removes times: two requests may be a second apart. */
function withoutAges(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner) => (TIMES.has(key) ? null : inner)));
}
