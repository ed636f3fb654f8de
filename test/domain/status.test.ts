import { describe, expect, it } from 'vitest';
import { createChannel, DEFAULT_SETTINGS, pin, setCritical, withdraw } from '../../src/domain/channel.ts';
import type { Promotion } from '../../src/domain/promotion.ts';
import { listedRelease, type Release } from '../../src/domain/release.ts';
import type { Rollout } from '../../src/domain/rollout.ts';
import {
  byTrouble,
  type CountedChannel,
  findTroubles,
  groupTroubles,
  type StatusFacts,
} from '../../src/domain/status.ts';
import { requireVersion } from '../../src/domain/version.ts';

const AT = '2026-11-22T18:00:00.000Z';
const act = { by: 'token:ann', at: new Date(AT), reason: 'incident 12' };
const channel = (name: string) => createChannel(name, DEFAULT_SETTINGS, requireVersion('16.4.6'), act);

const census = (name: string, over: Partial<CountedChannel> = {}): CountedChannel => ({
  ...{ channel: name, stranded: 0, cutOff: 0, versions: [], unreadable: 0, contested: 0, reverted: 0 },
  ...{ uncounted: [], sources: [] },
  ...over,
});

const source = (over: Partial<CountedChannel['sources'][number]> = {}) => ({
  ...{ source: 'inventory' as const, complete: true, fresh: true, settling: null, failing: null },
  ...over,
});

const find = (over: Partial<Omit<StatusFacts, 'censuses'>> & { censuses?: CountedChannel[] | null } = {}) => {
  const { censuses = [], ...facts } = over;
  return findTroubles({
    at: new Date('2026-11-22T12:00:00Z'),
    freezes: [],
    ...{ store: null, channels: [channel('a')], controlPlanes: new Map(), releases: new Map(), promotions: new Map() },
    ...facts,
    censuses: censuses && new Map(censuses.map((each) => [each.channel, each])),
  });
};

const pulled: Release = {
  ...listedRelease({ version: '16.4.7', cutAt: null, security: false }),
  pulled: { by: 'token:ann', at: AT, reason: 'bad' },
};
const halted = {
  version: '18.0.0',
  supersededBy: null,
  stages: { canary: { state: 'halted', halted: { by: 'token:bob', at: AT, reason: 'it crashes' } } },
} as unknown as Promotion;
const haltedRollout = {
  ...{ to: '16.4.7', state: 'halted', halted: { by: 'system:watch', at: AT, reason: '3 agents went back' } },
} as Rollout;
const cut = listedRelease({ version: '18.0.0', cutAt: null, security: false });

describe('the status', () => {
  it.each<[string, Parameters<typeof find>[0], string, string | RegExp]>([
    ['the store is away', { store: 'The store is away.' }, 'store', 'The store is away.'],
    ['agents are stranded', { censuses: [census('a', { stranded: 3 })] }, 'strands', /fairway census a/],
    [
      'a control plane cuts agents off',
      {
        channels: [{ ...channel('a'), controlPlane: 'main' }],
        controlPlanes: new Map([['main', {}]]),
        censuses: [census('a', { cutOff: 3 })],
      },
      'cut_off',
      'main refuses them at their version; roll a forward, or take main back: fairway control-planes check main VERSION',
    ],
    [
      'agents run a pulled release',
      {
        censuses: [census('a', { versions: [{ version: '16.4.7', count: 4 }] })],
        releases: new Map([['16.4.7', pulled]]),
      },
      'pulled_release',
      /^16\.4\.7; see: fairway agents -c a/,
    ],
    ['the census is full', { censuses: [census('a', { uncounted: ['16.4.x'] })] }, 'census_incomplete', /maxAgents/],
    [
      'a source fails',
      { censuses: [census('a', { sources: [source({ failing: { since: AT, fault: 'refused' } })] })] },
      'evidence_failing',
      'inventory, since 2026-11-22 18:00 UTC: refused',
    ],
    [
      'a promotion is halted',
      { promotions: new Map([['18.0.0', halted]]), releases: new Map([['18.0.0', cut]]) },
      'promotion_halted',
      'stage canary was halted by token bob: it crashes; to go on: fairway promote resume 18.0.0',
    ],
    [
      'a rollout is halted',
      { channels: [{ ...channel('a'), progress: haltedRollout }] },
      'rollout_halted',
      'the rollout to 16.4.7 was halted by system watch: 3 agents went back; see: fairway rollout a; to go back: fairway rollout roll-back a; to go on: fairway rollout resume a',
    ],
    [
      'a rollout is paused',
      {
        channels: [
          {
            ...channel('a'),
            progress: { ...haltedRollout, state: 'paused', paused: { by: 'token:ann', at: AT, reason: 'incident 12' } },
          },
        ],
      },
      'rollout_paused',
      'the rollout to 16.4.7 was paused by token ann: incident 12; to go on: fairway rollout resume a',
    ],
    [
      'the watch halted a rollout, and so holds its channel',
      {
        channels: [
          {
            ...channel('a'),
            progress: haltedRollout,
            hold: { by: 'system:watch', at: AT, reason: '3 agents went back' },
          },
        ],
      },
      'rollout_halted',
      /^the rollout to 16\.4\.7 was halted by system watch: 3 agents went back; see:/,
    ],
    [
      'the watch took a channel back',
      {
        channels: [
          {
            ...channel('a'),
            hold: { by: 'system:watch', at: AT, reason: '3 agents went back' },
            served: [{ version: '16.4.7', until: AT }],
          },
        ],
      },
      'held',
      'held by system watch: 3 agents went back; to let it go: fairway release a',
    ],
    [
      'the watch halted a channel without groups',
      { channels: [{ ...channel('a'), hold: { by: 'system:watch', at: AT, reason: '3 agents went back' } }] },
      'rollout_halted',
      'held by system watch: 3 agents went back; to go back: fairway roll-back a; to go on anyway: fairway release a',
    ],
    [
      'a channel is withdrawn',
      { channels: [{ ...withdraw(channel('a'), act), hold: null }] },
      'withdrawn',
      /^withdrawn at 2026-11-22 18:00 UTC; to serve: fairway roll-forward a VERSION/,
    ],
    [
      'a control plane was never reported',
      { channels: [{ ...channel('a'), controlPlane: 'main' }] },
      'control_plane_unknown',
      /fairway control-planes report main VERSION/,
    ],
    [
      'all evidence is old',
      { censuses: [census('a', { sources: [source({ fresh: false })] })] },
      'evidence_old',
      /renew/,
    ],
    [
      'a fall settles',
      { censuses: [census('a', { sources: [source({ settling: { from: 60, to: 12, since: AT } })] })] },
      'evidence_settling',
      /^inventory fell from 60 to 12/,
    ],
    ['agents went back', { censuses: [census('a', { reverted: 1 })] }, 'reverted', /--mark reverted/],
    ['agents go back and forth', { censuses: [census('a', { contested: 2 })] }, 'contested', /--mark contested/],
    ['versions cannot be read', { censuses: [census('a', { unreadable: 1 })] }, 'unreadable', /--version '\?'/],
    [
      'a channel is critical',
      { channels: [setCritical(channel('a'), true, null, act)] },
      'critical',
      'by token ann: incident 12',
    ],
    [
      'a channel is pinned',
      { channels: [pin(channel('a'), null, new Date('2026-11-23T18:00:00Z'), act)] },
      'pinned',
      'by token ann until 2026-11-23 18:00 UTC: incident 12',
    ],
  ])('says that %s', (_, facts, kind, detail) => {
    expect(find(facts)).toEqual([expect.objectContaining({ kind, detail: expect.stringMatching(detail) })]);
    expect(groupTroubles(find(facts))).toHaveLength(1);
  });

  it('is silent if nothing is wrong', () => {
    expect(find({ censuses: [census('a', { sources: [source(), source({ fresh: false })] })] })).toEqual([]);
    expect(find({ channels: [createChannel('new', DEFAULT_SETTINGS, null, act)] }), 'never had a target').toEqual([]);
  });

  it('shows nothing of a release that the caller may not see, or that is pulled', () => {
    const promotions = new Map([['18.0.0', halted]]);
    expect(find({ promotions })).toEqual([]);
    expect(find({ promotions, releases: new Map([['18.0.0', { ...cut, pulled: pulled.pulled }]]) })).toEqual([]);
  });

  it('has the worst first, then most agents, then names as people count them', () => {
    const names = ['v10', 'v9', 'few', 'many', 'pinned', 'calm'];
    const channels = names.map((name) => (name === 'pinned' ? pin(channel(name), null, null, act) : channel(name)));
    const troubles = find({
      channels,
      censuses: [
        ...[census('v10', { unreadable: 1 }), census('v9', { unreadable: 1 })],
        ...[census('few', { stranded: 2 }), census('many', { stranded: 9, unreadable: 5 })],
      ],
    });
    expect(troubles.map(({ channel: name, kind }) => `${name} ${kind}`)).toEqual([
      ...['many strands', 'few strands', 'many unreadable', 'v9 unreadable', 'v10 unreadable', 'pinned pinned'],
    ]);
    const order = channels.toSorted(byTrouble(troubles)).map(({ name }) => name);
    expect(order).toEqual(['many', 'few', 'v9', 'v10', 'pinned', 'calm']);
    expect(groupTroubles(troubles).map(({ severity, headline }) => `${severity}: ${headline}`)).toEqual([
      'bad: 2 channels strand 11 agents',
      'warn: the version of 7 agents of 3 channels cannot be read',
      'note: pinned is pinned',
    ]);
  });

  it('has a release that is hurting agents now before agents that are stranded, and a hold of a person beside it', () => {
    const hold = { by: 'token:ann', at: AT, reason: 'incident 12' };
    const channels = [channel('old'), { ...channel('now'), progress: haltedRollout, hold }];
    const troubles = find({ channels, censuses: [census('old', { stranded: 900 })] });
    expect(troubles.map(({ channel: name, kind, severity }) => `${severity} ${name} ${kind}`)).toEqual([
      ...['bad now rollout_halted', 'bad old strands', 'warn now held'],
    ]);
  });

  it('says what it can without the censuses', () => {
    expect(find({ censuses: null, store: 'away', channels: [pin(channel('a'), null, null, act)] })).toHaveLength(2);
  });
});
