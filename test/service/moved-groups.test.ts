import { expect, it } from 'vitest';
import { instance } from '../fixtures/inventory.ts';
import { operatorClient, startServer, temporaryDirectory } from '../support/server.ts';

/** An agent of a v2 updater; its group is `prod`. */
const inGroup = (number: number, version: string) => instance(number, version, 'v2');

it('a channel that the settings map a group to is judged by its agents, before they are imported again', async () => {
  const dataDir = temporaryDirectory();
  const channels = ['stable/cloud', 'eu'].map((name) => ({ name, target: '16.4.6', controlPlane: 'main' }));
  const bootstrap = { controlPlanes: { main: '17.4.0' }, channels };
  const started = async (groups: Record<string, { channel: string }>) => {
    const server = await startServer({ dataDir, bootstrap, groups });
    const api = operatorClient(server);
    const check = async (channel: string) =>
      (await api('POST', `/channels/${encodeURIComponent(channel)}/check`, { version: '17.0.1' })).body.allowed;
    return { server, api, check };
  };
  const first = await started({});
  const list = [instance(0, '17.4.0', 'cluster'), inGroup(1, '15.4.9'), instance(2, '16.4.6')];
  const imported = await first.api('POST', '/inventory?controlPlane=main&channel=stable%2Fcloud', list);
  expect(imported.body).toMatchObject({ unmappedGroups: { prod: 1 } });
  expect([await first.check('stable/cloud'), await first.check('eu')]).toEqual([false, true]);
  await first.server.close();

  const mapped = await started({ prod: { channel: 'eu' } });
  expect([await mapped.check('stable/cloud'), await mapped.check('eu')]).toEqual([false, false]);
  await mapped.api('POST', '/inventory?controlPlane=main&channel=stable%2Fcloud', list);
  expect([await mapped.check('stable/cloud'), await mapped.check('eu')]).toEqual([true, false]);
  await mapped.server.close();

  const away = await started({ prod: { channel: 'stable/cloud' } });
  expect([await away.check('stable/cloud'), await away.check('eu')]).toEqual([false, false]);
});
