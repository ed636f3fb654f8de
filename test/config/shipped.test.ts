import { describe, expect, it } from 'vitest';
import { merge, readYaml } from '../../src/config/raw.ts';
import { loadSettings, validate } from '../../src/config/settings.ts';
import { operatorClient, startServer } from '../support/server.ts';

describe('config/default.yaml', () => {
  it('is valid, and has no channel, control plane or token', () => {
    const settings = loadSettings('config/default.yaml', {});
    expect(settings.bootstrap).toEqual({ releases: null, controlPlanes: {}, channels: [] });
    expect(settings.tokens).toEqual([]);
    expect(settings.redisUrl).toBeNull();
  });

  it('has the values that the documents state', () => {
    expect(loadSettings('config/default.yaml', {})).toMatchObject({
      public: { port: 8080 },
      operator: { host: '127.0.0.1', port: 8081 },
      defaultChannel: 'stable/cloud',
      dataDir: './data',
      store: { compareEvery: 2_000 },
      fleet: { staleAfter: 24 * 3_600_000, flushEvery: 1_000 },
      compatibility: { presumeServedFor: 30 * 24 * 3_600_000, evidenceFreshFor: 24 * 3_600_000, catalogue: 'open' },
      log: { level: 'info' },
    });
  });

  it('serves no version to agents', async () => {
    const server = await startServer();
    for (const path of ['/v1/version', '/v1/stable/cloud/version', '/webapi/find']) {
      expect((await fetch(`${server.publicUrl}${path}`)).status).toBe(404);
    }
    expect((await operatorClient(server)('GET', '/audit')).body).toEqual({ entries: [] });
  });
});

describe('config/quickstart.yaml', () => {
  it('is valid over the defaults, and serves a version to the first curl', async () => {
    const quickstart = readYaml('config/quickstart.yaml');
    expect(() => validate(merge(readYaml('config/default.yaml'), quickstart))).not.toThrow();
    const server = await startServer(quickstart);
    for (const path of ['/v1/version', '/v1/stable/cloud/version']) {
      expect(await (await fetch(`${server.publicUrl}${path}`)).text()).toMatch(/^v\d+\.\d+\.\d+$/);
    }
    const { body } = await operatorClient(server)('GET', '/channels/stable%2Fcloud');
    expect(body).toMatchObject({ name: 'stable/cloud', updatedBy: 'system:bootstrap' });
  });

  it('does not change what exists already', async () => {
    const quickstart = readYaml('config/quickstart.yaml');
    const first = await startServer(quickstart);
    await operatorClient(first)('POST', '/channels/stable%2Fcloud/roll-forward', { version: '16.4.7', reason: 'test' });
    await first.close();
    const second = await startServer(merge(quickstart, { dataDir: first.settings.dataDir }));
    expect(await (await fetch(`${second.publicUrl}/v1/version`)).text()).toBe('v16.4.7');
    expect((await operatorClient(second)('GET', '/audit')).body.entries).toHaveLength(2);
  });
});
