import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { commandLine } from '../support/cli.ts';
import { QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';

vi.setConfig({ testTimeout: 60_000 });

const instance = (name: string, version = '16.4.6') => ({
  kind: 'instance',
  metadata: { name },
  spec: { version, ext_upgrader: 'unit' },
});
/** Every complete inventory has one of these. */
const AUTH = { kind: 'instance', metadata: { name: 'auth-1' }, spec: { version: '16.4.7', services: ['Auth'] } };
const MANY = [AUTH, ...Array.from({ length: 60_000 }, (_, index) => instance(`node-${index}`))];
const BYTE_ORDER_MARK = '\ufeff';
const IMPORT = ['inventory', 'import', '--channel', 'stable/cloud'];

let fairway: ReturnType<typeof commandLine>;
beforeEach(async () => {
  fairway = commandLine(await startServer(QUICKSTART));
});

it('reads a file or standard input of any size', async () => {
  const piped = await fairway(IMPORT, { input: JSON.stringify(MANY) });
  expect(piped).toMatchObject({ code: 0, stderr: '' });
  expect(piped.stdout).toContain('60,001 instances read for stable/cloud: 60,000 agents enrolled, oldest 16.4.6');
  const file = join(temporaryDirectory(), 'inventory.json');
  writeFileSync(file, BYTE_ORDER_MARK + JSON.stringify([AUTH, instance('node-1', '15.4.7')]));
  expect((await fairway([...IMPORT, file])).stdout).toContain('1 agent enrolled, oldest 15.4.7 (1 agent)');
});

it('says what is wrong with an upload that the server did not read to its end', async () => {
  const { code, stderr } = await fairway(IMPORT, { input: JSON.stringify([{ kind: 'node' }, ...MANY]) });
  expect(code).toBe(2);
  expect(stderr).toContain('entry 0 is of kind node, and an inventory has instances only');
});

it('does not send an inventory for an unknown channel', async () => {
  const command = ['inventory', 'import', '--channel', 'stable/clod'];
  const { code, stderr } = await fairway(command, { input: JSON.stringify(MANY) });
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('there is no channel stable/clod') });
});

it.each([
  ['nothing', ''],
  ['no JSON', 'ERROR: access denied'],
  ['half of an inventory', JSON.stringify(MANY).slice(0, 1000)],
  ['an empty inventory', '[]'],
  ['a filtered list', JSON.stringify([instance('node-1')])],
])('changes nothing for %s, as a failed tctl leaves in a pipe', async (_, input) => {
  await fairway(IMPORT, { input: JSON.stringify([AUTH, instance('node-1')]) });
  const { code, stderr } = await fairway(IMPORT, { input });
  expect(code).toBe(2);
  expect(stderr).toMatch(/nothing was changed|the inventory is empty/);
  expect((await fairway(['census'])).stdout).toMatch(/stable\/cloud +1 +16\.4\.6/);
});

it.each([
  ['neither a control plane nor a channel', [], 2, '--control-plane NAME or --channel NAME'],
  ['an unknown control plane', ['--control-plane', 'spare'], 1, 'there is no control plane spare'],
  ['both partial and complete', ['-c', 'stable/cloud', '--partial', '--complete'], 2, 'partial or complete'],
])('says what is wrong with %s', async (_, options, exit, sentence) => {
  const input = JSON.stringify([AUTH, instance('node-1')]);
  const { code, stderr } = await fairway(['inventory', 'import', ...options], { input });
  expect({ code, stderr }).toEqual({ code: exit, stderr: expect.stringContaining(sentence) });
});
