import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { operatorClient, QUICKSTART, startServer, temporaryDirectory } from '../support/server.ts';

const CHANNEL = '/channels/stable%2Fcloud';

/** A server whose log is kept, and what a person sees of its start. */
async function startLogged(settings: Raw) {
  const lines: { level: number; msg: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const server = await startServer(settings, { log });
  return {
    ...server,
    api: operatorClient(server),
    lines: (text: string) => lines.filter(({ msg }) => msg.includes(text)),
    poll: async (channel: string) => {
      const response = await fetch(`${server.publicUrl}/v1/${channel}/version`);
      return response.status === 200 ? response.text() : response.status;
    },
    readyz: async () => {
      const response = await fetch(`${server.operatorUrl}/readyz`);
      return `${response.status} ${await response.text()}`;
    },
    refused: async () => {
      const text = await (await fetch(`${server.operatorUrl}/metrics`)).text();
      return /^fairway_bootstrap_refused (.+)$/m.exec(text)?.[1];
    },
  };
}

describe('what the settings name', () => {
  it('is created in one commit, with one entry in the audit log', async () => {
    const server = await startLogged(merge(QUICKSTART, { bootstrap: { channels: [{ name: 'a' }, { name: 'b' }] } }));
    const { entries } = (await server.api('GET', '/audit')).body;
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      actor: 'system:bootstrap',
      action: 'create',
      subject: 'state',
      reason: 'named in the settings',
      after: { 'control-plane/main': { version: '16.4.7' }, 'channel/a': { name: 'a' }, 'channel/b': { name: 'b' } },
    });
    expect((await server.api('GET', '/channels/a')).body.revision).toBe(1);
    expect(await server.readyz()).toBe('200 ready');
    expect(await server.refused()).toBe('0');
  });

  it('stays as it is if it exists already', async () => {
    const dataDir = temporaryDirectory();
    const first = await startLogged({ ...QUICKSTART, dataDir });
    await first.api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'test' });
    await first.close();
    const again = await startLogged({ ...QUICKSTART, dataDir });
    expect(await again.poll('stable/cloud')).toBe('v16.4.7');
    expect((await again.api('GET', '/audit')).body.entries).toHaveLength(2);
  });

  it('is not created at all if one part is refused, and the server starts and names every fault', async () => {
    const channels = [
      { name: 'good', target: '16.4.6', controlPlane: 'main' },
      { name: 'ahead', target: '18.0.0', controlPlane: 'main' },
      { name: 'lost', target: '16.4.6', controlPlane: 'nowhere' },
    ];
    const server = await startLogged({ bootstrap: { controlPlanes: { main: '16.4.7' }, channels } });
    expect((await server.api('GET', '/channels')).body.channels).toEqual([]);
    expect((await server.api('GET', '/control-planes')).body.controlPlanes).toEqual([]);
    expect((await server.api('GET', '/audit')).body.entries).toEqual([]);

    const ready = await server.readyz();
    expect(ready).toMatch(/^200 ready, but the bootstrap was refused: ahead: 18\.0\.0 is refused for ahead/);
    expect(ready).toContain('fairway control-planes report nowhere VERSION');
    expect(ready).toContain('docs/runbooks/bootstrap-refused.md');
    expect(server.lines('the bootstrap was refused').map(({ level }) => level)).toEqual([50]);
    expect(await server.refused()).toBe('1');
  });

  it('is created by the next start when the settings are corrected', async () => {
    const dataDir = temporaryDirectory();
    const wrong = { channels: [{ name: 'stable/cloud', target: '18.0.0', controlPlane: 'main' }] };
    const first = await startLogged(merge(QUICKSTART, { dataDir, bootstrap: wrong }));
    expect(await first.poll('stable/cloud')).toBe(404);
    await first.close();
    const again = await startLogged({ ...QUICKSTART, dataDir });
    expect(await again.poll('stable/cloud')).toBe('v16.4.6');
    expect(await again.readyz()).toBe('200 ready');
    expect(await again.refused()).toBe('0');
  });

  it('does not stop a server from serving what is stored, and does not come back once it was deleted', async () => {
    const dataDir = temporaryDirectory();
    const known = ['16.4.5', '16.4.6'].map((version) => ({ version, date: null, security: false }));
    const named = (...more: object[]) => ({ channels: [{ name: 'stable/cloud', target: '16.4.5' }, ...more] });
    const legacy = { name: 'legacy', target: '16.4.6' };
    const first = await startLogged({ dataDir, bootstrap: named(legacy) });
    await first.api('POST', '/releases/import', known);
    expect((await first.api('DELETE', '/channels/legacy')).status).toBe(204);
    expect((await first.api('POST', '/releases/16.4.6/pull', { reason: 'test' })).status).toBe(200);
    await first.close();

    const again = await startLogged({ dataDir, bootstrap: named(legacy, { name: 'new', target: '16.4.6' }) });
    expect(await again.poll('stable/cloud')).toBe('v16.4.5');
    expect(await again.poll('legacy')).toBe(404);
    expect(again.lines('legacy was deleted at').map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^legacy was deleted at \S+ by token admin, so it is not created again$/),
    ]);
    // A release that was pulled since is the fault of another one.
    expect(await again.poll('new')).toBe(404);
    expect(await again.readyz()).toMatch(/^200 ready, but the bootstrap was refused: new: 16\.4\.6 is refused for new/);
  });

  it('does not make a control plane again that a person deleted, until it is reported again', async () => {
    const dataDir = temporaryDirectory();
    const settings = { dataDir, bootstrap: { controlPlanes: { main: '16.4.7', spare: '16.4.7' } } };
    const names = async ({ api }: Awaited<ReturnType<typeof startLogged>>) =>
      (await api('GET', '/control-planes')).body.controlPlanes.map(({ name }: { name: string }) => name);
    const first = await startLogged(settings);
    expect((await first.api('DELETE', '/control-planes/spare')).status).toBe(204);
    await first.close();

    const again = await startLogged(settings);
    expect(await names(again)).toEqual(['main']);
    expect(again.lines('control plane spare was deleted at').map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^control plane spare was deleted at \S+ by token admin, so it is not created again$/),
    ]);
    expect((await again.api('PUT', '/control-planes/spare', { version: '17.0.0' })).status).toBe(201);
    expect((await again.api('DELETE', '/control-planes/spare')).status).toBe(204);
    const document = { fairway: 1, controlPlanes: [{ name: 'spare', version: '16.4.7' }] };
    expect((await again.api('POST', '/apply', document)).status).toBe(200);
    expect(await names(again)).toEqual(['main', 'spare']);
    await again.close();
    const { body } = await (await startLogged(settings)).api('GET', '/export', undefined, {
      Accept: 'application/json',
    });
    expect(Object.keys(body)).not.toContain('retiredControlPlanes');
  });

  it('does not show which release is under embargo', async () => {
    const dataDir = temporaryDirectory();
    const release = { version: '16.4.9', embargoed: true };
    const first = await startLogged({ dataDir });
    const document = { fairway: 1, releases: [release] };
    expect((await first.api('POST', '/apply', document)).status).toBe(200);
    await first.close();
    const again = await startLogged({ dataDir, bootstrap: { channels: [{ name: 'new', target: '16.4.9' }] } });
    const ready = await again.readyz();
    expect(ready).toMatch(/^200 ready, but the bootstrap was refused/);
    expect(ready).not.toContain('16.4.9');
  });
});
