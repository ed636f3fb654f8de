import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Act,
  type Channel,
  channelAt,
  channelNameFault,
  conform,
  createChannel,
  DEFAULT_SETTINGS,
  nextExpiry,
  pin,
  previousTarget,
  release,
  retire,
  retreat,
  rollBack,
  rollForward,
  setCritical,
  unpin,
  withdraw,
} from '../../src/domain/channel.ts';
import { FairwayError } from '../../src/domain/errors.ts';
import { compareVersions } from '../../src/domain/version.ts';
import { clock } from '../../src/domain/words.ts';
import { HOUR, NOW, v } from './populations.ts';

const act = (over: Partial<Act> = {}): Act => ({ by: 'token:ann', at: new Date(NOW), reason: 'because', ...over });
const later = (ms: number) => new Date(NOW + ms);
const iso = (ms = 0) => later(ms).toISOString();

const EARLIER = '2026-02-01T00:00:00.000Z';
const MARK = { reason: 'earlier', by: 'token:bob', at: EARLIER, until: null };

/** A channel that came to 16.4.7 by way of 16.4.5 and 16.4.6. */
const channel = (over: Partial<Channel> = {}): Channel => ({
  name: 'stable/cloud',
  ...DEFAULT_SETTINGS,
  target: '16.4.7',
  critical: null,
  pin: null,
  plan: null,
  hold: null,
  lineage: ['16.4.5', '16.4.6', '16.4.7'],
  served: [
    { version: '16.4.5', until: '2026-01-01T00:00:00.000Z' },
    { version: '16.4.6', until: EARLIER },
  ],
  updatedAt: EARLIER,
  updatedBy: 'token:bob',
  ...over,
});

const withdrawn = (over: Partial<Channel> = {}) =>
  channel({ target: null, served: [...channel().served, { version: '16.4.7', until: EARLIER }], ...over });
const fresh = () => channel({ target: null, lineage: [], served: [] });

function codeOf(change: () => unknown): string {
  try {
    change();
  } catch (error) {
    if (error instanceof FairwayError) return error.code;
    throw error;
  }
  return 'done';
}

describe('a channel name', () => {
  it.each([
    'a',
    '0',
    'stable/cloud',
    'stable/cloud/v17',
    'a/b/c/d/e/f/g/h',
    'a.b_c-d',
    'v1..2--3__4',
    'webapis',
    'stable/webapi',
    'versions/criticality/tools2',
    'a'.repeat(128),
  ])('may be %s', (name) => {
    expect(channelNameFault(name)).toBeNull();
  });

  it.each<[string, string, RegExp]>([
    ['empty', '', /segments/],
    ['129 characters long', 'a'.repeat(129), /128/],
    ['nine segments', 'a/b/c/d/e/f/g/h/i', /8 segments/],
    ['upper case', 'Stable', /segments/],
    ['led by a slash', '/stable', /segments/],
    ['ended by a slash', 'stable/', /segments/],
    ['with a doubled slash', 'stable//cloud', /segments/],
    ['with a segment led by a dot', 'stable/.cloud', /segments/],
    ['a way up', 'stable/../cloud', /segments/],
    ['with a segment led by a hyphen', '-stable', /segments/],
    ['with a segment led by an underscore', 'stable/_cloud', /segments/],
    ['with a space', 'stable cloud', /segments/],
    ['with a line break at the end', 'stable\n', /segments/],
    ['percent-encoded', 'stable%2Fcloud', /segments/],
    ['with a letter outside of ASCII', 'stäble', /segments/],
    ['webapi', 'webapi', /webapi/],
    ['below webapi', 'webapi/stable', /webapi/],
    ['version', 'version', /"version"/],
    ['ended by version', 'stable/version', /"version"/],
    ['with critical within', 'stable/critical/cloud', /"critical"/],
    ['with tools first', 'tools/stable', /"tools"/],
  ])('may not be %s', (_, name, fault) => {
    expect(channelNameFault(name)).toMatch(fault);
  });
});

describe('a new channel', () => {
  it('serves its target and has come from nowhere', () => {
    expect(createChannel('a', DEFAULT_SETTINGS, v('v16.4.7'), act())).toEqual({
      name: 'a',
      description: '',
      accepts: ['stable', 'cloud'],
      versionPrefix: 'v',
      needsHelm: false,
      controlPlane: null,
      toolsVersion: null,
      target: '16.4.7',
      critical: null,
      pin: null,
      hold: null,
      lineage: ['16.4.7'],
      served: [],
      plan: null,
      updatedAt: iso(),
      updatedBy: 'token:ann',
    });
  });

  it('without a target serves none', () => {
    expect(createChannel('a', DEFAULT_SETTINGS, null, act())).toMatchObject({ target: null, lineage: [], served: [] });
  });
});

const PINNED = { pin: MARK };
const PIN_ENDED = { pin: { ...MARK, until: iso() } };
const PIN_ENDS = { pin: { ...MARK, until: iso(1) } };

type Change = (channel: Channel) => Channel;
const forward =
  (version: string, critical = false): Change =>
  (from) =>
    rollForward(from, v(version), critical, act());
const back =
  (version: string, critical = false): Change =>
  (from) =>
    rollBack(from, v(version), critical, act());
const pinAt =
  (version: string | null, until: Date | null = null): Change =>
  (from) =>
    pin(from, version === null ? null : v(version), until, act());
const conformTo =
  (version: string | null): Change =>
  (from) =>
    conform(from, { ...from, target: version }, version === null ? null : v(version), act());
const withdrawIt: Change = (from) => withdraw(from, act());

describe('whether a channel moves', () => {
  it.each<[string, Channel, Change, string]>([
    ['roll-forward to a newer version', channel(), forward('16.4.8'), 'done'],
    ['roll-forward to the target', channel(), forward('16.4.7'), 'not_newer'],
    ['roll-forward to an older version', channel(), forward('16.4.6'), 'not_newer'],
    ['roll-forward to a pre-release of the target', channel(), forward('16.4.7-rc.1'), 'not_newer'],
    ['roll-forward on a new channel', fresh(), forward('16.4.7'), 'done'],
    ['roll-forward on a withdrawn channel, to where it was', withdrawn(), forward('16.4.7'), 'done'],
    ['roll-forward on a pinned channel', channel(PINNED), forward('16.4.8'), 'channel_pinned'],
    ['roll-forward in the last millisecond of a pin', channel(PIN_ENDS), forward('16.4.8'), 'channel_pinned'],
    ['roll-forward when a pin has just ended', channel(PIN_ENDED), forward('16.4.8'), 'done'],

    ['roll-back to an older version', channel(), back('16.4.6'), 'done'],
    ['roll-back to an older version it never had', channel(), back('16.1.0'), 'done'],
    ['roll-back to the target', channel(), back('16.4.7'), 'not_older'],
    ['roll-back to a newer version', channel(), back('16.4.8'), 'not_older'],
    ['roll-back on a withdrawn channel', withdrawn(), back('16.4.6'), 'done'],
    ['roll-back on a withdrawn channel, to where it was', withdrawn(), back('16.4.7'), 'not_older'],
    ['roll-back on a pinned channel', channel(PINNED), back('16.4.6'), 'channel_pinned'],
    ['roll-back when a pin has just ended', channel(PIN_ENDED), back('16.4.6'), 'done'],

    ['pin', channel(), pinAt(null), 'done'],
    ['pin at a newer version', channel(), pinAt('16.4.8'), 'done'],
    ['pin at an older version', channel(), pinAt('16.4.5'), 'done'],
    ['pin anew', channel(PINNED), pinAt(null), 'done'],
    ['pin anew at the target', channel(PINNED), pinAt('16.4.7'), 'done'],
    ['pin a pinned channel elsewhere', channel(PINNED), pinAt('16.4.8'), 'channel_pinned'],
    ['pin elsewhere when a pin has just ended', channel(PIN_ENDED), pinAt('16.4.8'), 'done'],
    ['pin a withdrawn channel', withdrawn(), pinAt(null), 'invalid'],
    ['pin a withdrawn channel at a version', withdrawn(), pinAt('16.4.7'), 'done'],
    ['pin a new channel', fresh(), pinAt(null), 'invalid'],

    ['unpin', channel(PINNED), (from) => unpin(from, act()), 'done'],
    ['unpin a channel that is not pinned', channel(), (from) => unpin(from, act()), 'done'],
    ['critical on a pinned channel', channel(PINNED), (from) => setCritical(from, true, null, act()), 'done'],

    ['withdraw', channel(), withdrawIt, 'done'],
    ['withdraw again', withdrawn(), withdrawIt, 'done'],
    ['withdraw a pinned channel', channel(PINNED), withdrawIt, 'channel_pinned'],
    ['withdraw when a pin has just ended', channel(PIN_ENDED), withdrawIt, 'done'],

    ['conform to a newer version', channel(), conformTo('16.4.8'), 'done'],
    ['conform to an older version', channel(), conformTo('16.4.6'), 'done'],
    ['conform to nothing', channel(), conformTo(null), 'done'],
    ['conform a pinned channel to its target', channel(PINNED), conformTo('16.4.7'), 'done'],
    ['conform a pinned channel to another version', channel(PINNED), conformTo('16.4.8'), 'channel_pinned'],
    ['conform a pinned channel to nothing', channel(PINNED), conformTo(null), 'channel_pinned'],
  ])('%s', (_, from, change, outcome) => {
    const before = structuredClone(from);
    expect(codeOf(() => change(from))).toBe(outcome);
    expect(from, 'a transition never changes the channel it starts from').toEqual(before);
  });

  it('says until when and why it is pinned, and how to release it', () => {
    expect(() => forward('16.4.8')(channel({ pin: { ...MARK, until: iso(HOUR) } }))).toThrow(
      `stable/cloud is pinned until ${clock(iso(HOUR))} by token bob, reason: earlier. To release it: fairway unpin stable/cloud`,
    );
  });

  it.each<[string, Channel, string]>([
    ['the one before', channel(), '16.4.6'],
    ['the one before the withdrawn one', withdrawn(), '16.4.6'],
    ['nowhere on a new channel', fresh(), 'no_previous_target'],
    ['nowhere from the first target', channel({ lineage: ['16.4.7'] }), 'no_previous_target'],
  ])('a roll-back to nothing in particular leads to %s', (_, from, expected) => {
    const found = codeOf(() => previousTarget(from));
    expect(found === 'done' ? previousTarget(from) : found).toBe(expected);
  });
});

describe('the books', () => {
  const left = { version: '16.4.7', until: iso() };
  it.each<[string, Channel, Change, string | null, string[], { version: string; until: string }[]]>([
    [
      'roll-forward adds to the lineage',
      channel(),
      forward('16.4.8'),
      '16.4.8',
      ['16.4.5', '16.4.6', '16.4.7', '16.4.8'],
      [...channel().served, left],
    ],
    [
      'roll-back takes from the lineage',
      channel(),
      back('16.4.6'),
      '16.4.6',
      ['16.4.5', '16.4.6'],
      [...channel().served, left],
    ],
    [
      'roll-back takes several from the lineage',
      channel(),
      back('16.4.5'),
      '16.4.5',
      ['16.4.5'],
      [...channel().served, left],
    ],
    [
      'roll-back to between the steps keeps the lineage ascending',
      channel({ lineage: ['16.4.3', '16.4.5', '16.4.7'] }),
      back('16.4.4'),
      '16.4.4',
      ['16.4.3', '16.4.4'],
      [...channel().served, left],
    ],
    ['roll-back to before all', channel(), back('16.1.0'), '16.1.0', ['16.1.0'], [...channel().served, left]],
    [
      'a pin that moves forward',
      channel(),
      pinAt('16.4.8'),
      '16.4.8',
      ['16.4.5', '16.4.6', '16.4.7', '16.4.8'],
      [...channel().served, left],
    ],
    ['a pin that moves back', channel(), pinAt('16.4.5'), '16.4.5', ['16.4.5'], [...channel().served, left]],
    ['a pin that does not move', channel(), pinAt('v16.4.7'), '16.4.7', channel().lineage, channel().served],
    ['unpin', channel(PINNED), (from) => unpin(from, act()), '16.4.7', channel().lineage, channel().served],
    ['withdraw keeps the lineage', channel(), withdrawIt, null, channel().lineage, [...channel().served, left]],
    ['withdraw again', withdrawn(), withdrawIt, null, channel().lineage, withdrawn().served],
    [
      'roll-forward after withdraw',
      withdrawn(),
      forward('16.4.8'),
      '16.4.8',
      ['16.4.5', '16.4.6', '16.4.7', '16.4.8'],
      withdrawn().served,
    ],
    [
      'roll-forward after withdraw to where it was',
      withdrawn(),
      forward('16.4.7'),
      '16.4.7',
      channel().lineage,
      withdrawn().served,
    ],
    ['roll-back after withdraw', withdrawn(), back('16.4.6'), '16.4.6', ['16.4.5', '16.4.6'], withdrawn().served],
    [
      'conform keeps its own lineage',
      channel(),
      (from) => conform(from, { ...from, target: '16.4.8', lineage: ['1.0.0'], served: [] }, v('16.4.8'), act()),
      '16.4.8',
      ['16.4.5', '16.4.6', '16.4.7', '16.4.8'],
      [...channel().served, left],
    ],
    ['conform to nothing', channel(), conformTo(null), null, channel().lineage, [...channel().served, left]],
    [
      'a target left again is served until now',
      channel({
        target: '16.4.6',
        lineage: ['16.4.5', '16.4.6'],
        served: [{ version: '16.4.6', until: EARLIER }, left],
      }),
      forward('16.4.8'),
      '16.4.8',
      ['16.4.5', '16.4.6', '16.4.8'],
      [left, { version: '16.4.6', until: iso() }],
    ],
  ])('%s', (_, from, change, target, lineage, served) => {
    expect(change(from)).toMatchObject({ target, lineage, served, updatedAt: iso(), updatedBy: 'token:ann' });
  });

  it('keep the newest 50 steps and 50 former targets', () => {
    let moving = createChannel('a', DEFAULT_SETTINGS, v('16.0.0'), act());
    for (let patch = 1; patch <= 60; patch++) moving = forward(`16.0.${patch}`)(moving);
    expect(moving.lineage).toHaveLength(50);
    expect([moving.lineage[0], moving.lineage.at(-1)]).toEqual(['16.0.11', '16.0.60']);
    expect(moving.served).toHaveLength(50);
    expect([moving.served[0]?.version, moving.served.at(-1)?.version]).toEqual(['16.0.10', '16.0.59']);
  });
});

describe('a channel with many former targets', () => {
  it('remembers at least one of each major, so that the gate goes on presuming agents there', () => {
    let moving = createChannel('a', DEFAULT_SETTINGS, v('16.4.7'), act());
    for (let patch = 0; patch <= 60; patch++) moving = forward(`17.0.${patch}`)(moving);
    expect(moving.served).toHaveLength(50);
    expect(moving.served[0]?.version).toBe('16.4.7');
    expect(moving.served.at(-1)?.version).toBe('17.0.59');
  });
});

describe('pins', () => {
  it('say who, when, why and until when', () => {
    const expected = { reason: 'because', by: 'token:ann', at: iso(), until: iso(HOUR) };
    expect(pinAt(null, later(HOUR))(channel()).pin).toEqual(expected);
    expect(pinAt('16.4.8', later(HOUR))(channel()).pin).toEqual(expected);
    expect(pinAt(null)(channel()).pin).toMatchObject({ until: null });
  });

  it('are replaced by the next', () => {
    expect(pinAt(null)(channel({ pin: { ...MARK, until: iso(HOUR) } })).pin).toMatchObject({
      reason: 'because',
      until: null,
    });
  });

  it('are taken away by unpin', () => {
    expect(unpin(channel(PINNED), act()).pin).toBeNull();
  });

  it('that have ended do not outlive the next move', () => {
    expect(forward('16.4.8')(channel(PIN_ENDED)).pin).toBeNull();
    expect(channelAt(withdrawIt(channel(PIN_ENDED)), later(0)).pin).toBeNull();
  });
});

describe('the critical mark', () => {
  const critical = () => channel({ critical: MARK });

  it('says who, when, why and until when', () => {
    const expected = { reason: 'because', by: 'token:ann', at: iso(), until: iso(HOUR) };
    expect(setCritical(channel(), true, later(HOUR), act()).critical).toEqual(expected);
    expect(setCritical(critical(), true, null, act()).critical).toMatchObject({ reason: 'because', until: null });
  });

  it.each<[string, Change, boolean]>([
    ['critical off', (from) => setCritical(from, false, null, act()), false],
    ['roll-forward', forward('16.4.8'), false],
    ['roll-forward said to be critical', forward('16.4.8', true), true],
    ['roll-back', back('16.4.6'), false],
    ['roll-back said to be critical', back('16.4.6', true), true],
    ['a pin that moves', pinAt('16.4.8'), false],
    ['a pin that does not move', pinAt(null), true],
    ['unpin', (from) => unpin(from, act()), true],
    ['withdraw', withdrawIt, false],
  ])('after %s', (_, change, remains) => {
    expect(change(critical()).critical !== null).toBe(remains);
  });

  it('that a move brings is that move’s', () => {
    expect(forward('16.4.8', true)(critical()).critical).toEqual({
      reason: 'because',
      by: 'token:ann',
      at: iso(),
      until: null,
    });
  });
});

describe('what ends by itself', () => {
  it.each<[string, string | null, number, boolean]>([
    ['without an end', null, 1_000 * HOUR, true],
    ['a millisecond before its end', iso(HOUR), HOUR - 1, true],
    ['at its end', iso(HOUR), HOUR, false],
    ['after its end', iso(HOUR), HOUR + 1, false],
  ])('a pin or critical mark %s', (_, until, at, lasts) => {
    const marked = channel({ pin: { ...MARK, until }, critical: { ...MARK, until } });
    const { pin: pinned, critical } = channelAt(marked, later(at));
    expect([pinned !== null, critical !== null]).toEqual([lasts, lasts]);
  });

  it('one mark ends without the other', () => {
    const marked = channel({ pin: { ...MARK, until: iso(HOUR) }, critical: MARK });
    expect(channelAt(marked, later(HOUR))).toEqual({ ...marked, pin: null });
  });

  it('a channel of which nothing ends is the same', () => {
    const marked = channel({ pin: MARK, critical: { ...MARK, until: iso(HOUR) } });
    expect(channelAt(marked, later(0))).toBe(marked);
  });

  it.each<[string, string | null | undefined, string | null | undefined, number, number]>([
    ['never without marks', undefined, undefined, 0, Number.POSITIVE_INFINITY],
    ['never with marks without an end', null, null, 0, Number.POSITIVE_INFINITY],
    ['when the pin ends', iso(HOUR), undefined, 0, NOW + HOUR],
    ['when the critical mark ends', null, iso(HOUR), 0, NOW + HOUR],
    ['when the first of both ends', iso(2 * HOUR), iso(HOUR), 0, NOW + HOUR],
    ['when the second ends, once the first has', iso(2 * HOUR), iso(HOUR), HOUR, NOW + 2 * HOUR],
    ['never once both have ended', iso(2 * HOUR), iso(HOUR), 2 * HOUR, Number.POSITIVE_INFINITY],
  ])('next: %s', (_, pinned, critical, at, expected) => {
    const mark = (until: string | null | undefined) => (until === undefined ? null : { ...MARK, until });
    const marked = channel({ pin: mark(pinned), critical: mark(critical) });
    expect(nextExpiry(marked, later(at))).toBe(expected);
  });
});

describe('a hold', () => {
  const HELD = { hold: { by: 'token:bob', at: EARLIER, reason: 'earlier' } };
  const MINE = { by: 'token:ann', at: iso(), reason: 'because' };
  const gone = retire(channel(), act({ at: new Date(EARLIER), by: 'token:bob' }));

  it.each<[string, Channel, Change, Channel['hold']]>([
    ['is set by a roll-back', channel(), back('16.4.6'), MINE],
    ['is set again by another roll-back', channel(HELD), back('16.4.6'), MINE],
    ['is set by a withdrawal', channel(), withdrawIt, MINE],
    ['is set by a pin at an older version', channel(), pinAt('16.4.6'), MINE],
    ['is set by a document that goes back', channel(), conformTo('16.4.6'), MINE],
    ['is set by a document without a target', channel(), conformTo(null), MINE],
    ['stays below what was withdrawn', withdrawn(HELD), forward('16.4.6'), MINE],
    ['ends with a roll-forward', channel(HELD), forward('16.4.8'), null],
    ['ends with a roll-forward to what was withdrawn', withdrawn(HELD), forward('16.4.7'), null],
    ['ends with a pin at a newer version', channel(HELD), pinAt('16.4.8'), null],
    ['ends with a document that goes forward', channel(HELD), conformTo('16.4.8'), null],
    ['ends with release', channel(HELD), (from) => release(from, act()), null],
    ['stays with a pin in place', channel(HELD), pinAt(null), HELD.hold],
    ['stays when a pin is removed', channel({ ...HELD, ...PINNED }), (from) => unpin(from, act()), HELD.hold],
    ['stays with a critical mark', channel(HELD), (from) => setCritical(from, true, null, act()), HELD.hold],
    ['stays with a document that moves nothing', channel(HELD), conformTo('16.4.7'), HELD.hold],
    ['stays when a release is pulled', channel(HELD), (from) => retreat(from, v('16.4.6'), false, act()), HELD.hold],
    ['is not set by a pull', channel(), (from) => retreat(from, v('16.4.6'), false, act()), null],
    ['is not set by a pull without a way back', channel(), (from) => retreat(from, null, false, act()), null],
  ])('%s', (_, from, change, hold) => expect(change(from).hold).toEqual(hold));

  it('is set on a channel that is made again', () => {
    const again = createChannel('stable/cloud', DEFAULT_SETTINGS, v('16.4.7'), act(), gone);
    expect(again.hold).toEqual({
      ...MINE,
      reason: `it was deleted at ${clock(EARLIER)} by token bob, then created again`,
    });
  });

  it('outlives the channel', () => {
    const retired = retire(channel(HELD), act());
    expect(createChannel('stable/cloud', DEFAULT_SETTINGS, null, act(), retired).hold).toEqual(HELD.hold);
  });

  it.each(['system:plan', 'system:promotion'])('refuses %s, whatever it asks for', (by) => {
    const moving = () => rollForward(channel(HELD), v('16.4.8'), false, act({ by }));
    expect(moving).toThrow('held by token bob: earlier; to let it go: fairway release stable/cloud');
    expect(rollForward(channel(), v('16.4.8'), false, act({ by })).target).toBe('16.4.8');
  });
});

describe('conforming to a document', () => {
  it('takes settings and marks over as they are written, and stamps', () => {
    const wanted = channel({
      name: 'other',
      description: 'new',
      accepts: ['cloud'],
      versionPrefix: '',
      controlPlane: 'main',
      critical: MARK,
      pin: { ...MARK, until: iso(HOUR) },
      updatedAt: 'x',
      updatedBy: 'x',
    });
    expect(conform(channel(), wanted, v('16.4.7'), act())).toEqual({
      ...wanted,
      name: 'stable/cloud',
      updatedAt: iso(),
      updatedBy: 'token:ann',
    });
  });

  it('may unpin, but not move at the same time', () => {
    const wanted = channel();
    expect(conform(channel(PINNED), wanted, v('16.4.7'), act()).pin).toBeNull();
    expect(codeOf(() => conform(channel(PINNED), wanted, v('16.4.8'), act()))).toBe('channel_pinned');
  });

  it('may move and pin at the same time', () => {
    const wanted = channel(PINNED);
    expect(conform(channel(), wanted, v('16.4.8'), act())).toMatchObject({ target: '16.4.8', pin: MARK });
  });
});

describe('of any way a channel takes', () => {
  const pool = ['15.4.7', '16.4.5', '16.4.6', '16.4.7', '17.0.0-rc.1', '17.0.0', '17.4.2'];
  const changes: Change[] = [...pool.flatMap((to) => [forward(to), back(to), pinAt(to), conformTo(to)]), withdrawIt];
  const way = fc.array(
    fc.constantFrom(...changes, (from: Channel) => unpin(from, act())),
    { maxLength: 30 },
  );

  const walk = (steps: Change[], check: (before: Channel, after: Channel) => void) => {
    let at = fresh();
    for (const step of steps) {
      if (codeOf(() => step(at)) !== 'done') continue;
      const next = step(at);
      check(at, next);
      at = next;
    }
  };

  it('the lineage ascends and ends at the target', () => {
    fc.assert(
      fc.property(way, (steps) =>
        walk(steps, (_, { target, lineage }) => {
          expect(lineage).toEqual([...new Set(lineage)].sort(compareVersions));
          if (target !== null) expect(lineage.at(-1)).toBe(target);
        }),
      ),
    );
  });

  it('every target that was left is among the former ones, once', () => {
    fc.assert(
      fc.property(way, (steps) => {
        const left = new Set<string>();
        walk(steps, (before, after) => {
          if (before.target !== null && before.target !== after.target) left.add(before.target);
          const served = after.served.map(({ version }) => version);
          expect(served.toSorted()).toEqual([...left].toSorted());
        });
      }),
    );
  });
});
