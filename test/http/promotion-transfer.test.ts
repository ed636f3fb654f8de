import { describe, expect, it } from 'vitest';
import { FIX, openStage, RELEASE, release, startStages } from '../support/promotion.ts';
import { operatorClient, startServer } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';

const STAGES = [
  openStage('canary', { channels: ['a', 'b'] }),
  openStage('internal', { automatic: false, approval: true, signOff: true }),
];
const SOAK = 3_600_000;

/** A clock that stands still until it is moved. */
function clock() {
  let time = Date.parse('2024-11-12T10:30:00Z');
  const now = () => new Date(time);
  return { options: { now }, pass: (ms: number) => (time += ms) };
}

/** An empty server with the same stages, and the actions of release managers there. */
async function startEmpty(options = {}, stages: object[] = STAGES) {
  const server = await startServer({ promotion: { stages, advanceEvery: '20ms' } }, options);
  return { admin: operatorClient(server), ...release(operatorClient(server, 'release-manager')) };
}

describe('a promotion that is applied to an empty store', () => {
  it('continues with its soak, its approval and its sign-offs', async () => {
    const { options, pass } = clock();
    const { server, ...first } = await startStages(STAGES, {}, options);
    await first.register(RELEASE, { changes: [{ pr: 1, title: 'A', significant: true }] });
    await first.until('canary', 'soaking');
    const admin = operatorClient(server);
    const signed = await first.api('POST', `/releases/${RELEASE}/changes/1/sign-off`, { reason: 'tested' });
    expect(signed.status).toBe(200);
    const approval = { stage: 'internal', reason: 'looks good' };
    expect((await admin('POST', `/releases/${RELEASE}/approve`, approval)).status).toBe(200);
    pass(SOAK / 2);
    const { body: exported } = await admin('GET', '/export');
    expect(exported.promotions).toMatchObject([
      { version: RELEASE, stages: { canary: { state: 'soaking' }, internal: { approved: { by: 'token:admin' } } } },
    ]);

    const second = await startEmpty(options);
    expect((await second.admin('POST', '/apply', exported)).status).toBe(200);
    expect((await second.admin('GET', '/export')).body).toEqual(exported);
    const { revision: _, ...restored } = await second.read();
    const { revision: __, ...before } = await first.read();
    expect(restored).toEqual(before);
    expect((await second.admin('POST', '/apply', exported)).body.changes).toEqual([]);
    pass(SOAK / 2 + 1);
    await second.until('canary', 'complete');
    expect((await second.act('promote')).status).toBe(200);
    await second.until('internal', 'soaking');
  });

  it('leaves sign-offs of a release that is known as they are', async () => {
    const { server, register, api } = await startStages(STAGES);
    await register(RELEASE, { changes: [{ pr: 1, title: 'A', significant: true }] });
    const admin = operatorClient(server);
    const signOff = (signedOff: boolean) =>
      api('POST', `/releases/${RELEASE}/changes/1/sign-off`, { signedOff, reason: 'tested' });
    const backup = async () => (await admin('GET', '/export')).body.releases;
    const apply = async (releases: object[]) => (await admin('POST', '/apply', { fairway: 1, releases })).body.changes;
    const unsigned = await backup();
    await signOff(true);
    const signed = await backup();
    expect(await apply(unsigned)).toEqual([]);
    await signOff(false);
    expect(await apply(signed)).toEqual([]);
    expect(await backup()).toEqual(unsigned);
  });

  it('continues to roll: moved channels stay, a pinned channel moves once it is unpinned', async () => {
    const { server, ...first } = await startStages(STAGES);
    await first.api('POST', '/channels/a/pin', { reason: 'freeze' });
    await first.register();
    await first.until('canary', 'rolling');
    await expect.poll(async () => (await first.api('GET', '/channels/b')).body.target).toBe(RELEASE);
    const { body: exported } = await operatorClient(server)('GET', '/export');

    const second = await startEmpty();
    expect((await second.admin('POST', '/apply', exported)).status).toBe(200);
    await second.until('canary', 'rolling');
    expect((await second.api('GET', '/channels/a')).body.target).toBe('16.4.7');
    await second.api('POST', '/channels/a/unpin', { reason: 'thaw' });
    await second.until('canary', 'soaking');
    expect((await second.api('GET', '/channels/a')).body.target).toBe(RELEASE);
  });

  it('moves no channel past a closed gate, even if the document says so', async () => {
    const stages = [openStage('canary', { automatic: false, approval: true })];
    const { server, ...first } = await startStages(stages);
    for (const version of [RELEASE, FIX]) {
      await first.register(version, { cutAt: version === FIX ? '2024-11-13T10:15:30Z' : '2024-11-12T10:15:30Z' });
    }
    const { body: exported } = await operatorClient(server)('GET', '/export');
    const said = { by: 'token:x', at: '2024-11-12T10:30:00Z', reason: 'x' };
    const rolling = { state: 'rolling', since: said.at, started: { ...said, critical: true }, halted: null };
    const promotion = (version: string, approved: object | null) => {
      return { version, stages: { canary: { ...rolling, approved } }, supersededBy: null };
    };
    const promotions = [promotion(RELEASE, said), promotion(FIX, null)];

    const second = await startEmpty({}, stages);
    expect((await second.admin('POST', '/apply', { ...exported, promotions })).status).toBe(200);
    await second.until('canary', 'soaking');
    expect(await second.read(FIX)).toMatchObject({
      stages: [{ state: 'awaiting-control-plane' }],
      next: expect.stringMatching(/no release manager .* has approved this stage/),
    });
    expect((await second.api('GET', '/channels/canary')).body).toMatchObject({ lineage: ['16.4.7', RELEASE] });
  });

  it('checks the gates again when it is resumed after a halt while rolling', async () => {
    const stages = [openStage('canary', { automatic: false, approval: true })];
    const { server, ...first } = await startStages(stages);
    await first.register();
    const { body: exported } = await operatorClient(server)('GET', '/export');
    const said = { by: 'token:x', at: '2024-11-12T10:30:00Z', reason: 'x' };
    const halted = {
      state: 'halted',
      since: said.at,
      approved: null,
      started: null,
      halted: { ...said, from: 'rolling' },
    };
    const promotions = [{ version: RELEASE, stages: { canary: halted }, supersededBy: null }];
    const second = await startEmpty({}, stages);
    expect((await second.admin('POST', '/apply', { ...exported, promotions })).status).toBe(200);
    expect((await second.act('resume')).body.stages).toMatchObject([{ state: 'awaiting-control-plane' }]);
  });
});

describe('a promotion that is under way', () => {
  it('is not changed by a document, and not deleted by one that omits it', async () => {
    const { server, act, until, register, states } = await startStages(STAGES);
    const admin = operatorClient(server);
    await register();
    await until('canary', 'soaking');
    const { body: exported } = await admin('GET', '/export');
    expect((await act('halt', { reason: 'errors' })).status).toBe(200);
    expect((await admin('POST', '/apply', exported)).body).toMatchObject({ changes: [], audit: null });
    expect((await admin('POST', '/apply', { ...exported, promotions: [] })).body).toMatchObject({ changes: [] });
    expect(await states()).toEqual(['halted', 'waiting']);
  });

  it('is not exported to callers who must not know of its release', async () => {
    const { server, register } = await startStages([openStage('canary', { automatic: false })]);
    await register(RELEASE, { embargoed: true });
    const exported = async (role: 'viewer' | 'release-manager') =>
      (await operatorClient(server, role)('GET', '/export')).body.promotions;
    expect(await exported('release-manager')).toHaveLength(1);
    expect(await exported('viewer')).toEqual([]);
  });
});

describe('a document is refused', () => {
  const said = { by: 'token:x', at: '2024-11-12T10:30:00Z', reason: 'x' };
  const progress = { state: 'waiting', since: null, approved: null, started: null, halted: null };
  const promotion = (change: object) => ({
    version: RELEASE,
    stages: { canary: { ...progress, ...change } },
    supersededBy: null,
  });

  it.each<[what: string, promotion: object, detail: RegExp]>([
    ['whose promotion has no release', promotion({}), /no release 17\.0\.0-cloud.* to promote; add it to releases/],
    ['with a state that there is not', promotion({ state: 'done' }), /state/],
    ['with a soak without a beginning', promotion({ state: 'soaking' }), /soaking needs since/],
    ['with a start that is not a time', promotion({ state: 'soaking', since: 'now' }), /since/],
    ['with an approval at no time', promotion({ approved: { ...said, at: 'once' } }), /approved\.at/],
    [
      'with a halt without an explanation',
      promotion({ state: 'halted', since: said.at }),
      /halted must be set if and only if/,
    ],
    [
      'with a halt that cannot have been',
      promotion({ state: 'halted', since: said.at, halted: { ...said, from: 'complete' } }),
      /complete cannot have been halted/,
    ],
    ['with an unknown field', promotion({ skipped: true }), /skipped/],
    ['with a promotion of no version', { ...promotion({}), version: '17' }, /X\.Y\.Z/],
  ])('%s', async (_, wanted, detail) => {
    const { admin } = await startEmpty();
    expectProblem(await admin('POST', '/apply', { fairway: 1, promotions: [wanted] }), 422, 'invalid', detail);
  });
});
