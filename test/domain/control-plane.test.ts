import { describe, expect, it } from 'vitest';
import {
  type Components,
  type ControlPlane,
  readControlPlaneVersion,
  reportVersions,
} from '../../src/domain/control-plane.ts';
import {
  assessControlPlane,
  type ControlPlaneReason,
  type ControlPlaneWarning,
  findPlaneReleaseFaults,
  findPlaneReleaseWarnings,
  type UnmanagedPolicy,
} from '../../src/domain/control-plane-check.ts';
import type { Release } from '../../src/domain/release.ts';
import { artifacts, catalogue, PULLED, population, v } from './populations.ts';

type Known = string | (Partial<Release> & { version: string });

interface Case {
  current?: string;
  /** Where parts of it run another version. */
  highest?: string;
  version: string;
  /** Channels with their target and agents. */
  channels?: Record<string, [target: string | null, agents: Record<string, number>]>;
  /** Reasons with the channel and the version they are about. */
  reasons: [ControlPlaneReason, channel?: string, version?: string][];
  warnings?: [ControlPlaneWarning, version?: string][];
  agents?: number;
  stranded?: number;
  /** Connected agents of the cluster that have no updater. */
  unmanaged?: Record<string, number>;
  policy?: UnmanagedPolicy;
  components?: Components;
  /** What channel a serves to client tools instead of its target. */
  tools?: string;
}

const judge = ({
  current,
  highest = current,
  version,
  channels = {},
  unmanaged = {},
  policy = 'warn',
  components,
  tools,
}: Omit<Case, 'reasons'>) =>
  assessControlPlane(
    'main',
    v(version),
    current && highest ? { lowest: v(current), highest: v(highest), components } : null,
    Object.entries(channels).map(([channel, [target, agents]]) => {
      const counts = { ...population(agents), unmanaged: new Map(Object.entries(unmanaged)) };
      const served = { target: target ? v(target) : null, tools: tools && channel === 'a' ? v(tools) : null };
      return { channel, ...served, population: counts, recent: [] };
    }),
    policy,
  );

const cases: [string, Case][] = [
  ['may stay', { current: '16.4.7', version: '16.4.7', reasons: [] }],
  ['may go a minor up', { current: '16.4.7', version: '16.5.0', reasons: [] }],
  ['may go a minor down', { current: '16.4.7', version: '16.4.6', reasons: [] }],
  ['may go a major up', { current: '16.4.7', version: '17.0.0', reasons: [] }],
  ['may start anywhere', { version: '17.0.0', reasons: [] }],
  ['may not skip a major', { current: '16.4.7', version: '18.0.0', reasons: [['control_plane_skips_major']] }],
  ['may not go back a major', { current: '17.0.0', version: '16.4.7', reasons: [['control_plane_major_downgrade']] }],
  [
    'may have agents of its own major and the one before',
    { version: '17.0.0', channels: { a: ['16.4.7', { '16.4.7': 3, '17.0.0': 2 }] }, reasons: [], agents: 5 },
  ],
  [
    'may not leave behind agents that are two majors older',
    {
      current: '16.4.7',
      version: '17.0.0',
      channels: { a: ['16.4.7', { '15.4.7': 3, '16.4.7': 2 }] },
      reasons: [['agent_too_old', 'a', '15.4.7']],
      agents: 5,
      stranded: 3,
    },
  ],
  [
    'may not fall behind agents',
    {
      version: '16.4.7',
      channels: { a: ['16.4.7', { '17.0.0': 3, '16.4.7': 2 }] },
      reasons: [['agent_too_new', 'a', '17.0.0']],
      agents: 5,
      stranded: 3,
    },
  ],
  [
    'may not skip a release line of its agents before 6.0 (RFD 12)',
    {
      version: '4.3.0',
      channels: { a: ['4.2.0', { '4.1.0': 3, '4.2.0': 2 }] },
      reasons: [['agent_too_old', 'a', '4.1.0']],
      agents: 5,
      stranded: 3,
    },
  ],
  [
    'may not go from 4.1 straight to 4.3 itself (RFD 12)',
    { current: '4.1.0', version: '4.3.0', reasons: [['control_plane_skips_line']] },
  ],
  ['may go from 4.1 to 4.2', { current: '4.1.0', version: '4.2.5', reasons: [] }],
  [
    'may go from the last line of a major to the first of the next',
    { current: '4.4.0', version: '5.0.0', reasons: [] },
  ],
  [
    'may not go from an earlier line to the next major',
    { current: '4.3.0', version: '5.0.0', reasons: [['control_plane_skips_line']] },
  ],
  ['may not go back two lines', { current: '4.4.0', version: '4.2.0', reasons: [['control_plane_skips_line']] }],
  [
    'may not skip a line with the part that is farthest behind',
    {
      current: '4.1.0',
      highest: '4.2.0',
      version: '4.3.0',
      reasons: [['control_plane_skips_line']],
    },
  ],
  ['may skip minors from 6.0 on', { current: '6.0.0', version: '6.3.0', reasons: [] }],
  [
    'has parts that cannot work together',
    {
      current: '15.4.9',
      highest: '17.0.0',
      version: '17.0.0',
      reasons: [['control_plane_skips_major']],
      warnings: [['components_apart']],
    },
  ],
  [
    'has a proxy that auth refuses',
    {
      current: '16.4.7',
      highest: '17.0.0',
      components: { auth: ['16.4.7'], proxy: ['17.0.0', '16.4.7'] },
      version: '17.0.0',
      reasons: [],
      warnings: [['components_apart'], ['components_apart']],
    },
  ],
  [
    'has a proxy a major behind auth while it is upgraded',
    {
      current: '16.4.7',
      highest: '17.0.0',
      components: { auth: ['17.0.0'], proxy: ['16.4.7'] },
      version: '17.0.0',
      reasons: [],
      warnings: [['components_apart']],
    },
  ],
  [
    'has parts of one major',
    {
      current: '16.4.6',
      highest: '16.4.7',
      components: { auth: ['16.4.6'], proxy: ['16.4.7'] },
      version: '16.4.7',
      reasons: [],
    },
  ],
  [
    'may not leave client tools behind',
    {
      current: '17.0.0',
      version: '18.0.0',
      channels: { a: ['17.0.0', {}] },
      tools: '16.4.7',
      reasons: [['tools_refused', 'a', '16.4.7']],
    },
  ],
  [
    'may not fall behind client tools',
    {
      version: '16.4.7',
      channels: { a: ['16.4.7', {}] },
      tools: '17.0.0',
      reasons: [['tools_refused', 'a', '17.0.0']],
    },
  ],
  [
    'takes client tools of its own major and the one before',
    { version: '17.0.0', channels: { a: ['17.0.0', {}] }, tools: '16.4.7', reasons: [] },
  ],
  [
    'may be behind its agents by a minor',
    { version: '16.4.0', channels: { a: ['16.4.7', { '16.4.7': 3 }] }, reasons: [], agents: 3 },
  ],
  [
    'may not be a major behind what a channel serves',
    { version: '16.4.7', channels: { a: ['17.0.0', {}] }, reasons: [['target_ahead_of_control_plane', 'a']] },
  ],
  [
    'may not be two majors ahead of what a channel serves',
    { version: '18.0.0', channels: { a: ['16.4.7', {}] }, reasons: [['target_behind_control_plane', 'a']] },
  ],
  ['does not mind a withdrawn channel', { version: '18.0.0', channels: { a: [null, {}] }, reasons: [] }],
  [
    'may not skip a major for the part that is farthest behind',
    {
      current: '15.4.9',
      highest: '16.4.7',
      version: '17.0.0',
      reasons: [['control_plane_skips_major']],
      warnings: [['components_apart']],
    },
  ],
  [
    'may not go back a major for the part that is farthest ahead',
    {
      current: '16.4.7',
      highest: '17.0.0',
      version: '16.4.7',
      reasons: [['control_plane_major_downgrade']],
      warnings: [['components_apart']],
    },
  ],
  [
    'may finish an upgrade within its major',
    { current: '16.4.6', highest: '16.4.7', version: '16.4.7', reasons: [], warnings: [] },
  ],
  [
    'may not go to another major while the version of an agent cannot be read',
    {
      current: '16.4.7',
      version: '17.0.0',
      channels: { a: ['16.4.7', { '?': 2, '16.4.7': 3 }] },
      reasons: [['unknown_agent_version', 'a', '?']],
      agents: 5,
      stranded: 2,
    },
  ],
  [
    'may stay within its major with such an agent',
    {
      current: '16.4.7',
      version: '16.5.0',
      channels: { a: ['16.4.7', { '?': 2 }] },
      reasons: [],
      warnings: [['unknown_agent_version', '?']],
      agents: 2,
    },
  ],
  [
    'may not go anywhere with such an agent where nobody knows what it runs',
    {
      version: '16.5.0',
      channels: { a: ['16.4.7', { '?': 2 }] },
      reasons: [['unknown_agent_version', 'a', '?']],
      agents: 2,
      stranded: 2,
    },
  ],
  [
    'reads build metadata of agents',
    {
      version: '17.0.0',
      channels: { a: ['16.4.7', { '15.4.7+fips.1': 2 }] },
      reasons: [['agent_too_old', 'a', '15.4.7+fips.1']],
      agents: 2,
      stranded: 2,
    },
  ],
  [
    'names agents without an updater that it leaves behind, once for the cluster',
    {
      current: '16.4.7',
      version: '17.0.0',
      channels: { a: ['16.4.7', {}], b: ['16.4.7', {}] },
      unmanaged: { '15.4.7': 3, '16.4.7': 9, '?': 1 },
      reasons: [],
      warnings: [
        ['unmanaged_agents', '?'],
        ['unmanaged_agents', '15.4.7'],
      ],
    },
  ],
  [
    'is refused for them where the settings say so',
    {
      current: '16.4.7',
      version: '17.0.0',
      channels: { a: ['16.4.7', {}] },
      unmanaged: { '15.4.7': 3 },
      policy: 'refuse',
      reasons: [['unmanaged_agents', undefined, '15.4.7']],
      warnings: [],
    },
  ],
  [
    'must suit every channel, and every reason is given',
    {
      current: '16.4.7',
      version: '18.0.0',
      channels: { a: ['16.4.7', { '15.4.7': 3, '16.4.7': 2 }], b: ['17.0.0', { '17.0.0': 4, '19.0.0': 1 }] },
      reasons: [
        ['control_plane_skips_major'],
        ['agent_too_old', 'a', '15.4.7'],
        ['agent_too_old', 'a', '16.4.7'],
        ['target_behind_control_plane', 'a'],
        ['agent_too_new', 'b', '19.0.0'],
      ],
      agents: 10,
      stranded: 6,
    },
  ],
];

describe('a release', () => {
  const BUILDING = { ...artifacts('absent'), controlPlane: { state: 'building' as const, at: null } };
  it.each<[string, Known[], strict: boolean, reasons: ControlPlaneReason[], warnings: ControlPlaneWarning[]]>([
    ['that is published', ['17.0.0'], true, [], []],
    ['that a strict catalogue does not hold', [], true, ['unknown_release'], []],
    ['that a catalogue that is not strict does not hold', [], false, [], []],
    ['that was pulled', [{ version: '17.0.0', pulled: PULLED }], false, ['release_pulled'], []],
    ['without artifacts', [{ version: '17.0.0', artifacts: BUILDING }], false, ['artifacts_missing'], []],
    ['under embargo', [{ version: '17.0.0', embargoed: true }], true, [], ['release_embargoed']],
    [
      'under embargo, without artifacts',
      [{ version: '17.0.0', embargoed: true, artifacts: BUILDING }],
      true,
      ['artifacts_missing'],
      ['release_embargoed'],
    ],
  ])('%s', (_, known, strict, reasons, warnings) => {
    const releases = catalogue(...known);
    const faults = findPlaneReleaseFaults(v('17.0.0'), releases, strict);
    expect(faults.map(({ reason }) => reason)).toEqual(reasons);
    expect(findPlaneReleaseWarnings(v('17.0.0'), releases).map(({ reason }) => reason)).toEqual(warnings);
    for (const { detail } of faults) expect(detail).toMatch(/; (choose|publish|register) /);
  });
});

describe('a control plane', () => {
  it.each(cases)('%s', (_, { reasons, warnings = [], agents = 0, stranded = 0, ...given }) => {
    const report = judge(given);
    const found = report.reasons.map(({ reason, channel, version }) => [reason, channel, version].filter(Boolean));
    expect(found).toEqual(reasons.map((each) => each.filter(Boolean)));
    expect(report.warnings.map(({ reason, version }) => [reason, version].filter(Boolean))).toEqual(warnings);
    expect(report).toMatchObject({ allowed: reasons.length === 0, agents, stranded, controlPlane: 'main' });
  });

  it('whose version nobody has reported is shown as such, with the channels that were looked at', () => {
    const report = judge({ version: '17.0.0', channels: { a: ['16.4.7', { '16.4.7': 1 }], b: [null, {}] } });
    expect(report).toMatchObject({
      current: null,
      version: '17.0.0',
      channels: [
        { channel: 'a', target: '16.4.7', evidence: [{ source: 'inventory', agents: 1 }] },
        { channel: 'b', target: null },
      ],
    });
  });

  it('believes the source that strands most', () => {
    const rivals = population({ '15.4.7': 1, '16.4.7': 9 }, { '15.4.7': 4 });
    const fleets = [{ channel: 'a', target: null, population: rivals, recent: [] }];
    const report = assessControlPlane('main', v('17.0.0'), null, fleets, 'warn');
    expect(report).toMatchObject({ agents: 10, stranded: 4, reasons: [{ reason: 'agent_too_old', count: 4 }] });
  });
});

describe('a report of what a control plane runs', () => {
  const [BEFORE, NOW] = ['2026-03-01T11:00:00.000Z', '2026-03-01T12:00:00.000Z'];
  const plane = (over: Partial<ControlPlane> = {}): ControlPlane => {
    return { name: 'main', version: '17.2.0', changedAt: BEFORE, updatedAt: BEFORE, updatedBy: 'token:a', ...over };
  };
  const report = (
    before: ControlPlane | undefined,
    versions: string[],
    components: ControlPlane['components'] = undefined,
  ) => reportVersions(before, 'main', versions, components ?? null, { by: 'token:b', at: NOW });

  it.each<[what: string, before: ControlPlane | undefined, versions: string[], expected: object]>([
    [
      'is news where there was none',
      undefined,
      ['v17.2.0'],
      { isNews: true, after: { version: '17.2.0', changedAt: null } },
    ],
    ['of the same version is not', plane(), ['17.2.0+fips'], { isNews: false, after: { changedAt: BEFORE } }],
    ['of another version is', plane(), ['17.2.1'], { isNews: true, after: { version: '17.2.1', changedAt: NOW } }],
    [
      'of two versions has a lowest and a highest',
      plane(),
      ['17.10.0', '17.2.0'],
      { isNews: true, after: { version: '17.2.0', highest: '17.10.0', changedAt: NOW } },
    ],
    [
      'of the same two again is not news',
      plane({ highest: '17.10.0' }),
      ['17.2.0', '17.10.0'],
      { isNews: false, after: { highest: '17.10.0' } },
    ],
    [
      'keeps the moment of the change of an older document',
      plane({ changedAt: undefined }),
      ['17.2.0'],
      { isNews: false, after: { changedAt: BEFORE } },
    ],
  ])('%s', (_, before, versions, expected) => {
    expect(report(before, versions)).toMatchObject(expected);
  });

  it('of components is news where they are others, though nothing moved', () => {
    const components = { auth: ['17.2.0'], proxy: ['17.2.0'] };
    expect(report(plane(), ['17.2.0'], components)).toMatchObject({
      isNews: true,
      after: { components, changedAt: BEFORE },
    });
    expect(report(plane({ components }), ['17.2.0'], components)).toMatchObject({ isNews: false });
    expect(report(plane({ components }), ['17.2.0']).after).not.toHaveProperty('components');
  });

  it.each([
    ['17.2.0+fips', '17.2.0'],
    [' V17.2 ', '17.2.0'],
    ['17.0.0-dev.1', '17.0.0-dev.1'],
    ['teleport', undefined],
    ['', undefined],
  ])('reads %j as %s', (text, version) => {
    expect(readControlPlaneVersion(text)?.text).toBe(version);
  });
});
