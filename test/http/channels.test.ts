import { describe, expect, it } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';
import { expectProblem, stateOf } from './shared-server.ts';

const CHANNEL = '/channels/stable%2Fcloud';

async function started(overrides: Raw = {}) {
  const server = await startServer(merge(QUICKSTART, overrides));
  return { server, api: operatorClient(server) };
}

describe('a channel', () => {
  it('is read with its revision as its ETag', async () => {
    const { api } = await started();
    const { status, body, headers } = await api('GET', CHANNEL);
    expect(status).toBe(200);
    expect(headers.get('etag')).toBe(`"${body.revision}"`);
    expect(body).toEqual({
      name: 'stable/cloud',
      description: '',
      accepts: ['stable', 'cloud'],
      versionPrefix: 'v',
      needsHelm: false,
      controlPlane: 'main',
      toolsVersion: null,
      target: '16.4.6',
      critical: null,
      pin: null,
      hold: null,
      lineage: ['16.4.6'],
      served: [],
      plan: body.plan,
      revision: 1,
      updatedAt: expect.stringMatching(/Z$/),
      updatedBy: 'system:bootstrap',
    });
  });

  it('is created with the defaults', async () => {
    const { api } = await started();
    const { status, body, headers } = await api('PUT', '/channels/a%2Fb-1%2Fc_2.d', {});
    expect(status).toBe(201);
    expect(headers.get('etag')).toBe(`"${body.revision}"`);
    expect(body).toMatchObject({
      name: 'a/b-1/c_2.d',
      accepts: ['stable', 'cloud'],
      versionPrefix: 'v',
      needsHelm: false,
      controlPlane: null,
      toolsVersion: null,
      target: null,
      lineage: [],
      updatedBy: 'token:admin',
    });
  });

  it('is created with a target and all its settings', async () => {
    const { api } = await started();
    const settings = {
      description: 'Nightly',
      accepts: ['dev', 'alpha'],
      versionPrefix: '',
      controlPlane: 'main',
    };
    const { status, body } = await api('PUT', '/channels/edge', {
      ...settings,
      target: 'v16.5.0-dev.1',
      reason: 'a new channel',
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ ...settings, target: '16.5.0-dev.1', lineage: ['16.5.0-dev.1'] });
    const { body: audit } = await api('GET', '/audit?limit=1');
    expect(audit.entries[0]).toMatchObject({ action: 'create', reason: 'a new channel', before: null });
  });

  it('keeps its target and the settings that a change omits', async () => {
    const { api } = await started();
    const { status, body } = await api('PUT', CHANNEL, { description: 'new' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      description: 'new',
      controlPlane: 'main',
      target: '16.4.6',
      lineage: ['16.4.6'],
    });
    await api('PUT', '/control-planes/eu', { version: '17.0.0' });
    const { body: moved } = await api('PUT', CHANNEL, { controlPlane: 'eu' });
    expect(moved).toMatchObject({ controlPlane: 'eu', description: 'new' });
  });

  it('is set free of its control plane only by an admin who names the number of agents', async () => {
    const { server, api } = await started();
    const before = await stateOf(server);
    const { report } = expectProblem(
      await api('PUT', CHANNEL, { controlPlane: null }),
      409,
      'refused',
      /judged by none/,
    );
    expect(report).toMatchObject({ stranded: 1, reasons: [{ reason: 'control_plane_unknown' }] });
    const accepted = { controlPlane: null, acceptStranding: 1 };
    expectProblem(await operatorClient(server, 'operator')('PUT', CHANNEL, accepted), 403, 'forbidden', /admin/);
    expectProblem(await api('PUT', CHANNEL, { ...accepted, acceptStranding: 0 }), 409, 'refused');
    expect(await stateOf(server)).toEqual(before);
    expect(await api('PUT', CHANNEL, accepted)).toMatchObject({ status: 200, body: { controlPlane: null } });
  });

  it('does not go to a control plane that its agents cannot connect to', async () => {
    const { server, api } = await started();
    await api('PUT', '/control-planes/old', { version: '15.4.9' });
    const before = await stateOf(server);
    for (const dryRun of [true, false]) {
      const reply = await api('PUT', CHANNEL, { controlPlane: 'old', dryRun });
      expectProblem(reply, 409, 'refused', /15\.4\.9/);
    }
    expect(await stateOf(server)).toEqual(before);
  });

  it('is listed by name', async () => {
    const { api } = await started();
    await api('PUT', '/channels/z', {});
    await api('PUT', '/channels/a', {});
    const { status, body } = await api('GET', '/channels');
    expect(status).toBe(200);
    expect(body.channels.map(({ name }: { name: string }) => name)).toEqual(['a', 'stable/cloud', 'z']);
  });

  it('is deleted, keeps its history and can be created again', async () => {
    const { api } = await started();
    expect(await api('DELETE', CHANNEL)).toMatchObject({ status: 204, body: '' });
    expectProblem(await api('GET', CHANNEL), 404, 'not_found', /stable\/cloud/);
    const { body } = await api('GET', `${CHANNEL}/history`);
    expect(body.entries.map(({ action }: { action: string }) => action)).toEqual(['delete', 'create']);
    const again = await api('PUT', CHANNEL, { target: '16.4.7', controlPlane: 'main' });
    expect(again).toMatchObject({ status: 201, body: { served: [{ version: '16.4.6' }] } });
  });

  it('that is made again is judged by what it served, and by its control plane', async () => {
    const { server, api } = await started();
    await api('PUT', '/control-planes/main', { version: '18.0.0' });
    await api('PUT', '/control-planes/eu', { version: '18.0.0' });
    await api('DELETE', CHANNEL);
    const before = await stateOf(server);
    const make = (body: object) => api('PUT', CHANNEL, body);
    const skipped = expectProblem(await make({ target: '18.0.0', controlPlane: 'main' }), 409, 'refused');
    expect(skipped.report.reasons).toContainEqual(
      expect.objectContaining({ reason: 'agent_too_old', version: '16.4.6' }),
    );
    expectProblem(await make({ target: '16.4.6' }), 409, 'refused', /control plane/);
    expect(await stateOf(server)).toEqual(before);
    expect(await make({ target: '17.0.0', controlPlane: 'main' })).toMatchObject({ status: 201 });
  });

  it('is created once if many create it at the same time', async () => {
    const { api } = await started();
    for (let attempt = 0; attempt < 50; attempt++) {
      const path = `/channels/race-${attempt}`;
      const replies = await Promise.all(
        Array.from({ length: 8 }, (_, i) => api('PUT', path, { description: `writer ${i}`, target: '16.4.6' })),
      );
      expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
      const late = replies.find(({ status }) => status === 409);
      if (!late) continue;
      expectProblem(late, 409, 'already_exists', /exists already/);
      return;
    }
    throw new Error('nobody was ever second');
  });

  it('loses no change if many move it at the same time', async () => {
    const { api } = await started();
    const versions = Array.from({ length: 12 }, (_, i) => `16.5.${i}`);
    const replies = await Promise.all(
      versions.map((version) => api('POST', `${CHANNEL}/roll-forward`, { version, reason: 'race' })),
    );
    const won = replies.filter(({ status }) => status === 200).map(({ body }) => body.channel.target);
    for (const { status, body } of replies.filter(({ status }) => status !== 200)) {
      expect([status, body.code]).toEqual(status === 412 ? [412, 'revision_mismatch'] : [409, 'not_newer']);
    }
    const { body: channel } = await api('GET', CHANNEL);
    expect(channel.lineage).toEqual(['16.4.6', ...won]);
    expect((await api('GET', '/audit/verify')).body).toMatchObject({ intact: true, entries: 1 + won.length });
  });
});

describe('roll-forward', () => {
  it('moves the target, records the lineage and returns the audit entry', async () => {
    const { api } = await started();
    const { status, body, headers } = await api('POST', `${CHANNEL}/roll-forward`, {
      version: 'v16.4.7',
      reason: ' ticket 7 ',
    });
    expect(status).toBe(200);
    expect(headers.get('etag')).toBe(`"${body.channel.revision}"`);
    expect(body.channel).toMatchObject({
      target: '16.4.7',
      lineage: ['16.4.6', '16.4.7'],
      served: [{ version: '16.4.6' }],
      critical: null,
      updatedBy: 'token:admin',
    });
    expect(body.report).toMatchObject({ allowed: true, target: '16.4.7', reasons: [], stranded: 0 });
    expect(body.audit).toMatchObject({
      actor: 'token:admin',
      action: 'roll-forward',
      subject: 'channel/stable/cloud',
      reason: 'ticket 7',
      before: { target: '16.4.6' },
      after: { target: '16.4.7' },
      revision: body.channel.revision,
    });
    expect((await api('GET', '/audit?limit=1')).body.entries[0]).toEqual(body.audit);
  });

  it.each([true, false, undefined])('clears the critical mark unless it sets it: %s', async (critical) => {
    const { api } = await started();
    await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'before' });
    const { body } = await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'after', critical });
    expect(body.channel.critical).toEqual(critical ? expect.objectContaining({ reason: 'after', until: null }) : null);
  });

  it.each(['16.4.6', 'v16.4.6', '16.4.5', '15.0.0', '16.4.6-rc.1'])(
    'refuses %s, which is not newer',
    async (version) => {
      const { api, server } = await started();
      const before = await stateOf(server);
      const reply = await api('POST', `${CHANNEL}/roll-forward`, { version, reason: 'test' });
      expectProblem(
        reply,
        409,
        'not_newer',
        /is at 16\.4\.6 already|older than 16\.4\.6, .*: fairway roll-back stable\/cloud/,
      );
      expect(await stateOf(server)).toEqual(before);
    },
  );
});

describe('roll-back', () => {
  it('goes to the previous target, step by step', async () => {
    const { api } = await started();
    for (const version of ['16.4.7', '16.5.0']) await api('POST', `${CHANNEL}/roll-forward`, { version, reason: 'up' });
    for (const [target, lineage] of [
      ['16.4.7', ['16.4.6', '16.4.7']],
      ['16.4.6', ['16.4.6']],
    ]) {
      const { status, body } = await api('POST', `${CHANNEL}/roll-back`, { reason: 'down' });
      expect(status).toBe(200);
      expect(body).toMatchObject({ channel: { target, lineage }, report: { allowed: true, target } });
    }
    expectProblem(await api('POST', `${CHANNEL}/roll-back`, { reason: 'down' }), 409, 'no_previous_target', /version/);
  });

  it('goes to a named older version, even one that was never served', async () => {
    const { api } = await started();
    await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'up' });
    const { status, body } = await api('POST', `${CHANNEL}/roll-back`, {
      version: '16.4.3',
      reason: 'down',
      critical: true,
    });
    expect(status).toBe(200);
    expect(body.channel).toMatchObject({ target: '16.4.3', lineage: ['16.4.3'], critical: { reason: 'down' } });
  });

  it.each(['16.4.6', '16.4.7', '17.0.0'])('refuses %s, which is not older', async (version) => {
    const { api } = await started();
    const reply = await api('POST', `${CHANNEL}/roll-back`, { version, reason: 'test' });
    expectProblem(reply, 409, 'not_older', /roll-forward/);
  });

  it('across a major is refused, because agents cannot follow', async () => {
    const { api } = await started();
    const reply = await api('POST', `${CHANNEL}/roll-back`, { version: '15.4.10', reason: 'test' });
    const { report } = expectProblem(reply, 409, 'refused');
    expect(report).toMatchObject({
      stranded: 1,
      reasons: [{ reason: 'major_downgrade', version: '16.4.6', count: 1 }],
    });
  });
});

describe('a pin', () => {
  const MOVES: [verb: string, body: object][] = [
    ['roll-forward', { version: '16.4.7' }],
    ['roll-back', { version: '16.4.3' }],
    ['roll-back', {}],
    ['withdraw', {}],
    ['pin', { version: '16.4.7' }],
  ];

  it('refuses every move until the channel is unpinned', async () => {
    const { api, server } = await started();
    await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.6-x.1', reason: 'x' });
    const pinned = await api('POST', `${CHANNEL}/pin`, { reason: 'incident 12' });
    expect(pinned).toMatchObject({
      status: 200,
      body: {
        channel: { target: '16.4.6', pin: { reason: 'incident 12', by: 'token:admin', until: null } },
        report: null,
      },
    });
    const before = await stateOf(server);
    for (const [verb, body] of MOVES.filter(([, { version = '' }]: [string, { version?: string }]) => version)) {
      const reply = await api('POST', `${CHANNEL}/${verb}`, { ...body, reason: 'move' });
      expectProblem(reply, 409, 'channel_pinned', /incident 12.*fairway unpin stable\/cloud/);
    }
    expectProblem(await api('POST', `${CHANNEL}/withdraw`, { reason: 'move' }), 409, 'channel_pinned');
    expect(await stateOf(server)).toEqual(before);
    const unpinned = await api('POST', `${CHANNEL}/unpin`, { reason: 'over' });
    expect(unpinned).toMatchObject({ status: 200, body: { channel: { pin: null, target: '16.4.6' } } });
    const moved = await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'move' });
    expect(moved.status).toBe(200);
  });

  it('moves the target first if it names a version, through the gate', async () => {
    const { api } = await started();
    const refused = await api('POST', `${CHANNEL}/pin`, { version: '18.0.0', reason: 'test' });
    expectProblem(refused, 409, 'refused');
    const { body } = await api('POST', `${CHANNEL}/pin`, { version: '16.4.3', reason: 'test' });
    expect(body).toMatchObject({ channel: { target: '16.4.3', pin: { reason: 'test' } }, report: { allowed: true } });
  });

  it('can be renewed with a new reason and end', async () => {
    const { api } = await started();
    await api('POST', `${CHANNEL}/pin`, { reason: 'one' });
    const until = '2099-06-01T12:00:00.000Z';
    const { body } = await api('POST', `${CHANNEL}/pin`, { version: '16.4.6', reason: 'two', until });
    expect(body.channel.pin).toMatchObject({ reason: 'two', until });
  });

  it('needs a target', async () => {
    const { api } = await started();
    await api('POST', `${CHANNEL}/withdraw`, { reason: 'test' });
    expectProblem(await api('POST', `${CHANNEL}/pin`, { reason: 'test' }), 422, 'invalid', /no target/);
  });

  it('allows changes of the critical mark and the settings', async () => {
    const { api } = await started();
    await api('POST', `${CHANNEL}/pin`, { reason: 'test' });
    expect(await api('POST', `${CHANNEL}/critical`, { critical: true, reason: 'x' })).toMatchObject({ status: 200 });
    expect(await api('PUT', CHANNEL, { description: 'x' })).toMatchObject({
      status: 200,
      body: { pin: { reason: 'test' } },
    });
  });
});

describe('withdraw', () => {
  it('removes the target, and a roll-forward sets one again', async () => {
    const { api } = await started();
    const { status, body } = await api('POST', `${CHANNEL}/withdraw`, { reason: 'bad release' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      channel: { target: null, critical: null, lineage: ['16.4.6'] },
      report: null,
      audit: { action: 'withdraw' },
    });
    const back = await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'better' });
    expect(back).toMatchObject({ status: 200, body: { channel: { target: '16.4.7', lineage: ['16.4.6', '16.4.7'] } } });
  });
});

describe('check', () => {
  it('returns the report and changes nothing', async () => {
    const { api, server } = await started();
    const before = await stateOf(server);
    for (const [version, allowed] of [
      ['16.4.7', true],
      ['v15.4.10', false],
      ['16.4.6', true],
    ]) {
      const { status, body } = await api('POST', `${CHANNEL}/check`, { version });
      expect(status).toBe(200);
      expect(body).toMatchObject({ allowed, controlPlane: '16.4.7', agents: 1, evidence: [{ source: 'presumed' }] });
    }
    expect(await stateOf(server)).toEqual(before);
  });

  it('reports on a version of a kind that the channel does not accept', async () => {
    const { api } = await started();
    const { body } = await api('POST', `${CHANNEL}/check`, { version: '16.5.0-rc.1' });
    expect(body).toMatchObject({ allowed: false, reasons: [{ reason: 'kind_not_accepted' }] });
  });

  it('refuses a release that a strict catalogue does not have', async () => {
    const { api } = await started({
      compatibility: { catalogue: 'strict' },
      bootstrap: { releases: 'config/samples/releases.json' },
    });
    const { body } = await api('POST', `${CHANNEL}/check`, { version: '16.4.8' });
    expect(body).toMatchObject({ allowed: false, reasons: [{ reason: 'unknown_release' }] });
    expect((await api('POST', `${CHANNEL}/check`, { version: '16.4.7' })).body).toMatchObject({ allowed: true });
  });
});

describe('the history of a channel', () => {
  it('has the changes of the channel, newest first, a page at a time', async () => {
    const { api } = await started();
    await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'one' });
    await api('PUT', '/channels/other', {});
    await api('POST', `${CHANNEL}/pin`, { reason: 'two' });
    const { status, body } = await api('GET', `${CHANNEL}/history`);
    expect(status).toBe(200);
    const actions = body.entries.map(({ action }: { action: string }) => action);
    expect(actions).toEqual(['pin', 'roll-forward', 'create']);
    const first = await api('GET', `${CHANNEL}/history?limit=1`);
    const second = await api('GET', `${CHANNEL}/history?limit=1&before=${first.body.entries[0].id}`);
    expect([...first.body.entries, ...second.body.entries]).toEqual(body.entries.slice(0, 2));
    const end = await api('GET', `${CHANNEL}/history?before=${body.entries[2].id}`);
    expect(end).toMatchObject({ status: 200, body: { entries: [] } });
  });

  it('of a channel that never existed is not found', async () => {
    const { api } = await started();
    expectProblem(await api('GET', '/channels/never/history'), 404, 'not_found');
  });
});

describe('a control plane without a recorded version', () => {
  it('may not be named by a channel, new or old, until its version is recorded', async () => {
    const { server, api } = await started();
    const before = await stateOf(server);
    const wrong = /coming.*fairway control-planes report coming VERSION/;
    for (const body of [{}, { target: '16.4.6' }]) {
      expectProblem(await api('PUT', '/channels/new', { ...body, controlPlane: 'coming' }), 409, 'refused', wrong);
    }
    expectProblem(await api('PUT', CHANNEL, { controlPlane: 'coming' }), 409, 'refused', wrong);
    expect(await stateOf(server)).toEqual(before);
    await api('PUT', '/control-planes/coming', { version: '16.4.8' });
    expect(await api('PUT', CHANNEL, { controlPlane: 'coming' })).toMatchObject({ status: 200 });
    expect(await api('PUT', '/channels/new', { controlPlane: 'coming' })).toMatchObject({ status: 201 });
  });
});
