import { describe, expect, it } from 'vitest';
import { type Channel, createChannel, DEFAULT_SETTINGS, pin, rollForward } from '../../src/domain/channel.ts';
import type { Report } from '../../src/domain/compatibility.ts';
import type { ControlPlaneReport } from '../../src/domain/control-plane-check.ts';
import type { Stage, StageProgress, StageState } from '../../src/domain/promotion.ts';
import {
  channelGate,
  channelSteps,
  controlPlaneGate,
  missingPredecessors,
  type PromotionGate,
  type StageChannel,
  type StageControlPlane,
  type StageFacts,
  startGates,
  stoppedByWatch,
  whyNotSoaked,
} from '../../src/domain/promotion-gates.ts';
import { listedRelease, type Release } from '../../src/domain/release.ts';
import type { Rollout, RolloutState } from '../../src/domain/rollout.ts';
import { PULLED, v } from './populations.ts';

const OLD = '17.0.0-cloud.20241101T000000.aaaaaaa';
const VERSION = '17.0.0-cloud.20241112T101530.f00dfac';
const NEWER = '17.0.0-cloud.20241201T000000.bbbbbbb';
const ACT = { by: 'token:ann', at: new Date('2026-03-01T12:00:00Z'), reason: 'it is time' };
const SIGNED = { by: 'token:bob', at: ACT.at.toISOString() };

const STAGE: Stage = {
  name: 'internal',
  channels: ['a'],
  controlPlanes: ['main'],
  accepts: ['cloud'],
  soak: 1_000,
  automatic: false,
  signOff: true,
  approval: true,
  conditions: [],
};
const progress = (state: StageState, over: Partial<StageProgress> = {}): StageProgress => ({
  state,
  since: null,
  approved: null,
  started: null,
  halted: null,
  ...over,
});
const release = (over: Partial<Release> = {}): Release => ({
  ...listedRelease({ version: VERSION, cutAt: SIGNED.at, security: false }),
  ...over,
});
const change = (pr: number, significant: boolean, signedOff: boolean) => ({
  pr,
  title: 'x',
  significant,
  signedOff: signedOff ? SIGNED : null,
});
/** The parts of a report that gates read. */
const verdict = (...reasons: [reason: string, detail: string][]) =>
  ({ allowed: reasons.length === 0, reasons: reasons.map(([reason, detail]) => ({ reason, detail })) }) as Report &
    ControlPlaneReport;

/** Facts by which every gate is passed. */
const facts = (over: Partial<StageFacts> = {}): StageFacts => ({
  release: release(),
  half: 'control-planes',
  agentWait: null,
  haltedBefore: [],
  missingFixes: [],
  stage: STAGE,
  progress: progress('waiting', { approved: { ...SIGNED, reason: 'fine' } }),
  before: { name: 'canary', progress: progress('complete') },
  predecessors: [],
  heldBefore: [],
  channels: [],
  controlPlanes: [],
  conditions: [],
  ...over,
});
const held = (name: string) => ({ name, served: [], hold: { ...SIGNED, by: 'token:eve', reason: 'it crashes' } });
const closed = (gates: PromotionGate[]) =>
  gates.flatMap(({ gate, passed, reason }) => (passed ? [] : [[gate, reason]]));

describe('the gates before a stage', () => {
  it('are all passed when nothing is missing, and are always listed in the same order', () => {
    const gates = startGates(facts());
    expect(closed(gates)).toEqual([]);
    expect(gates.map(({ gate }) => gate)).toEqual([
      'kind',
      'artifacts',
      'not_pulled',
      'previous_stage',
      'signed_off',
      'approved',
      'compatible',
    ]);
    expect(gates.every(({ reason }) => reason === null)).toBe(true);
  });

  it('leave out what the stage does not ask for', () => {
    const stage = { ...STAGE, signOff: false, approval: false };
    const gates = startGates(facts({ stage, before: null, progress: progress('waiting') }));
    expect(gates.map(({ gate }) => gate)).toEqual(['kind', 'artifacts', 'not_pulled', 'compatible']);
    expect(closed(gates)).toEqual([]);
  });

  it.each<[string, Partial<StageFacts>, [gate: string, reason: string | RegExp]]>([
    [
      'a kind that the stage does not accept',
      { stage: { ...STAGE, accepts: ['stable', 'rc'] as Stage['accepts'] } },
      ['kind', /^stage internal .* stable and rc/],
    ],
    [
      "the control plane's artifacts missing",
      {
        release: release({
          artifacts: { ...release().artifacts, controlPlane: { state: 'building', at: null } },
        }),
      },
      ['artifacts', /are building; publish them$/],
    ],
    ['a pulled release', { release: release({ pulled: PULLED }) }, ['not_pulled', /it eats disks$/]],
    [
      'the stage before still soaking',
      { before: { name: 'canary', progress: progress('soaking') } },
      ['previous_stage', /^stage canary is soaking/],
    ],
    [
      'a stage before without channels and control planes',
      { before: { name: 'canary', progress: { ...progress('waiting'), state: 'empty' } } },
      ['previous_stage', /^stage canary is empty; name its channels or control planes/],
    ],
    [
      'no channels and control planes',
      { stage: { ...STAGE, channels: [], controlPlanes: [] } },
      ['not_empty', /^stage internal is empty/],
    ],
    [
      'a held channel of an earlier stage',
      { heldBefore: [{ stage: 'canary', channel: held('c') }] },
      ['previous_stage', 'channel c of stage canary is held by token eve: it crashes; to let it go: fairway release c'],
    ],
    [
      'agents of an earlier stage that were halted',
      { haltedBefore: [{ stage: 'canary', halted: { ...SIGNED, reason: 'it crashes', from: 'soaking' } }] },
      ['previous_stage', 'the agents of stage canary were halted by token bob: it crashes'],
    ],
    [
      'no packages, for agents that go by themselves',
      { half: 'agents', agentWait: 'no-packages' },
      ['packages', /^no packages; publish them: fairway releases artifacts/],
    ],
    [
      'a fix under embargo that it does not include',
      { missingFixes: ['16.4.8'] },
      ['includes_fix', /does not say that it includes 16\.4\.8, .* that a control plane of stage internal runs/],
    ],
    [
      'significant changes that are not signed off',
      { release: release({ changes: [change(1, true, false), change(2, false, false), change(3, true, true)] }) },
      ['signed_off', /: 1$/],
    ],
    [
      'significant changes of predecessors that are not signed off',
      {
        release: release({ changes: [change(1, true, false)] }),
        predecessors: [
          { ...release({ changes: [change(2, true, false), change(3, true, true)] }), version: OLD },
          { ...release({ changes: [change(4, true, false)], embargoed: true }), version: '16.4.7' },
        ],
      },
      ['signed_off', `not signed off: 1, 2 of ${OLD}, a change of 16.4.7`],
    ],
    [
      'no approval of a registered release',
      { release: release({ registered: { ...SIGNED, digest: '' } }), progress: progress('waiting') },
      ['approved', /other than token bob/],
    ],
    ['no approval of an imported release', { progress: progress('waiting') }, ['approved', /^no release manager has/]],
    [
      'stranded agents',
      {
        channels: [
          { name: 'a', channel: null, report: verdict(['agent_too_old', 'too old'], ['release_embargoed', 'secret']) },
          { name: 'b', channel: null, report: verdict(['major_downgrade', 'down'], ['agent_too_old', 'too old']) },
        ],
      },
      ['compatible', 'a: too old; b: down; b: too old'],
    ],
    [
      'a control plane that may not be changed',
      { controlPlanes: [{ name: 'main', version: OLD, report: verdict(['control_plane_skips_major', 'skips 16']) }] },
      ['compatible', 'skips 16'],
    ],
    [
      'a condition that does not hold',
      { conditions: [{ gate: 'errors', passed: false, reason: 'no series' }] },
      ['errors', 'no series'],
    ],
  ])('are closed by %s, and by nothing else', (_, over, [gate, reason]) => {
    const matching = typeof reason === 'string' ? reason : expect.stringMatching(reason);
    expect(closed(startGates(facts(over)))).toEqual([[gate, matching]]);
  });
});

describe('the predecessors whose changes a release brings to a stage', () => {
  const chain = ['3', '2', '1'].map((patch) => ({ ...release(), version: `17.0.${patch}` }));
  const sets = (...served: string[][]) => served.map((each) => new Set(each.map((patch) => `17.0.${patch}`)));

  it.each<[string, string[], ReadonlySet<string>[], string | null, string[]]>([
    ['are all of them at first', ['a'], sets([]), null, ['3', '2', '1']],
    ['are those after what its channel serves', ['a'], sets(['2', '1']), null, ['3']],
    ['are those that one of its channels lacks', ['a', 'b'], sets(['3', '2', '1'], ['1']), null, ['3', '2']],
    ['do not end where one was complete, if a channel went back since', ['a'], sets(['1']), '3', ['3', '2']],
    ['are none where its channels have all', ['a'], sets(['3', '2', '1']), null, []],
    ['are those after the last complete one, without channels', [], [], '2', ['3']],
    ['are all of them, without channels and without a complete one', [], [], null, ['3', '2', '1']],
  ])('%s', (_, channels, served, complete, missing) => {
    const found = missingPredecessors(chain, { channels }, served, (version) => version === `17.0.${complete}`);
    expect(found.map(({ version }) => version)).toEqual(missing.map((patch) => `17.0.${patch}`));
  });
});

describe('the control planes of a stage', () => {
  it.each<[string, StageControlPlane['version'][], string | null]>([
    ['run the release', [VERSION], null],
    ['run a later one', [NEWER, '18.0.0'], null],
    ['are none', [], null],
    ['run an earlier one', [VERSION, OLD], `control planes must run ${VERSION} first: p1 reports ${OLD}`],
    ['have not been reported', [null], `control planes must run ${VERSION} first: p0 reports nothing`],
  ])('that %s', (_, versions, reason) => {
    const controlPlanes = versions.map((version, index) => ({ name: `p${index}`, version, report: null }));
    expect(controlPlaneGate(facts({ controlPlanes }))).toEqual({
      gate: 'control_planes',
      passed: reason === null,
      reason,
    });
  });
});

describe('a channel of a rolling stage', () => {
  const at = (target: string | null): Channel =>
    createChannel('a', { ...DEFAULT_SETTINGS }, target === null ? null : v(target), ACT);
  const moved = rollForward(rollForward(at(OLD), v(VERSION), false, ACT), v(NEWER), false, ACT);
  /** Served the release and was moved away from it again. */
  const away: Channel = { ...moved, target: OLD, updatedBy: 'token:eve' };

  it.each<[string, Omit<StageChannel, 'name'>, object]>([
    ['does not exist', { channel: null, report: null }, { step: 'blocked', reason: /create it/ }],
    ['serves the release', { channel: at(VERSION), report: null }, { step: 'serves' }],
    ['serves a later release', { channel: at(NEWER), report: null }, { step: 'blocked', reason: /serves .* newer$/ }],
    [
      'is pinned',
      { channel: pin(at(OLD), null, null, ACT), report: verdict() },
      { step: 'blocked', reason: /^pinned by token ann: it is time$/ },
    ],
    ['is pinned at the release', { channel: pin(at(VERSION), null, null, ACT), report: null }, { step: 'serves' }],
    ['was moved away from it', { channel: away, report: verdict() }, { step: 'blocked', reason: /^token:eve moved/ }],
    [
      'is held',
      { channel: { ...at(OLD), ...held('a') }, report: verdict() },
      { step: 'blocked', reason: /^held by token eve: it crashes; to let it go: fairway release a$/ },
    ],
    ['is held at the release', { channel: { ...at(VERSION), ...held('a') }, report: null }, { step: 'serves' }],
    ['may move', { channel: at(OLD), report: verdict() }, { step: 'move' }],
    ['has no target yet', { channel: at(null), report: verdict() }, { step: 'move' }],
    [
      'is refused by the gate',
      { channel: at(OLD), report: verdict(['agent_too_old', 'x'], ['legacy_skip', 'y']) },
      { step: 'blocked', reason: /^x; y$/ },
    ],
  ])('that %s', (_, fact, { step, reason }: { step?: string; reason?: RegExp }) => {
    const [taken] = channelSteps(facts({ channels: [{ name: 'a', ...fact }] }));
    expect(taken).toEqual({ name: 'a', step, ...(reason && { reason: expect.stringMatching(reason) }) });
  });

  const SINCE = '2026-03-02T00:00:00.000Z';
  const served = (until: string) => ({ ...at(VERSION), served: [{ version: VERSION, until }] });
  const rollout = (state: RolloutState) => ({ ...at(VERSION), progress: { state, to: VERSION } as Rollout });
  it.each<[string, Channel | undefined, RegExp | null]>([
    ['serves it', at(VERSION), null],
    ['serves a newer one', at(NEWER), /^a no longer serves \S+$/],
    ['is withdrawn', at(null), /^a no longer serves \S+$/],
    ['is gone', undefined, /^a no longer serves \S+$/],
    ['served it before', served('2026-03-01T00:00:00.000Z'), null],
    ['serves it again', served('2026-03-03T00:00:00.000Z'), /no longer serves \S+ without a break$/],
    ['was rolled out', rollout('done'), null],
    [
      'has a group that was taken back',
      rollout('active'),
      /no longer serves \S+ to all of its groups: the rollout of .*is active/,
    ],
    ['was halted', rollout('halted'), /to all of its groups/],
  ])('that %s soaks only while it serves this very release', (_, channel, why) => {
    const found = whyNotSoaked('a', channel, VERSION, SINCE);
    if (why) expect(found).toMatch(why);
    else expect(found).toBeNull();
  });

  const byWatch = { by: 'system:watch', at: '', reason: '5 agents went back' };
  it.each<[string, Channel, string | null]>([
    ['serves it', { ...at(VERSION), hold: byWatch }, byWatch.reason],
    [
      'was taken back from it',
      { ...at(OLD), served: [{ version: VERSION, until: '' }], hold: byWatch },
      byWatch.reason,
    ],
    ['served an older one', { ...at(OLD), hold: byWatch }, null],
    ['is held by a person', { ...at(VERSION), hold: { ...byWatch, by: 'token:ann' } }, null],
    ['is not held', at(VERSION), null],
  ])('that the watch holds is stopped at this release if it %s', (_, channel, why) => {
    expect(stoppedByWatch(channel, VERSION)).toBe(why);
  });

  it.each<[string, Partial<StageFacts>, string]>([
    [
      'of the stage',
      { channels: [{ name: 'b', channel: { ...at(OLD), ...held('b') }, report: verdict() }] },
      'waits for b, which is held',
    ],
    [
      'of an earlier stage',
      { channels: [], heldBefore: [{ stage: 'canary', channel: held('c') }] },
      'waits for c, which is held',
    ],
  ])('does not move while another one %s is held', (_, over, reason) => {
    const channels = [{ name: 'a', channel: at(OLD), report: verdict() }, ...(over.channels ?? [])];
    expect(channelSteps(facts({ ...over, channels }))[0]).toEqual({ name: 'a', step: 'blocked', reason });
  });

  it('holds the stage until all of them serve the release', () => {
    const channels = [
      { name: 'a', channel: at(VERSION), report: null },
      { name: 'b', channel: at(OLD), report: verdict() },
      { name: 'c', channel: at(OLD), report: verdict(['agent_too_old', 'x']) },
    ];
    expect(channelGate(facts({ channels }))).toEqual({
      gate: 'channels',
      passed: false,
      reason: 'b: not moved yet; c: x',
    });
    expect(channelGate(facts({ channels: channels.slice(0, 1) })).passed).toBe(true);
  });
});
