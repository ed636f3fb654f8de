import { describe, expect, it } from 'vitest';
import {
  type CensusChannel,
  type EvidenceSource,
  highestCounts,
  oldestOf,
  type Population,
  takeCensus,
  total,
} from '../../src/domain/census.ts';
import type { ServedTarget } from '../../src/domain/channel.ts';
import type { FleetCounts } from '../../src/domain/fleet-counts.ts';
import { arrangeCounts } from '../../src/domain/fleet-figures.ts';
import { prepareMembership } from '../../src/domain/membership.ts';
import type { Reading, Survey } from '../../src/domain/survey.ts';
import { CHANNEL, DAY, fleet, HOUR, iso, NOW, seen, survey } from './populations.ts';

const MINUTE = 60_000;
const POLICY = { evidenceFreshFor: DAY, presumeServedFor: 30 * DAY, settleFor: 15 * MINUTE, maxFall: 0.2 };

const ago = (ms: number) => iso(NOW - ms);

const MEMBERSHIP = { defaultChannel: 'elsewhere', groups: { 'Prod-EU': { channel: 'mapped' } } };
const resolve = prepareMembership(new Set([CHANNEL, 'canary', 'other', 'mapped']), MEMBERSHIP);

const channel = (over: Partial<CensusChannel> = {}): CensusChannel => {
  return { name: CHANNEL, controlPlane: 'main', target: null, served: [], ...over };
};

const census = (counts: FleetCounts, target: string | null = null, served: ServedTarget[] = []): Population =>
  takeCensus(channel({ target, served }), arrangeCounts(counts), POLICY, NOW, () => null, resolve);

const plain = (counts: Population['headcounts']) => counts.map((versions) => Object.fromEntries(versions));
const sources = ({ evidence }: Population): EvidenceSource[] => evidence.map(({ source }) => source);
const metrics = (versions: Record<string, number>, over: Partial<Survey> = {}) =>
  survey(versions, { source: 'teleport-metrics', ...over });

describe('where no complete source is fresh', () => {
  it.each<[string, string | null, ServedTarget[], Record<string, number>]>([
    ['the present target', '16.4.7', [], { '16.4.7': 1 }],
    ['a former target', null, [{ version: '16.4.6', until: ago(DAY) }], { '16.4.6': 1 }],
    [
      'the present target and former ones',
      '17.0.0',
      [
        { version: '15.4.7', until: ago(20 * DAY) },
        { version: '16.4.7', until: ago(HOUR) },
      ],
      { '15.4.7': 1, '16.4.7': 1, '17.0.0': 1 },
    ],
    ['a target served until 30 days ago', null, [{ version: '16.4.6', until: ago(30 * DAY) }], { '16.4.6': 1 }],
    ['no target that was left earlier', null, [{ version: '16.4.6', until: ago(30 * DAY + 1) }], {}],
    ['a target that was served twice once', '16.4.7', [{ version: '16.4.7', until: ago(DAY) }], { '16.4.7': 1 }],
    ['no agent on a channel that never had a target', null, [], {}],
  ])('presumes %s', (_, target, served, expected) => {
    const found = census(fleet(), target, served);
    expect(plain(found.headcounts)).toEqual([expected]);
    expect(found.known).toEqual([]);
    expect(found.evidence).toEqual([
      {
        ...{ source: 'presumed', complete: false, fresh: true, at: null, age: null, settling: null, failing: null },
        versions: new Map(Object.entries(expected)),
        skipped: 0,
      },
    ]);
  });

  it('adds presumed agents to those that check in', () => {
    const found = census(fleet([], [seen('16.4.6', 3), seen('15.4.9', 1)]), '16.4.7', []);
    expect(sources(found)).toEqual(['check-ins', 'presumed']);
    expect(plain(found.known)).toEqual([{ '16.4.6': 3, '15.4.9': 1 }]);
    expect(plain(found.headcounts)).toEqual([
      { '16.4.6': 3, '15.4.9': 1 },
      { '16.4.6': 3, '15.4.9': 1, '16.4.7': 1 },
    ]);
  });

  it.each<[string, Survey]>([
    ['an old inventory', survey({ '12.1.5': 7 }, { at: NOW - DAY - 1 })],
    ['an inventory from the future', survey({ '12.1.5': 7 }, { at: NOW + HOUR })],
    ['a partial inventory', survey({ '12.1.5': 7 }, { complete: false })],
  ])('keeps counting the agents of %s, and presumes others', (_, old) => {
    const found = census(fleet([old], [seen('12.1.5', 7)], []), '16.4.7');
    expect(sources(found)).toEqual(['inventory', 'presumed']);
    expect(plain(found.headcounts)).toEqual([{ '12.1.5': 7 }, { '16.4.7': 1 }]);
  });

  it('keeps counting the agents of old metrics', () => {
    const found = census(fleet([metrics({ '12.1.5': 7 }, { at: NOW - DAY - 1 })]), '16.4.7');
    expect(found.evidence[0]).toMatchObject({ complete: true, fresh: false, age: 86_400 });
    expect(plain(found.headcounts)).toEqual([{ '12.1.5': 7 }, { '16.4.7': 1 }]);
  });
});

describe('a fresh inventory', () => {
  it.each([
    ['that was just taken', 0],
    ['as old as is allowed', DAY],
    ['from a clock that is a little ahead', -MINUTE],
  ])('%s replaces presumption', (_, age) => {
    const served = [{ version: '12.1.5', until: ago(HOUR) }];
    const found = census(
      fleet([survey({ '16.4.6': 5 }, { at: NOW - age })], [seen('16.4.6', 5)], []),
      '16.4.7',
      served,
    );
    expect(sources(found)).toEqual(['inventory']);
    expect(found.evidence[0]?.age).toBe(Math.max(0, age) / 1000);
    expect(plain(found.headcounts)).toEqual([{ '16.4.6': 5 }]);
    expect(found.known).toBe(found.headcounts);
  });

  it('counts agents without an id and agents whose version cannot be read', () => {
    const reading = { from: NOW, until: NOW, agents: 7, anonymous: { '14.0.0': 1, '?': 2 } };
    const found = census(
      fleet([survey({ '16.4.6': 4, '14.0.0': 1, '?': 2 }, { readings: [reading] })], [seen('16.4.6', 4)], []),
      '16.4.7',
    );
    expect(found.evidence[0]).toMatchObject({ complete: true, skipped: 2 });
    expect(plain(found.headcounts)).toEqual([{ '16.4.6': 4, '14.0.0': 1, '?': 2 }]);
  });

  it('without any enrolled agent is evidence too', () => {
    const found = census(fleet([survey({})]), '16.4.7');
    expect(sources(found)).toEqual(['inventory']);
    expect(found.headcounts).toEqual([]);
  });

  it('that fell says from how many, and since when', () => {
    const readings = [
      { from: NOW - HOUR, until: NOW - HOUR, agents: 100, anonymous: {} },
      { from: NOW - MINUTE, until: NOW, agents: 3, anonymous: {} },
    ];
    const found = census(fleet([survey({ '16.4.6': 3 }, { readings })], [seen('16.4.6', 100)], []), '16.4.7');
    expect(found.evidence[0]?.settling).toEqual({ from: 100, to: 3, since: ago(MINUTE) });
  });

  it('keeps what it listed before as a rival while a fall settles, also of agents that are elsewhere now', () => {
    const readings: Reading[] = [
      { from: NOW - HOUR, until: NOW - HOUR, agents: 1, anonymous: {}, versions: { '15.4.9': 1 } },
      { from: NOW - MINUTE, until: NOW, agents: 0, anonymous: {}, versions: {} },
    ];
    expect(plain(census(fleet([survey({}, { readings })]), '16.4.7').headcounts)).toEqual([{ '15.4.9': 1 }]);
  });

  it('that cannot be read says since when and why', () => {
    const failing = { since: NOW - HOUR, fault: 'it answered 500' };
    const found = census(fleet([metrics({ '16.4.6': 3 }, { failing })]), '16.4.7');
    expect(found.evidence[0]?.failing).toEqual({ since: ago(HOUR), fault: 'it answered 500' });
  });
});

describe('figures without ids', () => {
  it('are rivals of what is known by id', () => {
    const found = census(
      fleet([survey({ '16.4.6': 5 }), metrics({ '16.4.6': 4, '15.4.7': 1 })], [seen('16.4.6', 5)], []),
    );
    expect(plain(found.headcounts)).toEqual([{ '16.4.6': 5 }, { '16.4.6': 4, '15.4.7': 1 }]);
  });

  it('count by the highest of the readings that hold, version by version', () => {
    const readings: Reading[] = [
      { from: NOW - HOUR, until: NOW - HOUR, agents: 22, anonymous: { '16.4.6': 22 } },
      { from: NOW - MINUTE, until: NOW, agents: 3, anonymous: { '16.4.6': 1, '17.0.0': 2 } },
    ];
    const found = census(fleet([metrics({ '16.4.6': 1, '17.0.0': 2 }, { readings })]));
    expect(plain(found.headcounts)).toEqual([{ '16.4.6': 22, '17.0.0': 2 }]);
  });

  it.each<[string, number, boolean]>([
    ['at first', 0, false],
    ['for less than the time to settle', 14 * MINUTE, false],
    ['for as long as it takes to settle', 15 * MINUTE, true],
  ])('of no agent, %s, do not end presumption: %d ms', (_, lasts, ends) => {
    const readings = [{ from: NOW - lasts, until: NOW, agents: 0, anonymous: {} }];
    const found = census(fleet([metrics({}, { at: NOW, readings })]), '16.4.7');
    expect(plain(found.headcounts)).toEqual(ends ? [] : [{ '16.4.7': 1 }]);
    expect(found.evidence[0]?.settling === null).toBe(ends);
  });

  it.each<[string, string, string | null, string | null, boolean]>([
    ['of its own name', CHANNEL, null, null, true],
    ['of its control plane', '@main', 'main', null, true],
    ['of another channel of its control plane', 'canary', 'main', 'main', true],
    ['of another control plane', '@other', 'main', null, false],
    ['of a channel of another control plane', 'canary', 'main', 'other', false],
    ['of another channel, where it has no control plane', 'canary', null, null, false],
  ])('judge a channel: those %s', (_, name, controlPlane, other, judges) => {
    const counts = fleet([metrics({ '15.4.7': 1 }, { channel: name })]);
    const found = takeCensus(channel({ controlPlane }), arrangeCounts(counts), POLICY, NOW, () => other, resolve);
    expect(plain(found.known)).toEqual(judges ? [{ '15.4.7': 1 }] : []);
  });

  it('of the cluster are no followers of the channel', () => {
    const counts = fleet([metrics({ '15.4.7': 9 }, { channel: '@main' })], [seen('16.4.6', 2)]);
    expect(census(counts).followers).toBe(2);
    expect(census(fleet([metrics({ '15.4.7': 9 })])).followers).toBe(9);
  });
});

it('an inventory of another channel does not count, also in the same cluster', () => {
  const other = survey({ '12.1.5': 7 }, { channel: 'canary' });
  const counts = fleet([other], [seen('12.1.5', 7, 'canary')]);
  const found = takeCensus(channel({ target: '16.4.7' }), arrangeCounts(counts), POLICY, NOW, () => 'main', resolve);
  expect(sources(found)).toEqual(['presumed']);
  expect(plain(found.headcounts)).toEqual([{ '16.4.7': 1 }]);
});

it('agents of a group that bears the name of a new channel count there, until they are imported again', () => {
  const before = survey({ '15.4.9': 1, '16.4.6': 4 }, { channel: 'stable/cloud', unmappedGroups: { Canary: 1 } });
  const counts = fleet([before], [seen('15.4.9', 1), seen('16.4.6', 4)], []);
  const found = takeCensus(channel({ name: 'canary' }), arrangeCounts(counts), POLICY, NOW, () => null, resolve);
  expect(plain(found.headcounts)).toContainEqual({ '15.4.9': 1, '16.4.6': 4 });
  expect(takeCensus(channel({ name: 'other' }), arrangeCounts(counts), POLICY, NOW, () => null, resolve).known).toEqual(
    [],
  );
});

it.each<[string, Partial<Survey>, string, boolean]>([
  ['on the channel that the settings map it to now', { unmappedGroups: { 'prod-eu': 1 } }, 'mapped', true],
  ['also where it led to another channel before', { groups: { 'prod-eu': CHANNEL } }, 'mapped', true],
  ['once, where it led there before', { groups: { 'Prod-EU': 'mapped' } }, 'mapped', false],
  ['on the default channel, where it leads nowhere any more', { groups: { lost: CHANNEL } }, 'elsewhere', true],
  ['where they did, if it led nowhere before', { unmappedGroups: { lost: 1 } }, 'elsewhere', false],
  ['on no other channel', { groups: { 'prod-eu': CHANNEL } }, 'other', false],
])('agents of a group count %s, until they are imported again', (_, over, name, counts) => {
  const figures = arrangeCounts(fleet([survey({ '15.4.9': 1 }, over)], [seen('15.4.9', 1)], []));
  const found = takeCensus(channel({ name }), figures, POLICY, NOW, () => null, resolve);
  expect(plain(found.known)).toEqual(counts ? [{ '15.4.9': 1 }] : []);
});

describe('agents in dispute', () => {
  const dispute = (agents: number, over: object = {}) => {
    return { channel: CHANNEL, low: '16.4.6', high: '17.0.1', agents, ...over };
  };

  it.each<[string, ReturnType<typeof dispute>[], Record<string, number>[]]>([
    [
      'some of a version',
      [dispute(2)],
      [
        { '16.4.6': 5, '17.0.1': 1 },
        { '16.4.6': 3, '17.0.1': 3 },
      ],
    ],
    ['all of a version', [dispute(5)], [{ '16.4.6': 5, '17.0.1': 1 }, { '17.0.1': 6 }]],
    [
      'one after the other',
      [dispute(5), dispute(1, { low: '17.0.1', high: '18.0.0' })],
      [
        { '16.4.6': 5, '17.0.1': 1 },
        { '17.0.1': 5, '18.0.0': 1 },
      ],
    ],
    ['none of this channel', [dispute(2, { channel: 'other' })], [{ '16.4.6': 5, '17.0.1': 1 }]],
  ])('are rivals of themselves at their highest version: %s', (_, disputed, expected) => {
    const counts = { ...fleet([survey({})], [seen('16.4.6', 5), seen('17.0.1', 1)], []), disputed };
    const found = census(counts, '16.4.6');
    expect(plain(found.headcounts)).toEqual(expected);
    expect(found.headcounts.map(total)).toEqual(expected.map(() => 6));
    expect(found.followers).toBe(6);
  });

  it('are so on a new channel that bears the name of their group', () => {
    const before = survey({ '16.4.6': 5 }, { channel: 'stable/cloud', unmappedGroups: { canary: 1 } });
    const counts = { ...fleet([before], [seen('16.4.6', 5)], []), disputed: [dispute(1)] };
    const found = takeCensus(channel({ name: 'canary' }), arrangeCounts(counts), POLICY, NOW, () => null, resolve);
    expect(plain(found.known)).toEqual([{ '16.4.6': 5 }, { '16.4.6': 4, '17.0.1': 1 }]);
  });
});

it('agents that were refused count at their release line, and leave the census incomplete', () => {
  const uncounted = [{ channel: CHANNEL, line: '14.x', at: NOW }];
  const found = census({ ...fleet([survey({ '16.4.6': 5 })], [seen('16.4.6', 5)], []), uncounted }, '16.4.7');
  expect(found.uncounted).toEqual(['14.x']);
  expect(sources(found)).toEqual(['inventory', 'presumed']);
  expect(plain(found.known)).toEqual([{ '16.4.6': 5 }]);
  expect(plain(found.headcounts)).toEqual([{ '16.4.6': 5 }, { '14.x': 1, '16.4.7': 1 }]);
});

describe('a count', () => {
  const counts = new Map([
    ['16.10.0', 2],
    ['16.9.0', 3],
    ['16.9.0-rc.1', 4],
    ['?', 5],
  ]);

  it('has a total', () => {
    expect(total(counts)).toBe(14);
    expect(total(new Map())).toBe(0);
  });

  it('has an oldest version, by precedence', () => {
    expect(oldestOf(counts)).toEqual({ version: '16.9.0-rc.1', count: 4 });
    expect(oldestOf(new Map([['?', 1]]))).toBeNull();
  });

  it('of several gives the highest of each version', () => {
    const rival = new Map([
      ['16.9.0', 5],
      ['15.0.0', 1],
    ]);
    expect(highestCounts([counts, rival])).toEqual(new Map([...counts, ['16.9.0', 5], ['15.0.0', 1]]));
  });
});
