import { describe, expect, it } from 'vitest';
import {
  countInventory,
  gatherInventory,
  type InventoryMode,
  type Placement,
} from '../../src/domain/inventory-count.ts';
import { prepareMembership } from '../../src/domain/membership.ts';
import { HOUR, iso, NOW } from './populations.ts';

function finish<T>(work: Generator<void, T>): T {
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}

const CHANNELS = new Set(['stable/cloud', 'canary']);
const PLACEMENT: Placement = {
  resolve: prepareMembership(CHANNELS, { defaultChannel: 'stable/cloud', groups: {} }),
  unnamed: 'legacy',
  unmapped: 'stable/cloud',
};
const OWN = { kind: 'instance', metadata: { name: 'auth-1' }, spec: { version: '17.4.0', services: ['Auth'] } };

const agent = (name: string, version: string, spec: object = {}, metadata: object = {}) => ({
  kind: 'instance',
  metadata: { name, ...metadata },
  spec: { version, ext_upgrader: 'unit', last_seen: iso(NOW - HOUR), ...spec },
});

function gather(entries: unknown[], mode: InventoryMode = 'proven') {
  const gathering = gatherInventory(NOW);
  for (const entry of entries) gathering.add(entry);
  return gathering.end(mode);
}

const count = (entries: unknown[], placement = PLACEMENT) =>
  finish(countInventory(gather([OWN, ...entries]), placement, { at: NOW, scope: '@main' }));

describe('an inventory is refused', () => {
  const [node, nameless] = [
    { kind: 'node', spec: {} },
    { metadata: { name: 'a' }, spec: {} },
  ];

  it.each<[what: string, entries: unknown[], modes: Partial<Record<InventoryMode, RegExp>>]>([
    ['where it is empty', [], { proven: /empty/, partial: /empty/, complete: /empty/ }],
    ['where it lists something else', [OWN, node], { proven: /entry 1 .*node/, partial: /node/, complete: /node/ }],
    ['where an entry does not say what it is', [OWN, nameless], { proven: /entry 1 .*partial=true.*complete=true/ }],
    ['without the cluster itself', [agent('a', '16.4.6')], { proven: /Auth or Proxy.*partial=true.*complete=true/ }],
    ['where nothing can be read', [null, 5], { proven: /Auth or Proxy/ }],
    ['not for one odd entry', [OWN, null], {}],
  ])('%s', (_, entries, modes) => {
    for (const mode of ['proven', 'partial', 'complete'] as const) {
      const fault = modes[mode];
      if (fault) expect(() => gather(entries, mode)).toThrow(fault);
      else expect(gather(entries, mode).received).toBe(entries.length);
    }
  });
});

describe('the moment of an inventory', () => {
  it.each<[what: string, times: (string | undefined)[], at: number]>([
    ['is that of the newest instance', [iso(NOW - 3 * HOUR), iso(NOW - 2 * HOUR)], NOW - 2 * HOUR],
    ['is never in the future', [iso(NOW - HOUR), iso(NOW + HOUR)], NOW],
    ['is that of the import where there is none', [undefined, 'today'], NOW],
  ])('%s', (_, times, at) => {
    const entries = times.map((last_seen, index) => agent(`a${index}`, '16.4.6', { last_seen }));
    expect(gather([OWN, ...entries]).at).toBe(at);
  });

  it('decides who had expired', () => {
    const before = { expires: iso(NOW - HOUR) };
    const after = { expires: iso(NOW - HOUR + 1) };
    const found = count([agent('gone', '14.0.0', {}, before), agent('here', '16.4.6', {}, after)]);
    expect(found).toMatchObject({ enrolled: 1, expired: 1, examples: { expired: 'gone' } });
    expect(found.sightings.map(({ id, expired }) => [id, expired])).toEqual([
      ['gone', true],
      ['here', false],
    ]);
    expect(found.channels.get('legacy')).toMatchObject({ agents: 1, expired: 1 });
  });
});

describe('an id that is listed twice', () => {
  const expired = { expires: iso(NOW - 2 * HOUR) };

  it.each<[what: string, entries: unknown[], version: string, enrolled: number]>([
    ['counts at the lower version', [agent('a', '15.4.9'), agent('a', '16.4.6')], '15.4.9', 1],
    ['whichever comes first', [agent('a', '16.4.6'), agent('a', '15.4.9')], '15.4.9', 1],
    ['or as unreadable', [agent('a', '16.4.6'), agent('a', 'x')], '?', 1],
    ['while one of them has not expired', [agent('a', '15.4.9', {}, expired), agent('a', '16.4.6')], '15.4.9', 1],
    ['and not once both have', [agent('a', '15.4.9', {}, expired), agent('a', '16.4.6', {}, expired)], '15.4.9', 0],
  ])('%s', (_, entries, version, enrolled) => {
    const found = count(entries);
    expect(found.sightings).toMatchObject([{ id: 'a', version }]);
    expect(found).toMatchObject({ enrolled, examples: { duplicates: 'a' } });
  });
});

describe('the channel of a listed agent', () => {
  const v2 = (update_group: string | null) => agent('a', '16.4.6', { updater_info: { update_group } });

  it.each<[what: string, entry: unknown, channel: string, unmapped: Record<string, number>]>([
    ['is that of its group', v2('Canary'), 'canary', {}],
    ['is the one for agents without a group', agent('a', '16.4.6'), 'legacy', {}],
    ['is the same for the group that updaters name by default', v2('default'), 'legacy', {}],
    ['and for an empty one', v2(null), 'legacy', {}],
    ['is the default channel for a group that leads nowhere', v2('lost'), 'stable/cloud', { lost: 1 }],
  ])('%s', (_, entry, channel, unmapped) => {
    const found = count([entry]);
    expect(found.sightings).toMatchObject([{ channel, listing: { at: NOW, scope: '@main' } }]);
    expect(Object.fromEntries(found.unmappedGroups)).toEqual(unmapped);
  });

  it('must be known', () => {
    const nowhere = { ...PLACEMENT, unnamed: null, unmapped: null };
    expect(() => count([agent('a', '16.4.6')], nowhere)).toThrow(/entry 1 has no update group.*channel=NAME/);
    expect(() => count([v2('lost')], nowhere)).toThrow(/entry 1 is of the group lost/);
    expect(count([v2('canary')], nowhere).enrolled).toBe(1);
  });
});

describe('agents that cannot be kept by their id', () => {
  it('count by their version, each of them', () => {
    const found = count([agent('a b', '15.4.9'), agent('a b', '15.4.9'), agent('', '16.4.6')]);
    expect(found).toMatchObject({ sightings: [], enrolled: 3, anonymous: 3, examples: { anonymous: 'a b' } });
    expect(found.channels.get('legacy')?.anonymous).toEqual(
      new Map([
        ['15.4.9', 2],
        ['16.4.6', 1],
      ]),
    );
  });
});

describe('agents without an updater', () => {
  it('are unmanaged while they are connected, the cluster itself left out', () => {
    const none = { ext_upgrader: null };
    const found = count([
      agent('a', '14.0.0', none),
      agent('b', 'x', none),
      agent('c', '14.0.0', none, { expires: iso(NOW - 2 * HOUR) }),
      agent('d', '13.0.0', { ...none, services: ['PROXY'] }),
      agent('e', '16.4.6'),
    ]);
    expect(Object.fromEntries(found.unmanaged)).toEqual({ '14.0.0': 1, '?': 1 });
    expect(found.examples.unmanaged).toBe('a');
  });
});
