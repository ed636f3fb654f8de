import { describe, expect, it } from 'vitest';
import { assessControlPlane, type ControlPlaneReason } from '../../src/domain/control-plane.ts';
import { population, v } from './populations.ts';

interface Case {
  current?: string;
  version: string;
  /** Channels with their target and agents. */
  channels?: Record<string, [target: string | null, agents: Record<string, number>]>;
  /** Reasons with the channel and the version they are about. */
  reasons: [ControlPlaneReason, channel?: string, version?: string][];
  agents?: number;
  stranded?: number;
}

const judge = ({ current, version, channels = {} }: Omit<Case, 'reasons'>) =>
  assessControlPlane(
    'main',
    v(version),
    current ? v(current) : null,
    Object.entries(channels).map(([channel, [target, agents]]) => {
      return { channel, target: target ? v(target) : null, population: population(agents), recent: [] };
    }),
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

describe('a control plane', () => {
  it.each(cases)('%s', (_, { reasons, agents = 0, stranded = 0, ...given }) => {
    const report = judge(given);
    const found = report.reasons.map(({ reason, channel, version }) => [reason, channel, version].filter(Boolean));
    expect(found).toEqual(reasons);
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
    const report = assessControlPlane('main', v('17.0.0'), null, [
      { channel: 'a', target: null, population: rivals, recent: [] },
    ]);
    expect(report).toMatchObject({ agents: 10, stranded: 4, reasons: [{ reason: 'agent_too_old', count: 4 }] });
  });
});
