import { describe, expect, it } from 'vitest';
import { operatorClient, startServer, temporaryDirectory } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const HOUR = 3_600_000;
const hours = (count: number) => new Date(Date.now() + count * HOUR).toISOString();
const SET = { from: hours(1), until: hours(2), reason: 'audit', except: [] };

async function open(settings: object = {}) {
  let ahead = 0;
  const overrides = { bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6' }] }, ...settings };
  const server = await startServer(overrides, { now: () => new Date(Date.now() + ahead) });
  const api = operatorClient(server);
  const freeze = (body: object) => api('POST', '/freezes', { reason: 'holidays', ...body });
  const forward = (body: object = {}) =>
    api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'test', ...body });
  const list = async () => (await api('GET', '/freezes')).body.freezes;
  const later = (ms: number) => {
    ahead += ms;
  };
  return { server, api, freeze, forward, list, later };
}

describe('a freeze of all channels', () => {
  it('is added, stops moves forward on every face, and says where it was set and how it ends', async () => {
    const { api, freeze, forward, list } = await open({ freezes: [SET] });
    const until = hours(5);
    const added = await freeze({ id: 'xmas', until });
    expect(added).toMatchObject({ status: 201, body: { set: 'api', id: 'xmas', by: 'token:admin', holds: true } });
    expect(await list()).toMatchObject([
      { set: 'api', id: 'xmas', until, reason: 'holidays', except: ['roll-back', 'critical'], by: 'token:admin' },
      { set: 'settings', id: null, by: null, at: null, ...SET, holds: false },
    ]);
    const clock = `${until.slice(0, 16).replace('T', ' ')} UTC`;
    const words = `frozen until ${clock} by freeze xmas of token admin: holidays`;
    expect(expectProblem(await forward(), 409, 'frozen').detail).toBe(
      `stable/cloud is ${words}; to end it for all channels: fairway freezes remove xmas; to move it anyway, an admin uses overrideFreeze: fairway roll-forward stable/cloud VERSION --override-freeze`,
    );
    expect((await api('GET', CHANNEL)).body.frozen).toBe(`stable/cloud is ${words}`);
    const { groups } = (await api('GET', '/status')).body;
    expect(groups).toContainEqual({
      kind: 'frozen',
      severity: 'note',
      headline: 'all channels are frozen',
      troubles: [
        expect.objectContaining({ channel: null, detail: `${words}; to end it: fairway freezes remove xmas` }),
      ],
    });
    const { entries } = (await api('GET', '/audit?limit=1')).body;
    expect(entries[0]).toMatchObject({ action: 'freeze', subject: 'freezes/all', reason: 'holidays' });
    expect((await api('GET', '/audit/verify')).body).toMatchObject({ intact: true, edited: [] });
  });

  it('is over when its time comes, or when an admin ends it', async () => {
    const { server, api, freeze, forward, list, later } = await open();
    await freeze({ id: 'a', until: hours(1) });
    await freeze({ id: 'b', until: hours(5) });
    later(2 * HOUR);
    expect(await list()).toMatchObject([{ id: 'b' }]);
    expectProblem(await forward(), 409, 'frozen', /by freeze b/);
    expectProblem(await operatorClient(server, 'operator')('DELETE', '/freezes/b?reason=x'), 403, 'forbidden');
    expect((await api('DELETE', '/freezes/b?reason=back&dryRun=true')).status).toBe(204);
    expect(await list()).toHaveLength(1);
    expect((await api('DELETE', '/freezes/b?reason=back')).status).toBe(204);
    expectProblem(await api('DELETE', '/freezes/b?reason=back'), 404, 'not_found', /fairway freezes/);
    expect((await api('GET', '/audit?limit=1')).body.entries[0]).toMatchObject({ action: 'unfreeze', reason: 'back' });
    expect(await list()).toEqual([]);
    expect((await forward()).status).toBe(200);
  });

  it('may be added again with the same content only', async () => {
    const { api, freeze, list } = await open();
    const body = { id: 'xmas', until: hours(5) };
    expect((await freeze({ ...body, dryRun: true })).status).toBe(201);
    expect(await list()).toEqual([]);
    const first = await freeze(body);
    const { revision } = (await api('GET', '/audit?limit=1')).body.entries[0];
    expect(await freeze(body)).toMatchObject({ status: 200, body: first.body });
    expect((await api('GET', '/audit?limit=1')).body.entries[0].revision).toBe(revision);
    expectProblem(await freeze({ ...body, until: hours(6) }), 409, 'already_exists', /fairway freezes remove xmas/);
  });

  it.each<[what: string, body: object, detail: RegExp]>([
    ['no end', {}, /until/],
    ['no reason', { until: hours(1), reason: ' ' }, /reason/],
    ['an end in the past', { from: hours(-2), until: hours(-1) }, /until must lie in the future/],
    ['an end before it begins', { from: hours(2), until: hours(1) }, /until must be after from/],
    ['an end that is none', { until: hours(24 * 400) }, /within a year/],
    ['a time that is none', { until: 'tomorrow' }, /expected a time/],
    ['an id that is none', { until: hours(1), id: 'X Y' }, /expected 1 to 64/],
    ['an exception that is none', { until: hours(1), except: ['all'] }, /except/],
  ])('with %s is refused', async (_, body, detail) => {
    const { freeze, list } = await open();
    expectProblem(await freeze(body), 422, 'invalid', detail);
    expect(await list()).toEqual([]);
  });

  it('is one of at most fifty', async () => {
    const { freeze } = await open();
    for (let nth = 0; nth < 50; nth++) expect((await freeze({ until: hours(1) })).status).toBe(201);
    expectProblem(await freeze({ until: hours(1) }), 422, 'invalid', /there are 50 freezes already/);
  });

  it('is in an export, survives a restart, and comes back with apply', async () => {
    const dataDir = temporaryDirectory();
    const first = await open({ dataDir });
    await first.freeze({ id: 'xmas', until: hours(5) });
    await first.freeze({ id: 'over', until: hours(1) });
    await first.server.close();
    const again = await open({ dataDir });
    again.later(2 * HOUR);
    const document = (await again.api('GET', '/export')).body;
    expect(document.freezes).toMatchObject([{ id: 'xmas', by: 'token:admin' }]);
    const other = await open();
    expect((await other.api('POST', '/apply', document)).body.changes).toContainEqual(
      expect.objectContaining({ key: 'freezes/all', change: 'create' }),
    );
    expect(await other.list()).toMatchObject([{ id: 'xmas' }]);
    expect((await other.api('POST', '/apply', document)).body.changes).toEqual([]);
    const lines = (await other.api('GET', '/export', undefined, { Accept: 'application/x-ndjson' })).body;
    const third = await open();
    const type = { 'Content-Type': 'application/x-ndjson' };
    expect((await third.api('POST', '/apply', lines, type)).status).toBe(200);
    expect(await third.list()).toMatchObject([{ id: 'xmas' }]);
  });
});

describe('a freeze is overridden', () => {
  it('by an apply of an admin who says so, which the audit log records', async () => {
    const { api, freeze } = await open();
    await freeze({ id: 'xmas', until: hours(5) });
    const document = { fairway: 1, channels: [{ name: 'stable/cloud', target: '16.4.7' }] };
    expectProblem(await api('POST', '/apply', document), 409, 'frozen', /fairway apply FILE --override-freeze$/);
    const { body } = await api('POST', '/apply?overrideFreeze=true', document);
    expect(body.audit.reason).toMatch(
      /^applied from a document \(although frozen until .* by freeze xmas of token admin/,
    );
    expect((await api('GET', CHANNEL)).body.target).toBe('16.4.7');
  });

  it('by a lifted embargo whose admin says so, and by nobody of a lower role', async () => {
    const { server, api, freeze } = await open();
    const secret = {
      ...{ version: '16.4.8', commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z', security: true, embargoed: true },
      artifacts: { controlPlane: 'published', packages: 'published' },
      changes: [],
    };
    expect((await api('POST', '/releases', secret)).status).toBe(201);
    await freeze({ id: 'xmas', until: hours(5) });
    const lift = { reason: 'public now', channels: ['stable/cloud'] };
    const path = '/releases/16.4.8/lift-embargo';
    expectProblem(
      await api('POST', path, lift),
      409,
      'frozen',
      /fairway releases lift-embargo 16\.4\.8 --channel stable\/cloud --override-freeze$/,
    );
    const override = { ...lift, overrideFreeze: true };
    expectProblem(await operatorClient(server, 'release-manager')('POST', path, override), 403, 'forbidden');
    expect((await api('POST', path, override)).status).toBe(200);
    expect((await api('GET', CHANNEL)).body.target).toBe('16.4.8');
    const [entry] = (await api('GET', '/audit?limit=1')).body.entries;
    expect(entry).toMatchObject({
      action: 'lift-embargo',
      reason: expect.stringMatching(/^public now \(although frozen/),
    });
  });
});
