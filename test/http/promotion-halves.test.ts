import { describe, expect, it } from 'vitest';
import { FIX, openStage, RELEASE, startStages } from '../support/promotion.ts';
import { operatorClient } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const OLD = '16.4.7';

/** Stages with a control plane each, of the same name as their channel. */
async function startPlanes(stages: ReturnType<typeof openStage>[]) {
  const withPlanes = stages.map((stage) => ({ ...stage, controlPlanes: [stage.name] }));
  const started = await startStages(withPlanes);
  const { api, read } = started;
  const report = async (version: string, ...names: string[]) => {
    for (const name of names) await api('PUT', `/control-planes/${name}`, { version });
  };
  await report(OLD, ...stages.map(({ name }) => name));
  const agents = async (version = RELEASE) =>
    (await read(version)).stages.map((stage: { agents: { state: string } | null }) => stage.agents?.state ?? null);
  const target = async (name: string) => (await api('GET', `/channels/${name}`)).body.target;
  return { ...started, report, agents, target };
}

const ONLY_PLANES = { artifacts: { controlPlane: 'published' } };

describe('a release with artifacts for control planes only', () => {
  it('goes through all stages, and its agents follow stage by stage once there are packages', async () => {
    const stages = [openStage('canary', { soak: '30ms' }), openStage('internal', { soak: '30ms' })];
    const { api, register, report, agents, target, until, states, read } = await startPlanes(stages);
    await register(RELEASE, ONLY_PLANES);
    await until('canary', 'awaiting-control-plane');
    expect(await agents()).toEqual(['no-packages', 'no-packages']);
    await report(RELEASE, 'canary');
    await until('canary', 'complete');
    await report(RELEASE, 'internal');
    await until('internal', 'complete');
    expect(await agents()).toEqual(['no-packages', 'no-packages']);
    expect([await target('canary'), await target('internal')]).toEqual([OLD, OLD]);
    expect((await read()).next).toMatch(
      /^agents of canary: waits: no packages; publish them: fairway releases artifacts 17\S+ packages published$/,
    );
    await api('POST', '/channels/canary/pin', { reason: 'freeze' });
    await api('POST', `/releases/${RELEASE}/artifacts`, { packages: 'published' });
    await expect.poll(agents).toEqual(['rolling', 'waiting']);
    expect((await read()).stages[1].agents.next).toContain('the agents of stage canary are rolling');
    await api('POST', '/channels/canary/unpin', { reason: 'thaw' });
    await expect.poll(agents).toEqual(['complete', 'complete']);
    expect([await target('canary'), await target('internal')]).toEqual([RELEASE, RELEASE]);
    expect(await states()).toEqual(['complete', 'complete']);
    expect((await read()).next).toBe('nothing: all stages are complete');
    expect((await api('GET', '/audit?limit=100')).body.entries).toContainEqual(
      expect.objectContaining({
        action: 'agents-wait',
        reason: `the control planes of canary run ${RELEASE}; its agents wait: it has no packages`,
      }),
    );
  });

  it('is halted in both halves, and a halt of the agents holds up the next stage', async () => {
    const stages = [openStage('canary', { soak: '30ms' }), openStage('internal', { automatic: false })];
    const { api, register, report, agents, until, states, act, read } = await startPlanes(stages);
    await register(RELEASE, ONLY_PLANES);
    await report(RELEASE, 'canary');
    await until('canary', 'complete');
    await api('POST', '/channels/canary/pin', { reason: 'freeze' });
    await api('POST', `/releases/${RELEASE}/artifacts`, { packages: 'published' });
    await expect.poll(agents).toEqual(['rolling', null]);
    expect((await act('halt')).status).toBe(200);
    expect([await states(), await agents()]).toEqual([
      ['complete', 'halted'],
      ['halted', null],
    ]);
    expect((await act('resume')).status).toBe(200);
    expect([await states(), await agents()]).toEqual([
      ['complete', 'waiting'],
      ['rolling', null],
    ]);
    await api('POST', '/channels/canary/unpin', { reason: 'thaw' });
    await expect.poll(agents).toEqual(['complete', null]);
    expect((await act('promote')).status).toBe(200);
    await report(RELEASE, 'internal');
    await until('internal', 'soaking');
    expect((await read()).stages[1].counts).toMatchObject({ channels: 1, serving: 1 });
  });

  it('is halted where a control plane goes back while it soaks, and waits for it after a resume', async () => {
    const { register, report, until, read, act } = await startPlanes([openStage('canary')]);
    await register(RELEASE, ONLY_PLANES);
    await report(RELEASE, 'canary');
    await until('canary', 'soaking');
    await report(OLD, 'canary');
    await until('canary', 'halted');
    expect((await read()).stages[0].halted.reason).toBe(`control plane canary reports ${OLD}, and ran ${RELEASE}`);
    expect((await act('resume')).status).toBe(200);
    await until('canary', 'awaiting-control-plane');
    await report(RELEASE, 'canary');
    await until('canary', 'soaking');
  });

  it('ends where a newer one comes to its control planes, and is never complete there', async () => {
    const { register, report, until, read, agents } = await startPlanes([openStage('canary', { soak: '1h' })]);
    await register(RELEASE, ONLY_PLANES);
    await report(RELEASE, 'canary');
    await until('canary', 'soaking');
    await register(FIX, ONLY_PLANES);
    await until('canary', 'superseded');
    expect((await read()).stages[0].ended.reason).toBe(
      `the control planes of canary are to run ${FIX}, which is newer`,
    );
    await report(FIX, 'canary');
    await until('canary', 'soaking', FIX);
    expect(await agents()).toEqual(['no-packages']);
  });

  it('ends for its agents too where their channel gets something newer, with the reason', async () => {
    const { api, register, report, until, agents, states, read } = await startPlanes([
      openStage('canary', { soak: '1h' }),
    ]);
    await register(RELEASE, ONLY_PLANES);
    await report(RELEASE, 'canary');
    await until('canary', 'soaking');
    await api('POST', '/channels/canary/roll-forward', { version: FIX, reason: 'a newer one' });
    await until('canary', 'superseded');
    expect([await states(), await agents()]).toEqual([['superseded'], ['skipped']]);
    const [stage] = (await read()).stages;
    expect(stage.agents.next).toBe(`nothing: it was skipped: canary serves ${FIX}, which is newer`);
    expect(stage.ended.reason).toBe(`canary serves ${FIX}, which is newer`);
  });

  it('keeps its halves in exports', async () => {
    const { server, register, report, until } = await startPlanes([openStage('canary', { soak: '30ms' })]);
    await register(RELEASE, ONLY_PLANES);
    await report(RELEASE, 'canary');
    await until('canary', 'complete');
    const { promotions } = (await operatorClient(server)('GET', '/export')).body;
    expect(promotions).toEqual([
      expect.objectContaining({ agents: { canary: expect.objectContaining({ since: null }) } }),
    ]);
    const reply = await operatorClient(server)('POST', '/apply', { fairway: 1, promotions });
    expect(reply).toMatchObject({ status: 200 });
  });
});

describe('a fix under embargo', () => {
  it('comes to all control planes by stages, and to agents after the embargo, stage by stage', async () => {
    const stages = [openStage('canary', { soak: '30ms' }), openStage('internal', { soak: '30ms' })];
    const { api, register, report, agents, target, until, act } = await startPlanes(stages);
    await register(RELEASE, { security: true, embargoed: true });
    for (const name of ['canary', 'internal']) {
      await until(name, 'awaiting-control-plane');
      await report(RELEASE, name);
      await until(name, 'complete');
    }
    expect(await agents()).toEqual(['embargoed', 'embargoed']);
    expect([await target('canary'), await target('internal')]).toEqual([OLD, OLD]);
    expect((await act('lift-embargo')).status).toBe(200);
    await expect.poll(agents).toEqual(['complete', 'complete']);
    expect([await target('canary'), await target('internal')]).toEqual([RELEASE, RELEASE]);
    const { entries } = (await api('GET', '/audit?limit=100')).body;
    const began = entries.filter((entry: { action: string; after: { half?: string } }) => {
      return entry.action === 'soaked' && entry.after.half === 'agents';
    });
    expect(began.map(({ after }: { after: { stage: string } }) => after.stage)).toEqual(['internal', 'canary']);
  });

  it('is not lost by another release, which must say that it includes it', async () => {
    const { server, api, register, report, until, read } = await startPlanes([openStage('canary', { soak: '1h' })]);
    await api('PUT', '/channels/canary', { controlPlane: 'canary' });
    await register(RELEASE, { security: true, embargoed: true });
    await report(RELEASE, 'canary');
    await until('canary', 'soaking');
    await register(FIX);
    const why = new RegExp(`does not say that it includes ${RELEASE}, a fix under embargo that .* runs; .*--includes`);
    const { stages } = await read(FIX);
    expect(stages[0]).toMatchObject({ state: 'waiting', next: expect.stringMatching(why) });
    expectProblem(await api('POST', `/releases/${FIX}/promote`, { reason: 'x' }), 409, 'refused', /includes_fix/);
    expectProblem(
      await api('POST', '/channels/canary/roll-forward', { version: FIX, reason: 'x' }),
      409,
      'refused',
      why,
    );
    const { body: plane } = await api('POST', '/control-planes/canary/check', { version: FIX });
    expect(plane).toMatchObject({ allowed: false, reasons: [{ reason: 'fix_missing' }] });
    // Who must not know of the embargo learns that something is missing, and not what.
    const operator = operatorClient(server, 'operator');
    const { body: seen } = await operator('POST', '/channels/canary/check', { version: FIX });
    expect(seen.reasons).toContainEqual(expect.objectContaining({ reason: 'fix_missing' }));
    expect(JSON.stringify(seen)).not.toContain(RELEASE);

    const next = '17.0.0-cloud.20241114T101530.f00dfac';
    const body = {
      version: next,
      commit: 'f00dfacade',
      cutAt: '2024-11-14T10:15:30Z',
      includes: ['17.0.0-cloud.20241112T101530.f00dfac'],
    };
    expectProblem(await api('POST', '/releases', { ...body, includes: [next] }), 422, 'invalid', /cannot include/);
    await register(next, { includes: body.includes });
    await until('canary', 'awaiting-control-plane', next);
    expect((await api('GET', `/releases/${next}`)).body.includes).toEqual([RELEASE]);
    const { releases } = (await operator('GET', '/export')).body;
    expect(JSON.stringify(releases)).not.toContain('includes');
    // A release that is built on one that includes it includes it too.
    await report(next, 'canary');
    const last = '17.0.0-cloud.20241115T101530.f00dfac';
    await register(last, { previous: next });
    expect((await api('POST', '/control-planes/canary/check', { version: last })).body.reasons).toEqual([]);
  });
});
