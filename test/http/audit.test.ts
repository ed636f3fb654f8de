import { describe, expect, it } from 'vitest';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';

const CHANNEL = '/channels/stable%2Fcloud';

async function started(changes: number) {
  const server = await startServer(QUICKSTART);
  const api = operatorClient(server);
  for (let i = 0; i < changes; i++) await api('PUT', CHANNEL, { description: `change ${i}`, reason: `reason ${i}` });
  return { server, api };
}

describe('the audit log', () => {
  it('is listed newest first, page after page, without gaps', async () => {
    const { api } = await started(12);
    const { status, body: all } = await api('GET', '/audit?limit=500');
    expect(status).toBe(200);
    const ids = all.entries.map(({ id }: { id: number }) => id);
    expect(ids).toEqual(Array.from({ length: 13 }, (_, i) => 13 - i));
    const paged: unknown[] = [];
    for (let before = ''; ; before = `&before=${paged.length === 0 ? '' : 14 - paged.length}`) {
      const { body } = await api('GET', `/audit?limit=5${before}`);
      if (body.entries.length === 0) break;
      paged.push(...body.entries);
    }
    expect(paged).toEqual(all.entries);
    expect((await api('GET', '/audit?before=1')).body).toEqual({ entries: [] });
    expect((await api('GET', '/audit?before=999999')).body.entries[0].id).toBe(13);
  });

  it('records who, when, what, why, before and after', async () => {
    const { api } = await started(1);
    const { body } = await api('GET', '/audit?limit=1');
    expect(Object.keys(body.entries[0]).sort()).toEqual(
      ['action', 'actor', 'after', 'at', 'before', 'hash', 'id', 'reason', 'revision', 'subject', 'writes'].sort(),
    );
    expect(body.entries[0]).toMatchObject({
      id: 2,
      revision: 2,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      actor: 'token:admin',
      action: 'settings',
      subject: 'channel/stable/cloud',
      reason: 'reason 0',
      before: { description: '' },
      after: { description: 'change 0' },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      writes: { 'channel/stable/cloud': expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
  });

  it('is verified as intact, with its head', async () => {
    const { api } = await started(5);
    const { body: newest } = await api('GET', '/audit?limit=1');
    expect(await api('GET', '/audit/verify')).toMatchObject({
      status: 200,
      body: { intact: true, entries: 6, head: newest.entries[0].hash, brokenAt: null },
    });
  });

  it('is verified against a head that was noted before', async () => {
    const { api } = await started(3);
    const { body: log } = await api('GET', '/audit');
    const [newest, , older] = log.entries;
    const verified = async (id: number, hash: string) => {
      const { body } = await api('GET', `/audit/verify?head=${id}:${hash}`);
      return [body.intact, body.brokenAt];
    };
    expect(await verified(newest.id, newest.hash)).toEqual([true, null]);
    expect(await verified(older.id, older.hash)).toEqual([true, null]);
    expect(await verified(older.id, newest.hash)).toEqual([false, older.id]);
    expect(await verified(newest.id + 5, newest.hash)).toEqual([false, newest.id + 1]);
    expect((await api('GET', '/audit/verify?head=5')).status).toBe(422);
  });

  it('is intact while it is empty', async () => {
    const api = operatorClient(await startServer());
    expect((await api('GET', '/audit')).body).toEqual({ entries: [] });
    expect((await api('GET', '/audit/verify')).body).toMatchObject({ intact: true, entries: 0, brokenAt: null });
  });
});
