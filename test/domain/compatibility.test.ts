import { describe, expect, it } from 'vitest';
import { type Evidence, type Population, takeCensus } from '../../src/domain/census.ts';
import type { ServedTarget } from '../../src/domain/channel.ts';
import {
  assess,
  type ControlPlaneState,
  doubtsOf,
  mayOverride,
  type Policy,
  type RefusalReason,
  type Report,
  type Situation,
  stopsOf,
} from '../../src/domain/compatibility.ts';
import type { FleetCounts } from '../../src/domain/fleet-counts.ts';
import { arrangeCounts } from '../../src/domain/fleet-figures.ts';
import { prepareMembership } from '../../src/domain/membership.ts';
import type { Release } from '../../src/domain/release.ts';
import { findRoute } from '../../src/domain/route.ts';
import type { Version } from '../../src/domain/version.ts';
import {
  artifacts,
  CHANNEL,
  catalogue,
  DAY,
  fleet,
  HOUR,
  iso,
  NOW,
  PULLED,
  population,
  seen,
  sound,
  survey,
  v,
} from './populations.ts';

const SITUATION: Situation = { channel: CHANNEL, present: v('16.4.6'), wayOut: false, settleFor: 900_000, now: NOW };

const judged = (
  target: Version,
  agents: Population,
  at: ControlPlaneState | null,
  rules: Policy,
  over: Partial<Situation> = {},
): Report => assess(target, agents, at, rules, { ...SITUATION, ...over });

const policy = (over: Partial<Policy> = {}): Policy => ({
  accepts: ['stable', 'cloud'],
  needsHelm: false,
  catalogue: catalogue(),
  strict: false,
  ...over,
});

const plane = (version: string | null): ControlPlaneState => ({ name: 'main', version: version ? v(version) : null });

const CLOUD = '17.0.0-cloud.20260201T000000.aaaaaa';

interface Case {
  agents?: Record<string, number>;
  plane?: string | null;
  target: string;
  policy?: Partial<Policy>;
  /** Reasons with the version they are about. */
  reasons: (RefusalReason | [RefusalReason, string])[];
  stranded: number;
}

const judge = ({ agents = {}, target, plane: at, policy: over }: Omit<Case, 'reasons' | 'stranded'>): Report =>
  judged(v(target), population(agents), at === undefined ? null : plane(at), policy(over));

const release = (version: string, over: Partial<Release>) => ({ catalogue: catalogue({ version, ...over }) });

const cases: [string, Case][] = [
  ['allows a target of the agents’ major', { agents: { '16.4.6': 3 }, target: '16.4.7', reasons: [], stranded: 0 }],
  ['allows a target of the next major', { agents: { '16.4.6': 3 }, target: '17.0.0', reasons: [], stranded: 0 }],
  ['allows an older target within the major', { agents: { '16.4.7': 3 }, target: '16.1.0', reasons: [], stranded: 0 }],
  ['allows any target where nobody is', { target: '17.0.0', reasons: [], stranded: 0 }],
  ['allows a cloud version', { agents: { '16.4.7': 3 }, target: CLOUD, reasons: [], stranded: 0 }],
  [
    'refuses a target that skips a major for the oldest agent',
    {
      agents: { '15.4.7': 2, '16.4.6': 100 },
      target: '17.0.1',
      reasons: [['agent_too_old', '15.4.7']],
      stranded: 2,
    },
  ],
  [
    'refuses a cloud version that skips a major',
    { agents: { '15.4.7': 2 }, target: CLOUD, reasons: [['agent_too_old', '15.4.7']], stranded: 2 },
  ],
  [
    'names every version of agents that are too old, oldest first',
    {
      agents: { '16.4.6': 9, '15.4.9': 3, '15.4.10': 1, '14.0.0': 1 },
      target: '17.0.1',
      reasons: [
        ['agent_too_old', '14.0.0'],
        ['agent_too_old', '15.4.9'],
        ['agent_too_old', '15.4.10'],
      ],
      stranded: 5,
    },
  ],
  [
    'refuses a major downgrade',
    {
      agents: { '16.4.6': 5, '17.0.1': 1 },
      target: '16.4.7',
      reasons: [['major_downgrade', '17.0.1']],
      stranded: 1,
    },
  ],
  [
    'refuses to skip a release line before 6.0 (RFD 12)',
    { agents: { '4.1.0': 4, '4.2.0': 2 }, target: '4.3.0', reasons: [['legacy_skip', '4.1.0']], stranded: 4 },
  ],
  ['allows the release line after 4.4', { agents: { '4.4.0': 4 }, target: '5.0.0', reasons: [], stranded: 0 }],
  [
    'counts an agent once that two reasons strand',
    {
      agents: { '3.2.0': 4 },
      target: '5.0.0',
      reasons: [
        ['agent_too_old', '3.2.0'],
        ['legacy_skip', '3.2.0'],
      ],
      stranded: 4,
    },
  ],
  [
    'refuses agents on both sides at once',
    {
      agents: { '14.0.0': 1, '15.4.9': 7, '17.0.1': 2 },
      target: '16.4.7',
      reasons: [
        ['agent_too_old', '14.0.0'],
        ['major_downgrade', '17.0.1'],
      ],
      stranded: 3,
    },
  ],
  [
    'refuses a target a major ahead of the control plane, which strands all',
    {
      agents: { '16.4.6': 5, '16.4.7': 1 },
      plane: '16.4.7',
      target: '17.0.0',
      reasons: ['target_ahead_of_control_plane'],
      stranded: 6,
    },
  ],
  [
    'refuses a target two majors behind the control plane, which strands all',
    {
      agents: { '16.4.6': 5, '16.4.7': 1 },
      plane: '18.0.0',
      target: '16.4.7',
      reasons: ['target_behind_control_plane'],
      stranded: 6,
    },
  ],
  [
    'allows a target a major behind the control plane',
    { agents: { '16.4.6': 5 }, plane: '17.0.0', target: '16.4.7', reasons: [], stranded: 0 },
  ],
  [
    'refuses a target ahead of the control plane where nobody is',
    { plane: '16.4.7', target: '17.0.0', reasons: ['target_ahead_of_control_plane'], stranded: 0 },
  ],
  [
    'refuses a kind that the channel does not accept, which strands nobody',
    { agents: { '16.4.6': 5 }, target: '16.5.0-rc.1', reasons: ['kind_not_accepted'], stranded: 0 },
  ],
  [
    'refuses a stable version where only cloud ones are accepted',
    {
      agents: { '16.4.6': 5 },
      target: '16.5.0',
      policy: { accepts: ['cloud'] },
      reasons: ['kind_not_accepted'],
      stranded: 0,
    },
  ],
  [
    'refuses a pulled release',
    { target: '16.4.7', policy: release('16.4.7', { pulled: PULLED }), reasons: ['release_pulled'], stranded: 0 },
  ],
  [
    'refuses an embargoed release',
    { target: '16.4.7', policy: release('16.4.7', { embargoed: true }), reasons: ['release_embargoed'], stranded: 0 },
  ],
  [
    'refuses a release whose packages are being built',
    {
      target: '16.4.7',
      policy: release('16.4.7', { artifacts: artifacts('building') }),
      reasons: ['artifacts_missing'],
      stranded: 0,
    },
  ],
  [
    'refuses a release without packages',
    {
      target: '16.4.7',
      policy: release('16.4.7', { artifacts: artifacts('absent') }),
      reasons: ['artifacts_missing'],
      stranded: 0,
    },
  ],
  [
    'refuses what a strict catalogue does not hold',
    {
      target: '16.4.8',
      policy: { ...release('16.4.7', {}), strict: true },
      reasons: ['unknown_release'],
      stranded: 0,
    },
  ],
  [
    'allows what a strict catalogue holds',
    { target: '16.4.7', policy: { ...release('16.4.7', {}), strict: true }, reasons: [], stranded: 0 },
  ],
  [
    'allows what a catalogue that is not strict does not hold',
    { target: '16.4.8', policy: release('16.4.7', {}), reasons: [], stranded: 0 },
  ],
  [
    'gives every reason, not the first',
    {
      agents: { '14.0.0': 1, '15.4.9': 7, '17.0.1': 2 },
      plane: '15.5.0',
      target: '16.0.0-rc.1',
      policy: release('16.0.0-rc.1', { pulled: PULLED, embargoed: true, artifacts: artifacts('absent') }),
      reasons: [
        ['agent_too_old', '14.0.0'],
        ['major_downgrade', '17.0.1'],
        'target_ahead_of_control_plane',
        'kind_not_accepted',
        'release_pulled',
        'release_embargoed',
        'artifacts_missing',
      ],
      stranded: 10,
    },
  ],
];

describe('the gate', () => {
  it.each(cases)('%s', (_, { reasons, stranded, ...given }) => {
    const report = judge(given);
    const found = report.reasons.map(({ reason, version }) => (version ? [reason, version] : reason));
    expect(found).toEqual(reasons);
    expect(report).toMatchObject({ allowed: reasons.length === 0, stranded, target: given.target });
  });

  it('says of each reason about agents how many they are, and in every detail what to do', () => {
    const { reasons, agents, oldest } = judge({
      agents: { '15.4.7': 1, '16.4.6': 3 },
      plane: '16.4.7',
      target: '17.0.1',
    });
    expect({ agents, oldest }).toEqual({ agents: 4, oldest: { version: '15.4.7', count: 1 } });
    expect(reasons).toEqual([
      {
        reason: 'agent_too_old',
        version: '15.4.7',
        count: 1,
        detail: '1 agent at 15.4.7 would skip a major on the way to 17.0.1; bring them to 16.x first',
      },
      {
        reason: 'target_ahead_of_control_plane',
        detail:
          '17.0.1 is a major ahead of control plane main (16.4.7), which would refuse its agents; upgrade the control plane first',
      },
    ]);
  });
});

describe('warns, and allows', () => {
  it.each<[string, Omit<Case, 'reasons' | 'stranded'>, [reason: string, version?: string, count?: number][]]>([
    ['a target at the control plane’s version', { plane: '16.4.7', target: '16.4.7' }, []],
    ['a target behind the control plane', { plane: '16.4.7', target: '16.4.6' }, []],
    ['a patch ahead of the control plane', { plane: '16.4.7', target: '16.4.8' }, [['target_ahead_of_control_plane']]],
    ['a minor ahead of the control plane', { plane: '16.4.7', target: '16.5.0' }, [['target_ahead_of_control_plane']]],
    [
      'a later cloud version than the control plane’s',
      { plane: '17.0.0-cloud.20260101T000000.aaaaaa', target: CLOUD },
      [['target_ahead_of_control_plane']],
    ],
    ['a control plane that nobody has reported', { plane: null, target: '16.4.7' }, [['control_plane_unknown']]],
    ['no control plane', { target: '16.4.7' }, []],
    [
      'agents below the support window',
      {
        agents: { '15.4.7': 2, '16.4.6': 5, '15.0.0': 1 },
        target: '16.4.7',
        policy: { catalogue: catalogue('18.2.0', '19.0.0-rc.1') },
      },
      [
        ['out_of_support', '15.0.0', 1],
        ['out_of_support', '15.4.7', 2],
      ],
    ],
    [
      'agents at the end of the support window',
      { agents: { '16.0.0': 2 }, target: '16.4.7', policy: { catalogue: catalogue('18.2.0') } },
      [],
    ],
    ['a target out of support', { target: '15.4.7', policy: { catalogue: catalogue('18.2.0') } }, [['out_of_support']]],
    ['agents of unknown support', { agents: { '1.0.0': 2 }, target: '1.0.1' }, []],
  ])('%s', (_, given, expected) => {
    const report = judge(given);
    expect(report.allowed).toBe(true);
    expect(report.warnings.map(({ reason, version, count }) => [reason, version, count].filter(Boolean))).toEqual(
      expected,
    );
  });

  it('does not warn of a control plane that refuses', () => {
    expect(judge({ plane: '16.4.7', target: '17.0.0' }).warnings).toEqual([]);
  });
});

const resolve = prepareMembership(new Set([CHANNEL]), { defaultChannel: CHANNEL, groups: {} });
const CENSUS = { evidenceFreshFor: DAY, presumeServedFor: 30 * DAY, settleFor: 900_000, maxFall: 0.2 };
const census = (counts: FleetCounts, target: string, served: ServedTarget[] = []) =>
  takeCensus(
    { name: CHANNEL, controlPlane: null, target, served },
    arrangeCounts(counts),
    CENSUS,
    NOW,
    () => null,
    resolve,
  );

describe('where sources differ', () => {
  it('believes the one that strands most, and counts nobody twice', () => {
    const report = judged(
      v('17.0.1'),
      population({ '15.4.7': 2, '16.4.6': 10 }, { '15.4.7': 5, '15.4.9': 1, '16.4.6': 3 }),
      null,
      policy(),
    );
    expect(report).toMatchObject({ agents: 12, stranded: 6, oldest: { version: '15.4.7', count: 5 } });
    expect(report.reasons).toMatchObject([
      { reason: 'agent_too_old', version: '15.4.7', count: 5 },
      { reason: 'agent_too_old', version: '15.4.9', count: 1 },
    ]);
  });

  it('one of them is enough to refuse', () => {
    const rivals = [{ '16.4.6': 10 }, { '16.4.6': 9, '15.4.7': 1 }];
    for (const [first = {}, second = {}] of [rivals, rivals.toReversed()]) {
      expect(judged(v('17.0.1'), population(first, second), null, policy())).toMatchObject({
        allowed: false,
        agents: 10,
        stranded: 1,
      });
    }
  });

  it('a control plane strands the larger of them', () => {
    const rivals = population({ '16.4.6': 10 }, { '16.4.7': 12 });
    expect(judged(v('17.0.0'), rivals, plane('16.4.7'), policy())).toMatchObject({ agents: 12, stranded: 12 });
  });

  it('shows each with its age', () => {
    const surveys = [
      survey({ '16.4.6': 10 }),
      survey({ '15.4.7': 1 }, { source: 'teleport-metrics', at: NOW - 2 * DAY }),
    ];
    const counts = fleet(surveys, [seen('16.4.3', 4)]);
    const found = census(counts, '16.4.6');
    const common = { settling: null, failing: null, skipped: 0 };
    expect(judged(v('17.0.0'), found, null, policy()).evidence).toEqual([
      {
        ...{ source: 'inventory', complete: true, fresh: true, at: iso(NOW - HOUR), age: HOUR / 1000, ...common },
        ...{ agents: 10, oldest: { version: '16.4.6', count: 10 } },
      },
      {
        ...{ source: 'teleport-metrics', complete: true, fresh: false, at: iso(NOW - 2 * DAY), age: (2 * DAY) / 1000 },
        ...{ ...common, agents: 1, oldest: { version: '15.4.7', count: 1 } },
      },
      {
        ...{ source: 'check-ins', complete: false, fresh: true, at: null, age: null, ...common },
        ...{ agents: 4, oldest: { version: '16.4.3', count: 4 } },
      },
    ]);
  });
});

describe('agents whose version cannot be read', () => {
  it.each<[string, string, Version | null, boolean, number, string]>([
    ['warn within the major of the present target', '16.4.7', v('16.4.6'), true, 0, 'warnings'],
    ['refuse another major', '17.0.1', v('16.4.6'), false, 3, 'reasons'],
    ['refuse where no target was ever served', '16.4.7', null, false, 3, 'reasons'],
  ])('%s', (_, target, present, allowed, stranded, where) => {
    const report = judged(v(target), population({ '16.4.6': 2, '?': 3 }), null, policy(), { present });
    expect(report).toMatchObject({ allowed, stranded, agents: 5, oldest: { version: '16.4.6', count: 2 } });
    expect(report[where as 'reasons']).toMatchObject([{ reason: 'unknown_agent_version', count: 3 }]);
    expect(mayOverride(report, stranded)).toBe(true);
  });
});

describe('versions as agents write them', () => {
  it.each([
    ['build metadata', '15.4.9+fips.1', false],
    ['build metadata of a good one', '16.4.6+fips.1', true],
    ['a release line', '15.x', false],
  ])('are judged: %s', (_, version, allowed) => {
    const report = judged(v('17.0.0'), population({ [version]: 1 }), null, policy());
    expect(report).toMatchObject({ allowed, oldest: { version, count: 1 } });
  });
});

describe('on the way out', () => {
  const out = (target: string, agents: Record<string, number>, present: string, at: string | null = null) =>
    judged(v(target), population(agents), at ? plane(at) : null, policy(), { present: v(present), wayOut: true });

  it.each<[string, string, Record<string, number>, string, boolean, [string, number?][]]>([
    [
      'agents that the present target strands as well',
      '16.4.5',
      { '16.4.6': 9, '14.3.0': 1 },
      '16.4.6',
      true,
      [['14.3.0', 1]],
    ],
    ['agents whose version cannot be read', '16.4.5', { '?': 2 }, '17.0.0', true, [['?', 2]]],
  ])('%s are a warning', (_, target, agents, present, allowed, stranded) => {
    const report = out(target, agents, present);
    expect(report).toMatchObject({ allowed, stranded: 0 });
    const warned = report.warnings.filter(({ reason }) => reason === 'already_stranded');
    expect(warned.map(({ version, count }) => [version, count])).toEqual(stranded);
  });

  it('agents that only the new target strands refuse', () => {
    expect(out('16.4.5', { '17.0.0': 1, '14.3.0': 1 }, '17.0.0')).toMatchObject({
      allowed: false,
      stranded: 1,
      reasons: [{ reason: 'major_downgrade', version: '17.0.0' }],
    });
  });

  it('a control plane that refuses the present target as well is a warning', () => {
    expect(out('18.0.0', { '18.1.0': 1 }, '18.1.0', '17.0.0').allowed).toBe(true);
    expect(out('18.0.0', { '18.1.0': 1 }, '18.1.0', '17.0.0').warnings).toMatchObject([{ reason: 'already_stranded' }]);
    expect(out('15.0.0', { '16.0.0': 1 }, '16.0.0', '17.0.0').allowed).toBe(false);
  });
});

describe('a channel that leaves its control plane', () => {
  const leave = (to: ControlPlaneState | null, former: ControlPlaneState | null) =>
    judged(v('16.4.6'), population({ '16.4.6': 4 }), to, policy(), { former, wayOut: true });

  it.each<[string, ControlPlaneState | null, ControlPlaneState | null, string[]]>([
    ['for none is refused', null, plane('16.4.7'), ['control_plane_unknown']],
    ['for an unknown one is refused', plane(null), plane('16.4.7'), ['control_plane_unknown']],
    ['for one that its target fits is allowed', plane('17.0.0'), plane('16.4.7'), []],
    [
      'for one that its target does not fit is refused',
      plane('15.0.0'),
      plane('16.4.7'),
      ['target_ahead_of_control_plane'],
    ],
    ['when it had none is allowed', plane('16.4.7'), null, []],
  ])('%s', (_, to, former, reasons) => {
    const report = leave(to, former);
    expect(report.reasons.map(({ reason }) => reason)).toEqual(reasons);
    expect(report.stranded).toBe(reasons.length > 0 ? 4 : 0);
  });
});

describe('a control plane of several versions', () => {
  const mixed: ControlPlaneState = { ...plane('16.4.7'), highest: v('18.0.0') };
  it.each<[string, string[]]>([
    ['17.0.0', ['target_ahead_of_control_plane']],
    ['16.4.7', ['target_behind_control_plane']],
  ])('is judged by the stricter one: %s', (target, reasons) => {
    const report = judged(v(target), population(), mixed, policy());
    expect(report.reasons.map(({ reason }) => reason)).toEqual(reasons);
  });
});

describe('what sources leave in doubt', () => {
  const source = (over: Partial<Evidence>): Evidence => ({
    source: 'inventory',
    ...sound,
    versions: new Map(),
    skipped: 0,
    ...over,
  });
  const doubts = (evidence: Evidence[], at: ControlPlaneState | null = null, more: Partial<Population> = {}) =>
    doubtsOf(judged(v('16.4.7'), { ...population(), evidence, ...more }, at, policy()));
  const settling = { from: 22, to: 1, since: iso(NOW) };
  const changed = (ago: number) => ({ ...plane('17.0.0'), changedAt: iso(NOW - ago) });

  it.each<[string, Evidence[], ControlPlaneState | null, string[]]>([
    ['nothing where all is fresh and settled', [source({})], null, []],
    ['nothing where no source knows all', [source({ source: 'presumed', complete: false })], null, []],
    ['old evidence', [source({ fresh: false, age: 90_000 })], null, ['evidence_stale']],
    [
      'nothing of an old source beside a fresh one',
      [source({ fresh: false }), source({ source: 'teleport-metrics' })],
      null,
      [],
    ],
    ['a fall', [source({ settling })], null, ['evidence_settling']],
    ['a control plane that changed just now', [source({})], changed(60_000), ['evidence_settling']],
    [
      'a source that was not read since it changed',
      [source({ at: iso(NOW - 3_000_000) })],
      changed(2_000_000),
      ['evidence_settling'],
    ],
    ['nothing once it was read and has settled', [source({ at: iso(NOW) })], changed(2_000_000), []],
  ])('%s', (_, evidence, at, reasons) => {
    expect(doubts(evidence, at).map(({ reason }) => reason)).toEqual(reasons);
  });

  it('agents that were refused', () => {
    expect(doubts([source({})], null, { uncounted: ['14.x'] })).toMatchObject([
      { reason: 'agents_uncounted', version: '14.x' },
    ]);
  });

  it('no agent that had expired, which the report names anyway', () => {
    const marks = { ...population().marks, expired: 2 };
    expect(doubts([source({})], null, { marks })).toEqual([]);
    expect(judged(v('16.4.7'), { ...population(), marks }, null, policy())).toMatchObject({
      allowed: true,
      warnings: [{ reason: 'expired', count: 2, detail: expect.stringContaining('2 agents had expired') }],
    });
  });

  it('each says what to do', () => {
    const stale = doubts([
      source({ fresh: false, age: 90_000, failing: { since: iso(NOW), fault: 'it answered 500' } }),
    ]);
    expect(stale[0]?.detail).toContain('the inventory of stable/cloud is 25 h old');
    expect(stale[0]?.detail).toContain('it answered 500');
    expect(doubts([source({ settling })])[0]?.detail).toContain(
      'fairway evidence accept stable/cloud inventory --reason',
    );
  });
});

it('refuses to leave presumed agents behind: no evidence never means safe', () => {
  const served = [{ version: '15.4.7', until: new Date(NOW - 29 * DAY).toISOString() }];
  const found = census(fleet(), '16.4.7', served);
  expect(judged(v('17.0.1'), found, null, policy())).toMatchObject({
    allowed: false,
    agents: 2,
    stranded: 1,
    reasons: [{ reason: 'agent_too_old', version: '15.4.7', count: 1 }],
    evidence: [{ source: 'presumed' }],
  });
});

describe('an override', () => {
  const tooOld = () => judge({ agents: { '15.4.7': 3 }, target: '17.0.1' });

  it.each([
    [3, true],
    [2, false],
    [4, false],
    [0, false],
    [-3, false],
    [Number.NaN, false],
    [Number.POSITIVE_INFINITY, false],
  ])('over 3 stranded agents with %d: %s', (accepted, broken) => {
    expect(mayOverride(tooOld(), accepted)).toBe(broken);
  });

  it.each<[RefusalReason, Omit<Case, 'reasons' | 'stranded'>, boolean]>([
    ['release_pulled', { target: '17.0.1', policy: release('17.0.1', { pulled: PULLED }) }, false],
    ['release_embargoed', { target: '17.0.1', policy: release('17.0.1', { embargoed: true }) }, false],
    ['artifacts_missing', { target: '17.0.1', policy: release('17.0.1', { artifacts: artifacts('absent') }) }, true],
    ['unknown_release', { target: '17.0.1', policy: { strict: true } }, true],
    ['kind_not_accepted', { target: '17.0.1-rc.1' }, true],
    ['target_ahead_of_control_plane', { target: '17.0.1', plane: '16.4.7' }, true],
    ['target_behind_control_plane', { target: '17.0.1', plane: '19.0.0' }, true],
    ['agent_too_old', { target: '17.0.1' }, true],
    ['major_downgrade', { target: '14.0.0' }, true],
  ])('over %s', (reason, given, allowed) => {
    const report = judge({ agents: { '15.4.7': 3 }, ...given });
    expect(report.reasons.map((finding) => finding.reason)).toContain(reason);
    expect(mayOverride(report, report.stranded)).toBe(allowed);
  });
});

describe('the route', () => {
  const known = ['15.4.7', '15.4.22', '16.0.0', '16.4.6', '16.4.7', '17.0.1', '17.4.2', '18.0.0'];
  const route = (from: string, target: string, over: Partial<Policy> = {}) =>
    findRoute(v(from), v(target), () => stopsOf(policy({ catalogue: catalogue(...known), ...over })));
  const without = (version: string, over: Partial<Release>) => ({
    catalogue: catalogue(...known.filter((one) => one !== version), { version, ...over }),
  });

  it.each<[string, string, string, string[] | null]>([
    ['one major at a time', '15.4.7', '17.0.1', ['16.4.7', '17.0.1']],
    ['over two majors', '15.4.7', '18.0.0', ['16.4.7', '17.4.2', '18.0.0']],
    ['to a target that the catalogue does not hold', '15.4.7', '17.9.9', ['16.4.7', '17.9.9']],
    ['to a cloud target', '15.4.7', CLOUD, ['16.4.7', CLOUD]],
    ['none where no stop is needed', '16.4.6', '17.0.1', null],
    ['none where the agent is there', '17.0.1', '17.0.1', null],
    ['none where a major is missing', '13.0.0', '16.0.0', null],
    ['none back', '17.0.1', '15.4.7', null],
  ])('leads %s: %s → %s', (_, from, target, expected) => {
    expect(route(from, target)).toEqual(expected);
  });

  it.each<[string, Partial<Policy>, string[] | null]>([
    ['pulled', without('16.4.7', { pulled: PULLED }), ['16.4.6', '17.0.1']],
    ['embargoed', without('16.4.7', { embargoed: true }), ['16.4.6', '17.0.1']],
    ['not yet packaged', without('16.4.7', { artifacts: artifacts('building') }), ['16.4.6', '17.0.1']],
    ['of a kind not accepted', { accepts: ['cloud'] }, null],
    ['a pre-release', { catalogue: catalogue(...known, '16.5.0-rc.1') }, ['16.4.7', '17.0.1']],
    ['unknown', { catalogue: catalogue('15.4.7', '17.0.1') }, null],
  ])('does not stop at a release that is %s', (_, over, expected) => {
    expect(route('15.4.7', '17.0.1', over)).toEqual(expected);
  });

  it('prefers a stable release to a newer pre-release that the channel accepts', () => {
    const kinds: Partial<Policy> = { accepts: ['stable', 'rc', 'beta'] };
    const over = { ...kinds, catalogue: catalogue(...known, '16.5.0-rc.1', '16.6.0-beta.1') };
    expect(route('15.4.7', '18.0.0', over)).toEqual(['16.4.7', '17.4.2', '18.0.0']);
    const rcs = { ...kinds, catalogue: catalogue('16.5.0-rc.1', '16.5.0-rc.2', '16.6.0-beta.1') };
    expect(route('15.4.7', '17.0.1', rcs)).toEqual(['16.5.0-rc.2', '17.0.1']);
  });

  it('may stop at a pre-release that the channel accepts', () => {
    const over: Partial<Policy> = { accepts: ['stable', 'rc'], catalogue: catalogue('16.0.0-rc.1') };
    expect(route('15.4.7', '17.0.1', over)).toEqual(['16.0.0-rc.1', '17.0.1']);
  });

  it('goes through every line before 6.0 and takes the newest of each', () => {
    const old = catalogue('4.1.11', '4.2.0', '4.2.12', '4.3.0', '4.3.10', '4.4.0', '4.4.12', '5.0.0', '5.1.0', '5.2.5');
    expect(route('4.1.0', '6.0.0', { catalogue: old })).toEqual(['4.2.12', '4.3.10', '4.4.12', '5.0.0', '6.0.0']);
    expect(route('4.1.0', '5.2.0', { catalogue: old })).toEqual([
      '4.2.12',
      '4.3.10',
      '4.4.12',
      '5.0.0',
      '5.1.0',
      '5.2.0',
    ]);
  });

  it.each<[string, string, string, string, string[]]>([
    ['names the stops that the control plane is too far ahead of', '14.3.0', '17.4.2', '18.0.0', ['15.4.22', '16.4.7']],
    ['says nothing of a stop one major behind it', '15.4.7', '17.4.2', '17.0.0', []],
    ['says nothing of stops ahead of it, since the target is so too', '15.4.7', '18.0.0', '16.0.0', []],
  ])('%s', (_, from, target, at, stops) => {
    const report = judge({ agents: { [from]: 1 }, target, plane: at, policy: { catalogue: catalogue(...known) } });
    const told = report.warnings.filter(({ reason }) => reason === 'route_behind_control_plane');
    expect(told.map(({ version }) => version)).toEqual(stops);
    expect(report.route).toEqual(expect.arrayContaining(stops));
    for (const { detail } of told) expect(detail).toMatch(/on the way .* control plane main \(18\.0\.0\).*as well/);
  });

  it('is the oldest agent’s in a report', () => {
    const over = { catalogue: catalogue(...known) };
    expect(judge({ agents: { '15.4.9': 1, '16.4.6': 1 }, target: '17.0.1', policy: over }).route).toEqual([
      '16.4.7',
      '17.0.1',
    ]);
    expect(judge({ target: '17.0.1', policy: over }).route).toBeNull();
  });
});
