import { expect, it, vi } from 'vitest';
import { commandLine } from '../support/cli.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';

vi.setConfig({ testTimeout: 60_000 });

async function atWork() {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  const read = async (name: string) => (await api('GET', `/channels/${encodeURIComponent(name)}`)).body;
  return { fairway: commandLine(server), read, api };
}

it('creates, changes and deletes a channel, each after a preview', async () => {
  const { fairway, read } = await atWork();
  const create = ['channel', 'create', 'beta', '--control-plane', 'main', '--target', '16.4.7'];
  const dry = await fairway([...create, '--dry-run']);
  expect(dry.stdout).toMatch(/channel\/beta.*controlPlane: main.*nothing was changed: this was a dry run/s);
  expect((await read('beta')).code).toBe('not_found');

  expect(await fairway([...create, '--yes'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('beta was created; it serves 16.4.7'),
  });
  const change = ['--description', 'Tries everything first', '--accepts', 'stable,beta', '--reason', 'more tests'];
  const set = await fairway(['channel', 'set', 'beta', ...change, '--yes']);
  expect(set.stdout).toMatch(/\+ description: Tries everything first.*beta was changed \(revision \d+\)/s);
  expect(await read('beta')).toMatchObject({
    description: 'Tries everything first',
    accepts: ['stable', 'beta'],
    target: '16.4.7',
  });
  expect((await fairway(['channel', 'set', 'beta', '--tools-version', '16.4.6', '--reason', 'x', '--yes'])).code).toBe(
    0,
  );
  expect((await read('beta')).toolsVersion).toBe('16.4.6');
  expect((await fairway(['channel', 'set', 'beta', '--tools-version', '', '--reason', 'x', '--yes'])).code).toBe(0);
  expect((await read('beta')).toolsVersion).toBeNull();

  expect((await fairway(['channel', 'delete', 'beta', '--dry-run'])).stdout).toContain('nothing was changed');
  expect((await fairway(['channel', 'delete', 'beta', '--yes'])).stdout).toContain('beta was deleted');
  expect((await read('beta')).code).toBe('not_found');
});

it.each([
  [['channel', 'create', 'stable/cloud', '--yes'], 2, 'to change it: fairway channel set stable/cloud'],
  [['channel', 'set', 'stable/cloud', '--yes'], 2, 'name what to change'],
  [['channel', 'set', 'nowhere', '--description', 'x', '--reason', 'x', '--yes'], 1, 'there is no channel nowhere'],
  [
    ['channel', 'create', 'beta', '--target', '18.0.0', '--control-plane', 'main', '--yes'],
    3,
    'a major ahead of control plane main',
  ],
  [['channel', 'create', 'beta', '--accepts', 'stable,weird', '--yes'], 2, 'accepts'],
  [['channel', 'delete', 'beta'], 2, 'there is no terminal to ask on'],
])('%j is refused', async (command, exit, sentence) => {
  const { fairway } = await atWork();
  const { code, stderr } = await fairway(command);
  expect({ code, stderr }).toEqual({ code: exit, stderr: expect.stringContaining(sentence) });
});

it('lists the oldest agents first', async () => {
  const { fairway, api } = await atWork();
  const spec = (version: string) => ({ version, ext_upgrader: 'unit' });
  const versions = ['16.4.6', '16.3.0', '15.4.10', '15.4.9', '16.0.0'];
  await api('POST', '/inventory?channel=stable%2Fcloud', [
    { kind: 'instance', metadata: { name: 'auth' }, spec: { version: '16.4.7', services: ['Auth'] } },
    ...versions.map((version, index) => ({ kind: 'instance', metadata: { name: `a${index}` }, spec: spec(version) })),
  ]);
  const { stdout, stderr } = await fairway(['agents', '--older-than', '16.4.0', '--limit', '3', '-o', 'json']);
  const listed = JSON.parse(stdout).agents.map(({ version }: { version: string }) => version);
  expect(listed).toEqual(['15.4.9', '15.4.10', '16.0.0']);
  expect(stderr).toContain('not shown: 1 agent; use --limit for a longer list');
});

it('sets groups, watch and freezes from a file or from standard input, and takes them away', async () => {
  const { fairway, read } = await atWork();
  const set = (input: string, ...more: string[]) =>
    fairway(['channel', 'set', 'stable/cloud', '--file', '-', '--reason', 'x', '--yes', ...more], { input });
  const yaml = 'rollout:\n  groups:\n    - name: dev\n      canaries: 2\n    - name: prod\nwatch: { for: 1h }\n';
  expect(await set(yaml, '--description', 'canaries first')).toMatchObject({ code: 0 });
  expect(await read('stable/cloud')).toMatchObject({
    description: 'canaries first',
    rollout: { groups: [{ name: 'dev', canaries: 2 }, { name: 'prod' }] },
    watch: { for: '1h' },
  });
  const created = ['channel', 'create', 'beta', '--file', '-', '--yes'];
  expect(await fairway(created, { input: JSON.stringify({ rollout: { groups: [{ name: 'a' }] } }) })).toMatchObject({
    code: 0,
  });
  expect((await read('beta')).rollout.groups).toHaveLength(1);
  expect(await set('rollout: null\nwatch: null\n')).toMatchObject({ code: 0 });
  expect(await read('stable/cloud')).toMatchObject({ rollout: null, watch: null });
});

it.each([
  ['- dev\n', 2, 'standard input has no settings; write fields such as "rollout:"'],
  ['rollout: [dev\n', 2, 'standard input is neither YAML nor JSON'],
  ['rolout: {}\n', 2, 'no such field: rolout'],
  ['target: 17.0.0\n', 2, 'its target is moved with roll-forward or roll-back'],
])('a file with %j is refused', async (input, exit, sentence) => {
  const { fairway, read } = await atWork();
  const before = await read('stable/cloud');
  const { code, stderr } = await fairway(['channel', 'set', 'stable/cloud', '-f', '-', '--reason', 'x', '--yes'], {
    input,
  });
  expect({ code, stderr }).toEqual({ code: exit, stderr: expect.stringContaining(sentence) });
  expect(await read('stable/cloud')).toEqual(before);
});
