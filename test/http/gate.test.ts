import { describe, expect, it } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { inventory } from '../fixtures/inventory.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';
import { expectProblem, stateOf } from './shared-server.ts';
import { ask } from './wire.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const IMPORT = '/inventory?channel=stable%2Fcloud';
const RELEASES: Raw = { bootstrap: { releases: 'config/samples/releases.json' } };

/** stable/cloud at 16.4.6 with 237 enrolled agents, one of them unreadable; the control plane at 16.4.7. */
async function started() {
  const server = await startServer(merge(QUICKSTART, RELEASES));
  const api = operatorClient(server);
  expect(await api('POST', IMPORT, inventory())).toMatchObject({ status: 200 });
  const series = async (name: string) => {
    const text = await (await fetch(`${server.operatorUrl}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith(name));
  };
  return { server, api, series };
}

const UNREADABLE = {
  reason: 'unknown_agent_version',
  version: '?',
  count: 1,
  detail: expect.stringMatching(/version of 1 agent cannot be read.*fairway agents .*--version '\?'/),
};
const TOO_OLD = [
  UNREADABLE,
  {
    reason: 'agent_too_old',
    version: '15.4.7',
    count: 6,
    detail: expect.stringMatching(/6 agents at 15\.4\.7.*16\.x/),
  },
  { reason: 'agent_too_old', version: '15.4.9', count: 14, detail: expect.stringMatching(/14 agents at 15\.4\.9/) },
];

describe('the gate, with a real inventory', () => {
  it('refuses 17.0.0: 6 and 14 agents would skip a major, and the control plane is behind', async () => {
    const { server, api } = await started();
    const before = await stateOf(server);
    const { status, body } = await api('POST', `${CHANNEL}/check`, { version: '17.0.0' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      allowed: false,
      target: '17.0.0',
      controlPlane: '16.4.7',
      agents: 237,
      oldest: { version: '15.4.7', count: 6 },
      // The control plane would refuse them all.
      stranded: 237,
      evidence: [
        { source: 'inventory', complete: true, fresh: true, agents: 237, oldest: { version: '15.4.7', count: 6 } },
      ],
    });
    expect(body.reasons).toEqual([
      ...TOO_OLD,
      { reason: 'target_ahead_of_control_plane', detail: expect.stringContaining('16.4.7') },
    ]);
    expect(await stateOf(server)).toEqual(before);
    const refused = await api('POST', `${CHANNEL}/roll-forward`, { version: '17.0.0', reason: 'test' });
    const problem = expectProblem(refused, 409, 'refused', /17\.0\.0 is refused for stable\/cloud.*237 of 237 agents/);
    expect({ ...problem.report, evidence: null }).toEqual({ ...body, evidence: null });
    expect((await ask(server.publicUrl, '/v1/version')).body).toBe('v16.4.6');
  });

  it('passes 16.4.7', async () => {
    const { server, api } = await started();
    const { status, body } = await api('POST', `${CHANNEL}/roll-forward`, { version: 'v16.4.7', reason: 'test' });
    expect(status).toBe(200);
    expect(body.report).toMatchObject({ allowed: true, agents: 237, stranded: 0, reasons: [], route: null });
    // Within the major it strands no one new.
    expect(body.report.warnings).toMatchObject([
      { reason: 'unknown_agent_version', count: 1 },
      { reason: 'evidence_settling', detail: expect.stringMatching(/control plane main changed/) },
    ]);
    expect((await ask(server.publicUrl, '/v1/version')).body).toBe('v16.4.7');
  });

  it('names the route to 17.0.1 through 16.4.7 once the control plane is there', async () => {
    const { server, api } = await started();
    await api('PUT', '/control-planes/main', { version: '17.0.1' });
    await api('POST', '/releases/import', [{ version: '17.0.1', date: '2024-11-15', security: false }]);
    const { body } = await api('POST', `${CHANNEL}/check`, { version: '17.0.1' });
    expect(body).toMatchObject({ allowed: false, stranded: 21, agents: 237, route: ['16.4.7', '17.0.1'] });
    expect(body.reasons).toEqual(TOO_OLD);
    const refused = await api('POST', `${CHANNEL}/roll-forward`, { version: '17.0.1', reason: 'test' });
    expectProblem(refused, 409, 'refused', /21 of 237 agents.*The way there: 16\.4\.7, 17\.0\.1/);
    // So there is no route any more.
    await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'first' });
    const upgraded = inventory().map((instance) => ({
      ...instance,
      spec: { ...instance.spec, version: instance.spec.version?.replace(/^v?15.*/, 'v16.4.7') },
    }));
    await api('POST', IMPORT, upgraded);
    const { body: left } = await api('POST', `${CHANNEL}/check`, { version: '17.0.1' });
    expect(left).toMatchObject({ stranded: 1, reasons: [{ reason: 'unknown_agent_version' }] });
    const readable = upgraded.filter(({ spec }) => spec.version !== '');
    await api('POST', IMPORT, readable);
    expect(await api('POST', `${CHANNEL}/roll-forward`, { version: '17.0.1', reason: 'then' })).toMatchObject({
      status: 200,
    });
    expect((await ask(server.publicUrl, '/v1/version')).body).toBe('v17.0.1');
  });

  it('counts a check-in in addition if the inventory does not have the agent', async () => {
    const { server, api } = await started();
    await ask(server.publicUrl, '/v1/version?host=newcomer&agent_version=14.3.21');
    await expect
      .poll(async () => (await api('POST', `${CHANNEL}/check`, { version: '16.4.7' })).body, { timeout: 5_000 })
      .toMatchObject({ allowed: false, agents: 238, stranded: 1, oldest: { version: '14.3.21', count: 1 } });
  });
});

describe('an override of a refusal', () => {
  const BODY = { version: '17.0.1', reason: 'incident 12' };

  async function atSeventeen() {
    const context = await started();
    await context.api('PUT', '/control-planes/main', { version: '17.0.1' });
    return context;
  }

  it.each(['operator', 'release-manager'] as const)('is forbidden to a %s', async (role) => {
    const { server } = await atSeventeen();
    const before = await stateOf(server);
    const reply = await operatorClient(server, role)('POST', `${CHANNEL}/roll-forward`, {
      ...BODY,
      acceptStranding: 21,
    });
    expectProblem(reply, 403, 'forbidden', /admin/);
    expect(await stateOf(server)).toEqual(before);
  });

  it.each([0, 1, 20, 22, 237])('is refused for %d if the report says 21', async (acceptStranding) => {
    const { server, api, series } = await atSeventeen();
    const before = await stateOf(server);
    const reply = await api('POST', `${CHANNEL}/roll-forward`, { ...BODY, acceptStranding });
    expectProblem(reply, 409, 'refused', /the report gives 21/);
    expect(await stateOf(server)).toEqual(before);
    expect(await series('fairway_stranding_accepted_total{')).toEqual([]);
  });

  it.each<[verb: string, body: object]>([
    ['roll-forward', BODY],
    ['pin', BODY],
  ])('is granted to an admin who names the number, with %s, and is recorded and counted', async (verb, body) => {
    const { server, api, series } = await atSeventeen();
    const dry = await api('POST', `${CHANNEL}/${verb}`, { ...body, acceptStranding: 21, dryRun: true });
    expect(dry).toMatchObject({ status: 200, body: { audit: null, report: { allowed: false, stranded: 21 } } });
    expect(await series('fairway_stranding_accepted_total{')).toEqual([]);
    const { status, body: done } = await api('POST', `${CHANNEL}/${verb}`, { ...body, acceptStranding: 21 });
    expect(status).toBe(200);
    expect(done).toMatchObject({
      channel: { target: '17.0.1' },
      report: { allowed: false, stranded: 21 },
      audit: { actor: 'token:admin', reason: expect.stringMatching(/incident 12.*stranding 21/) },
    });
    expect((await api('GET', `${CHANNEL}/history?limit=1`)).body.entries[0]).toEqual(done.audit);
    expect(await series('fairway_stranding_accepted_total{')).toEqual([
      'fairway_stranding_accepted_total{channel="stable/cloud"} 1',
    ]);
    expect((await ask(server.publicUrl, '/v1/version')).body).toBe('v17.0.1');
  });

  it('is not needed and not recorded if no agent is stranded', async () => {
    const { api, series } = await started();
    const { body } = await api('POST', `${CHANNEL}/roll-forward`, {
      version: '16.4.7',
      reason: 'calm',
      acceptStranding: 0,
    });
    expect(body.audit.reason).toBe('calm');
    expect(await series('fairway_stranding_accepted_total{')).toEqual([]);
  });

  it('never brings agents to a release that was pulled', async () => {
    const { server, api } = await started();
    const pulled = { reason: 'it loses data', by: 'token:admin', at: '2024-11-12T00:00:00Z' };
    const release = { version: '16.4.7', pulled };
    expect(await api('POST', '/apply', { fairway: 1, releases: [release] })).toMatchObject({ status: 200 });
    const before = await stateOf(server);
    for (const acceptStranding of [undefined, 0, 237]) {
      const reply = await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'x', acceptStranding });
      const { report } = expectProblem(reply, 409, 'refused', /it loses data/);
      expect(report).toMatchObject({ allowed: false, reasons: [{ reason: 'release_pulled' }] });
    }
    expect(await stateOf(server)).toEqual(before);
  });

  it('never brings agents to a pulled release that a document wrote with a v', async () => {
    const { api } = await started();
    const pulled = { reason: 'it loses data', by: 'token:admin', at: '2024-11-12T00:00:00Z' };
    const release = {
      version: 'v16.4.7',
      pulled,
    };
    expect(await api('POST', '/apply', { fairway: 1, releases: [release] })).toMatchObject({ status: 200 });
    const reply = await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'x' });
    expectProblem(reply, 409, 'refused', /it loses data/);
  });
});

describe('without an inventory', () => {
  it('assumes that every served version still runs somewhere', async () => {
    const server = await startServer(QUICKSTART);
    const api = operatorClient(server);
    await api('POST', `${CHANNEL}/roll-forward`, { version: '16.4.7', reason: 'test' });
    await api('PUT', '/control-planes/main', { version: '18.0.0' });
    const { body } = await api('POST', `${CHANNEL}/check`, { version: '18.0.0' });
    expect(body).toMatchObject({
      allowed: false,
      agents: 2,
      stranded: 2,
      evidence: [{ source: 'presumed', complete: false, agents: 2 }],
    });
  });

  it('checks the target of a new channel too', async () => {
    const server = await startServer(QUICKSTART);
    const api = operatorClient(server);
    const ahead = await api('PUT', '/channels/new', { target: '17.0.0', controlPlane: 'main' });
    expectProblem(ahead, 409, 'refused', /control plane/);
    const kind = await api('PUT', '/channels/new', { target: '16.5.0-rc.1' });
    expectProblem(kind, 409, 'refused', /rc/);
    expectProblem(await api('GET', '/channels/new'), 404, 'not_found');
  });
});
