import { describe, expect, it } from 'vitest';
import { traceChange, type Whereabouts } from '../../src/domain/change-trace.ts';
import { type Act, createChannel, DEFAULT_SETTINGS, rollForward } from '../../src/domain/channel.ts';
import { createPromotion, type Promotion, type Stage, type StageState } from '../../src/domain/promotion.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { catalogueOf, PULLED } from '../support/catalogue.ts';

const PR = 4711;
const AT = '2026-03-01T12:00:00.000Z';
const ACT: Act = { by: 'token:rm', at: new Date(AT), reason: 'test' };
const change = (pr = PR) => ({ pr, title: 'Rework the recorder', significant: true, author: 'zmb3', signedOff: null });
const release = (previous: string | null, ...changes: ReturnType<typeof change>[]) => ({ previous, changes });

/** 16.4.8 brings the change, 16.4.9 and 16.5.0 are built on it, and 15.4.9 is a backport. */
const RELEASES = catalogueOf(['16.4.7', '16.4.8', '16.4.9', '16.5.0', '15.4.9', '15.4.8'], {
  '16.4.8': { ...release('16.4.7', change()), ...PULLED },
  '16.4.9': release('16.4.8', change(4712)),
  '16.5.0': release('16.4.9'),
  '15.4.9': release('15.4.8', change()),
});

const stage = (name: string): Stage => {
  const rest = { soak: 1, automatic: true, signOff: false, approval: false, conditions: [] };
  return { name, channels: [], controlPlanes: [], accepts: ['stable'], ...rest };
};

function promotion(version: string, states: Record<string, StageState>): [string, Promotion] {
  const progress = { since: AT, approved: null, started: null, halted: null };
  const stages = Object.fromEntries(Object.entries(states).map(([name, state]) => [name, { state, ...progress }]));
  return [version, { ...createPromotion(version, new Date(AT)), stages }];
}

const channel = (name: string, target: string) => createChannel(name, DEFAULT_SETTINGS, requireVersion(target), ACT);
const byName = <T extends { name: string }>(all: T[]) => new Map(all.map((each) => [each.name, each]));

const trace = (over: Partial<Whereabouts> = {}) => {
  const none = { promotions: new Map(), channels: new Map(), controlPlanes: new Map(), stages: [] };
  return traceChange(PR, { releases: RELEASES, ...none, ...over });
};

describe('the trace of a change', () => {
  it('is null if no release lists it', () => {
    expect(trace({ releases: catalogueOf(['16.4.7']) })).toBeNull();
  });

  it('names the releases that list it, newest first, and how many were built on them', () => {
    expect(trace()).toMatchObject({
      ...{ pr: PR, title: 'Rework the recorder', author: 'zmb3', significant: true },
      releases: [
        { version: '16.4.8', pulled: { reason: 'crashes' }, signedOff: null },
        { version: '15.4.9', pulled: null },
      ],
      containedIn: { releases: 4, newest: '16.5.0' },
    });
  });

  it('ends where releases are built on each other in a circle', () => {
    const releases = catalogueOf(['1.0.0', '1.0.1'], {
      '1.0.0': release('1.0.1', change()),
      '1.0.1': release('1.0.0'),
    });
    expect(trace({ releases })?.containedIn).toEqual({ releases: 2, newest: '1.0.1' });
  });

  it('names the channels that serve it, since when, and no others', () => {
    const moved = rollForward(channel('b', '16.4.7'), requireVersion('16.4.9'), false, ACT);
    const channels = byName([channel('c', '15.4.9'), moved, channel('a', '16.4.7')]);
    expect(trace({ channels })?.channels).toEqual({
      total: 2,
      first: [
        { channel: 'b', target: '16.4.9', since: AT },
        { channel: 'c', target: '15.4.9', since: null },
      ],
    });
  });

  it('counts control planes, and names ten', () => {
    const plane = (index: number) => {
      const name = `t${String(index).padStart(2, '0')}`;
      return { name, version: index < 12 ? '16.5.0' : '16.4.7', changedAt: AT, updatedAt: AT, updatedBy: 'token:ci' };
    };
    const tenants = trace({ controlPlanes: byName(Array.from({ length: 20 }, (_, index) => plane(index))) })?.tenants;
    expect(tenants).toMatchObject({ total: 12, of: 20 });
    expect(tenants?.first).toHaveLength(10);
    expect(tenants?.first[0]).toEqual({ controlPlane: 't00', version: '16.5.0', since: AT });
  });

  it.each<[string, [string, Promotion][], object[]]>([
    ['nothing is promoted', [], [{ stage: 'canary', state: 'waiting', release: null, since: null }]],
    [
      'it came with the first release that was there',
      [promotion('16.4.9', { canary: 'complete' }), promotion('16.5.0', { canary: 'complete' })],
      [{ stage: 'canary', state: 'complete', release: '16.4.9', since: AT }],
    ],
    [
      'a later release brings what an earlier one could not',
      [promotion('16.4.8', { canary: 'superseded' }), promotion('16.4.9', { canary: 'soaking' })],
      [{ stage: 'canary', state: 'soaking', release: '16.4.9', since: AT }],
    ],
    [
      'its release waits',
      [promotion('16.4.8', {}), promotion('16.4.9', { canary: 'halted' })],
      [{ stage: 'canary', state: 'halted', release: '16.4.9', since: AT }],
    ],
  ])('says of a stage: %s', (_, promotions, expected) => {
    expect(trace({ stages: [stage('canary')], promotions: new Map(promotions) })?.stages).toEqual(expected);
  });
});
