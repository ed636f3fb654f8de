import { describe, expect, it, vi } from 'vitest';
import { hashToken } from '../../src/config/settings.ts';
import { operatorClient, startServer, TOKENS, temporaryDirectory } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const [MINUTE, HOUR] = [60_000, 3_600_000];
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 10_000 });
const inOneHour = () => new Date(Date.now() + HOUR).toISOString();

async function open(settings: object = {}, ahead = 0) {
  const server = await startServer(
    {
      leader: { plansEvery: '10ms' },
      bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6' }] },
      ...settings,
    },
    { now: () => new Date(Date.now() + ahead) },
  );
  const api = operatorClient(server);
  const act = (verb: string, body: object = {}) => api('POST', `${CHANNEL}/${verb}`, { reason: 'test', ...body });
  const forward = (body: object = {}) => act('roll-forward', { version: '16.4.7', at: inOneHour(), ...body });
  const target = async () => (await api('GET', CHANNEL)).body.target;
  const list = async () => (await api('GET', '/scheduled')).body.scheduled;
  const latest = async () => (await api('GET', '/audit?limit=1')).body.entries[0];
  const later = (ms: number) => {
    ahead += ms;
  };
  return { server, api, act, forward, target, list, latest, later };
}

describe('a change with a time', () => {
  it('is stored, shown, and carried out at that time under the name of who asked', async () => {
    const { server, api, target, list, later } = await open();
    const operator = operatorClient(server, 'operator');
    const at = inOneHour();
    const body = { version: 'v16.4.7', reason: 'monthly', at };
    const preview = await operator('POST', `${CHANNEL}/roll-forward`, { ...body, dryRun: true });
    expect(preview.body).toMatchObject({ audit: null, channel: { target: '16.4.7' }, scheduled: { at } });
    expect(await list()).toEqual([]);
    const accepted = await operator('POST', `${CHANNEL}/roll-forward`, body);
    const change = {
      ...{ id: expect.stringMatching(/^[0-9a-f]{12}$/), verb: 'roll-forward', at, input: { version: '16.4.7' } },
      ...{ reason: 'monthly', by: 'token:operator', role: 'operator', acceptedAt: expect.any(String) },
    };
    expect(accepted).toMatchObject({
      status: 200,
      body: {
        audit: {
          action: 'schedule',
          actor: 'token:operator',
          reason: expect.stringContaining('monthly (roll-forward'),
        },
        channel: { target: '16.4.6' },
        scheduled: { channel: 'stable/cloud', ...change },
      },
    });
    expect(await list()).toEqual([{ channel: 'stable/cloud', ...change }]);
    expect((await api('GET', '/scheduled?channel=stable%2Fcloud')).body.scheduled).toHaveLength(1);
    expect((await api('GET', CHANNEL)).body.scheduled).toEqual([change]);
    later(HOUR - MINUTE);
    expect(await target()).toBe('16.4.6');
    later(2 * MINUTE);
    await until(async () => expect(await target()).toBe('16.4.7'));
    const { entries } = (await api('GET', `${CHANNEL}/history`)).body;
    expect(entries[0]).toMatchObject({
      ...{ action: 'roll-forward', actor: 'token:operator' },
      reason: expect.stringMatching(/^monthly \(scheduled by token operator at .* UTC for .* UTC\)$/),
    });
    expect((await api('GET', CHANNEL)).body).not.toHaveProperty('scheduled');
    expect(await list()).toEqual([]);
    expect((await api('GET', '/audit/verify')).body).toMatchObject({ intact: true, edited: [] });
  });

  it.each<[verb: string, body: object, after: object]>([
    ['roll-back', { version: '16.4.5' }, { target: '16.4.5', hold: { by: 'token:admin' } }],
    ['pin', {}, { target: '16.4.6', pin: { by: 'token:admin' } }],
    ['pin', { version: '16.4.7', until: '2999-01-01T00:00:00Z' }, { target: '16.4.7', pin: { reason: 'test' } }],
    ['withdraw', {}, { target: null, hold: { reason: 'test' } }],
  ])('may be a %s %j', async (verb, body, after) => {
    const { api, act, later } = await open();
    expect(await act(verb, { ...body, at: inOneHour() })).toMatchObject({ status: 200 });
    later(HOUR + 1_000);
    await until(async () => expect((await api('GET', CHANNEL)).body).toMatchObject(after));
  });

  it('names the version that a roll-back leads to when it is accepted', async () => {
    const { act, list } = await open();
    await act('roll-forward', { version: '16.4.7' });
    await act('roll-back', { at: inOneHour() });
    expect(await list()).toMatchObject([{ verb: 'roll-back', input: { version: '16.4.6' } }]);
  });

  it.each<[what: string, body: object, detail: RegExp]>([
    ['is past', { at: '2020-01-01T00:00:00Z' }, /at must lie in the future.*leave at out/],
    ['is no time', { at: 'tomorrow' }, /expected a time with its zone/],
    ['is years ahead', { at: '2999-01-01T00:00:00Z' }, /within a year/],
    ['comes with a number of agents to strand', { at: inOneHour(), acceptStranding: 1 }, /counts for now only/],
    ['is after the end of a pin', { at: inOneHour(), version: 'x' }, /version/],
  ])('is refused where it %s', async (_, body, detail) => {
    const { forward, list } = await open();
    expectProblem(await forward(body), 422, 'invalid', detail);
    expect(await list()).toEqual([]);
  });

  it('is refused for verbs that move no target', async () => {
    const { act } = await open();
    for (const verb of ['unpin', 'release', 'cancel-plan']) {
      expectProblem(await act(verb, { at: inOneHour() }), 422, 'invalid', /at/);
    }
  });

  it('is judged when it is accepted, by what is pinned and frozen at its time', async () => {
    const channel = { name: 'stable/cloud', target: '16.4.6', controlPlane: 'main' };
    const { api, act, forward, list } = await open({
      bootstrap: { controlPlanes: { main: '16.4.7' }, channels: [channel] },
    });
    expectProblem(await forward({ version: '17.0.0' }), 409, 'refused', /17\.0\.0 is refused/);
    await act('pin', { until: new Date(Date.now() + 2 * HOUR).toISOString() });
    expectProblem(await forward(), 409, 'channel_pinned');
    await act('pin', { until: new Date(Date.now() + HOUR / 2).toISOString() });
    await api('POST', '/freezes', { id: 'x', reason: 'x', until: new Date(Date.now() + 2 * HOUR).toISOString() });
    expectProblem(await forward(), 409, 'frozen', /by freeze x/);
    await api('DELETE', '/freezes/x?reason=x');
    await api('POST', '/freezes', { reason: 'x', until: new Date(Date.now() + HOUR / 2).toISOString() });
    expect(await forward()).toMatchObject({ status: 200 });
    expect(await list()).toHaveLength(1);
  });

  it('is one of at most ten of a channel', async () => {
    const { forward } = await open();
    for (let nth = 0; nth < 10; nth++) expect((await forward()).status).toBe(200);
    expectProblem(await forward(), 422, 'invalid', /10 changes of this channel are scheduled already/);
  });

  it('is cancelled by an operator, with a reason, and the list has pages', async () => {
    const { server, api, forward, list, latest, later, target } = await open();
    const { id } = (await forward()).body.scheduled;
    const second = (await forward({ version: '16.4.8' })).body.scheduled.id;
    const first = await api('GET', '/scheduled?limit=1');
    expect(first.body).toMatchObject({ scheduled: [{ id }], next: id });
    expect((await api('GET', `/scheduled?limit=1&after=${id}`)).body).toMatchObject({
      ...{ scheduled: [{ id: second }], next: null },
    });
    expectProblem(await operatorClient(server, 'viewer')('DELETE', `/scheduled/${id}?reason=x`), 403, 'forbidden');
    expectProblem(await api('DELETE', `/scheduled/${id}`), 422, 'invalid', /reason/);
    expect((await api('DELETE', `/scheduled/${id}?reason=later&dryRun=true`)).status).toBe(204);
    expect(await list()).toHaveLength(2);
    expect((await api('DELETE', `/scheduled/${id}?reason=later`)).status).toBe(204);
    expect(await latest()).toMatchObject({
      action: 'unschedule',
      reason: expect.stringMatching(/^later \(roll-forward to/),
    });
    expectProblem(await api('DELETE', `/scheduled/${id}?reason=later`), 404, 'not_found', /fairway scheduled$/);
    expect((await api('DELETE', `/scheduled/${second}?reason=later`)).status).toBe(204);
    later(2 * HOUR);
    expect(await list()).toEqual([]);
    expect(await target()).toBe('16.4.6');
  });
});

describe('a change whose time has come', () => {
  it.each<[what: string, spoil: (opened: Awaited<ReturnType<typeof open>>) => Promise<unknown>, why: RegExp]>([
    [
      'is frozen',
      ({ api }) =>
        api('POST', '/freezes', { id: 'x', reason: 'x', until: new Date(Date.now() + 9 * HOUR).toISOString() }),
      /is frozen until .* by freeze x .*fairway freezes remove x/,
    ],
    [
      'is newer already',
      ({ act }) => act('roll-forward', { version: '16.4.8' }),
      /16\.4\.7 is older than 16\.4\.8, the target of /,
    ],
    [
      'goes to a release that was pulled',
      async ({ api }) => {
        await api('POST', '/releases/import', [{ version: '16.4.7', date: null, security: false }]);
        await api('POST', '/releases/16.4.7/pull', { reason: 'bad' });
      },
      /16\.4\.7 is refused for stable\/cloud: .*pulled/,
    ],
  ])('is refused aloud where the channel %s', async (_, spoil, why) => {
    const opened = await open();
    const { server, api, forward, target, list, latest, later } = opened;
    await forward();
    await spoil(opened);
    const before = await target();
    later(HOUR + 1_000);
    await until(async () => expect((await list())[0]?.undone).toMatchObject({ state: 'refused' }));
    const [change] = await list();
    expect(change.undone.reason).toMatch(why);
    expect(await target()).toBe(before);
    expect(await latest()).toMatchObject({
      ...{ action: 'schedule-refused', actor: 'system:schedule', subject: 'channel/stable/cloud' },
      reason: expect.stringMatching(/^roll-forward to 16\.4\.7 at .*, scheduled by token admin: /),
    });
    const { groups } = (await api('GET', '/status')).body;
    expect(groups.find(({ kind }: { kind: string }) => kind === 'schedule_failed')).toMatchObject({
      ...{ severity: 'warn', headline: 'a scheduled change of stable/cloud was not carried out' },
      troubles: [{ channel: 'stable/cloud', detail: expect.stringContaining(`fairway scheduled cancel ${change.id}`) }],
    });
    const metrics = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    expect(metrics).toContain('fairway_scheduled_changes_total{outcome="refused"} 1');
    expect(metrics).toContain('fairway_channel_scheduled{channel="stable/cloud",state="refused"} 1');
    expect((await api('DELETE', `/scheduled/${change.id}?reason=seen`)).status).toBe(204);
    expect(await latest()).toMatchObject({ action: 'acknowledge-schedule' });
    expect((await api('GET', '/status')).body.groups).not.toContainEqual(
      expect.objectContaining({ kind: 'schedule_failed' }),
    );
  });

  it.each<[minutes: number, what: string, after: object]>([
    [14, 'carried out late', { target: '16.4.7' }],
    [16, 'said to be missed', { target: '16.4.6', scheduled: [{ undone: { state: 'missed' } }] }],
  ])('while all servers were down is, %i minutes later, %s', async (minutes, _, after) => {
    const dataDir = temporaryDirectory();
    const first = await open({ dataDir });
    await first.forward();
    await first.server.close();
    const { api, later } = await open({ dataDir }, HOUR + minutes * MINUTE);
    await until(async () => expect((await api('GET', CHANNEL)).body).toMatchObject(after));
    const { scheduled } = (await api('GET', CHANNEL)).body;
    if (minutes < 15) return expect(scheduled).toBeUndefined();
    expect(scheduled[0].undone.reason).toMatch(
      /^it was due at .* and no server could carry it out within 15 min; to do it now: fairway roll-forward stable\/cloud 16\.4\.7 --reason "test"$/,
    );
    later(7 * 24 * HOUR);
    expect((await api('GET', CHANNEL)).body.scheduled).toBeUndefined();
  });

  it.each<[what: string, tokens: object[], target: string, reason: RegExp | null]>([
    ['is gone', [], '16.4.6', /token operator is not known any more/],
    ['reads only', [{ name: 'operator', role: 'viewer' }], '16.4.6', /may not roll a channel forward/],
    ['may do more', [{ name: 'operator', role: 'admin' }], '16.4.7', null],
  ])('counts the token of who asked as it is then, if it %s', async (_, tokens, target, reason) => {
    const dataDir = temporaryDirectory();
    const first = await open({ dataDir });
    await operatorClient(first.server, 'operator')('POST', `${CHANNEL}/roll-forward`, {
      ...{ version: '16.4.7', reason: 'test', at: inOneHour() },
    });
    await first.server.close();
    const admin = { name: 'admin', role: 'admin', sha256: hashToken(TOKENS.admin) };
    const others = tokens.map((token) => ({ ...token, sha256: hashToken('another') }));
    const { api, list } = await open({ dataDir, tokens: [admin, ...others] }, HOUR + MINUTE);
    await until(async () =>
      expect((await list())[0]?.undone?.reason ?? null).toEqual(reason && expect.stringMatching(reason)),
    );
    await until(async () => expect((await api('GET', CHANNEL)).body.target).toBe(target));
  });
});

describe('what a person does after a change was accepted', () => {
  it.each<[verb: string, body: object]>([
    ['roll-back', { version: '16.4.5' }],
    ['withdraw', {}],
    ['pin', {}],
  ])('as a %s keeps it from happening, with the reason', async (verb, body) => {
    const { api, act, forward, list, later, latest } = await open();
    const { id } = (await forward()).body.scheduled;
    const { channel } = (await act(verb, { ...body, reason: 'incident 12' })).body;
    const undone = { state: 'overtaken', reason: 'token admin changed the channel: incident 12' };
    expect(channel.scheduled).toMatchObject([{ id, undone }]);
    const { id: entry } = await latest();
    // Not even if the channel is let go again.
    await act(verb === 'pin' ? 'unpin' : 'release');
    later(2 * HOUR);
    const sent = await forward({ version: '16.4.9', at: new Date(Date.now() + 3 * HOUR).toISOString() });
    expect(sent.status).toBe(200);
    later(HOUR + MINUTE);
    await until(async () => expect((await api('GET', CHANNEL)).body.target).toBe('16.4.9'));
    expect(await list()).toMatchObject([{ id, undone }]);
    const { entries } = (await api('GET', '/audit?limit=20')).body;
    const since = entries.filter((each: { id: number }) => each.id > entry);
    expect(since.filter(({ action }: { action: string }) => /^(roll-forward|schedule-)/.test(action))).toHaveLength(1);
  });

  it('as an apply, or a move forward, counts the same way', async () => {
    const { api, act, forward, list } = await open();
    await forward({ version: '16.4.9' });
    await act('roll-forward', { version: '16.4.7' });
    await act('roll-back', { at: inOneHour() });
    expect(await list()).toMatchObject([{ verb: 'roll-forward' }, { verb: 'roll-back' }]);
    await act('roll-forward', { version: '16.4.8' });
    const states = async () =>
      (await list()).map(({ undone }: { undone?: { state: string } }) => undone?.state ?? 'waits');
    expect(await states()).toEqual(['waits', 'overtaken']);
    await api('POST', '/apply', { fairway: 1, channels: [{ name: 'stable/cloud', target: '16.4.6' }] });
    expect(await states()).toEqual(['overtaken', 'overtaken']);
  });

  it('overtakes it also where the clock was ahead when it was accepted', async () => {
    const { act, forward, list, later } = await open();
    await forward({ at: new Date(Date.now() + 3 * HOUR).toISOString() });
    later(-HOUR);
    await act('roll-back', { version: '16.4.5', reason: 'incident 12' });
    expect(await list()).toMatchObject([{ undone: { state: 'overtaken' } }]);
  });

  it('by pausing the rollout stops the change to the next target', async () => {
    const rollout = { groups: [{ name: 'dev', canaries: 1 }] };
    const { act, forward, list, target, later } = await open({
      bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6', rollout }] },
    });
    await act('roll-forward', { version: '16.4.7' });
    await forward({ version: '16.4.8' });
    await act('rollout/pause', { reason: 'incident 12' });
    later(HOUR + MINUTE);
    await until(async () =>
      expect((await list())[0]?.undone?.reason).toMatch(
        /^the rollout of stable\/cloud was paused at .* by token admin: incident 12; .*fairway rollout resume stable\/cloud$/,
      ),
    );
    expect(await target()).toBe('16.4.7');
  });

  it('by pausing the rollout stops a pin at a newer version as well, but not one that goes back', async () => {
    const rollout = { groups: [{ name: 'dev', canaries: 1 }] };
    const { act, list, target, later } = await open({
      bootstrap: { channels: [{ name: 'stable/cloud', target: '16.4.6', rollout }] },
    });
    await act('roll-forward', { version: '16.4.7' });
    await act('pin', { version: '16.4.8', at: inOneHour() });
    await act('pin', { version: '16.4.6', at: new Date(Date.now() + 2 * HOUR).toISOString() });
    await act('rollout/pause', { reason: 'incident 12' });
    later(HOUR + MINUTE);
    await until(async () => expect((await list())[0]?.undone?.reason).toMatch(/was paused at .*: incident 12/));
    expect(await target()).toBe('16.4.7');
    later(HOUR);
    await until(async () => expect(await target()).toBe('16.4.6'));
  });

  it('by adding a freeze stops it, although it overrides the freezes that were known when it was accepted', async () => {
    const { api, forward, list, target, later } = await open();
    const freeze = (id: string) =>
      api('POST', '/freezes', { id, reason: 'x', until: new Date(Date.now() + 9 * HOUR).toISOString() });
    await freeze('holidays');
    await forward({ overrideFreeze: true });
    await forward({ version: '16.4.8', overrideFreeze: true, at: new Date(Date.now() + 2 * HOUR).toISOString() });
    later(HOUR + MINUTE);
    await until(async () => expect(await target()).toBe('16.4.7'));
    await freeze('incident');
    later(HOUR);
    await until(async () =>
      expect((await list())[0]?.undone).toMatchObject({
        ...{ state: 'refused', reason: expect.stringMatching(/frozen until .* by freeze incident/) },
      }),
    );
    expect(await target()).toBe('16.4.7');
  });
});

it('scheduled changes of the past are not raised by a document, nor those from before the channel was taken away', async () => {
  const { api, forward, list, target, later } = await open({ bootstrap: {} });
  await api('PUT', CHANNEL, { target: '16.4.6' });
  await forward();
  await forward({ version: '16.4.8', at: new Date(Date.now() + 3 * HOUR).toISOString() });
  const document = (await api('GET', '/export')).body;
  const other = await open({ bootstrap: {} }, HOUR + MINUTE);
  await other.api('POST', '/apply', document);
  const undone = { state: 'missed', reason: expect.stringMatching(/its time was over when a document brought it/) };
  expect(await other.list()).toMatchObject([
    { input: { version: '16.4.7' }, undone },
    { input: { version: '16.4.8' } },
  ]);
  expect((await other.list())[1]).not.toHaveProperty('undone');
  await api('DELETE', CHANNEL);
  later(MINUTE);
  await api('POST', '/apply', document);
  expect(await list()).toMatchObject([{ undone: { state: 'overtaken' } }, { undone: { state: 'overtaken' } }]);
  expect(await target()).toBe('16.4.6');
});

it('scheduled changes are in an export, and come back with a new channel', async () => {
  const { api, forward } = await open();
  const { scheduled } = (await forward()).body;
  const document = (await api('GET', '/export')).body;
  const other = await open({ bootstrap: {} });
  expect((await other.api('POST', '/apply', document)).status).toBe(200);
  expect(await other.list()).toEqual([scheduled]);
  expect((await other.api('POST', '/apply', document)).body.changes).toEqual([]);
});
