import { describe, expect, it } from 'vitest';
import type { Channel } from '../../src/domain/channel.ts';
import {
  addScheduled,
  commandOf,
  describeScheduled,
  overtake,
  requireTime,
  type ScheduledChange,
  type ScheduledVerb,
  shownAt,
  undo,
  withoutScheduled,
} from '../../src/domain/schedule.ts';
import { barredBy } from '../../src/domain/schedule-bar.ts';
import { scheduledChanges } from '../../src/http/schemas/schedules.ts';

const at = (time: string) => new Date(`2026-12-${time}Z`);
const change = (verb: ScheduledVerb = 'roll-forward', changes: Partial<ScheduledChange> = {}): ScheduledChange => ({
  ...{
    id: 'a',
    verb,
    at: '2026-12-02T04:00:00.000Z',
    input: { version: '16.4.7' },
    reason: 'monthly',
    by: 'token:ops',
  },
  ...{ role: 'operator', acceptedAt: '2026-12-01T12:00:00.000Z', ...changes },
});
const undone = (day: string) => ({ state: 'missed' as const, at: at(`${day}T04:00:00`).toISOString(), reason: 'x' });

describe('a time', () => {
  it.each<[text: string, fault: RegExp | null]>([
    ['2026-12-01T00:00:00Z', /must lie in the future/],
    ['2026-12-01T12:00:00Z', /must lie in the future/],
    ['2026-12-01T13:00:01+01:00', null],
    ['2027-12-02T12:00:00Z', null],
    ['2027-12-02T12:00:01Z', /within a year/],
    ['soon', /must lie in the future/],
  ])('%s, seen at noon of 1 December', (text, fault) => {
    const read = () => requireTime(text, at('01T12:00:00'));
    if (fault) expect(read).toThrow(fault);
    else expect(read()).toEqual(new Date(text));
  });
});

describe('what a person does', () => {
  type Row = [what: string, by: string, at: string, decided: string | null, isForward: boolean, left: ScheduledVerb[]];
  const ALL: ScheduledVerb[] = ['roll-forward', 'roll-back', 'pin', 'withdraw'];
  it.each<Row>([
    ['back, after all were accepted', 'token:ann', '01T13:00:00', null, false, []],
    ['forward, after all were accepted', 'token:ann', '01T13:00:00', null, true, ['roll-forward']],
    ['by a machine', 'system:promotion', '01T13:00:00', null, false, ALL],
    ['scheduled before them, and carried out now', 'token:ann', '01T13:00:00', '01T11:00:00', false, ALL],
    ['scheduled after them, and carried out now', 'token:ann', '01T13:00:00', '01T12:30:00', false, []],
  ])('%s', (_, by, when, decided, isForward, left) => {
    const scheduled = ALL.map((verb) => change(verb, { id: verb }));
    const act = { by, at: at(when), reason: 'incident', ...(decided ? { decidedAt: at(decided) } : {}) };
    const after = overtake(scheduled, act, isForward) ?? [];
    expect(after.flatMap((each) => (each.undone ? [] : each.verb))).toEqual(left);
    for (const each of after.filter((one) => one.undone)) {
      expect(each.undone).toMatchObject({ state: 'overtaken', reason: 'token ann changed the channel: incident' });
    }
  });

  it('leaves alone what was not carried out before, and a channel without any', () => {
    const missed = change('pin', { undone: undone('01') });
    expect(overtake([missed], { by: 'token:ann', at: at('02T00:00:00'), reason: 'x' }, false)).toEqual([missed]);
    expect(overtake(undefined, { by: 'token:ann', at: at('02T00:00:00'), reason: 'x' }, false)).toBeUndefined();
  });
});

describe('the changes of a channel', () => {
  it('are in the order of their times, ten that wait at most', () => {
    const ten = Array.from({ length: 10 }, (_, nth) => change('pin', { id: String(nth) }));
    const early = change('pin', { id: 'early', at: '2026-12-02T03:00:00.000Z' });
    expect(addScheduled(ten.slice(1), early, at('01T12:00:00')).map(({ id }) => id)[0]).toBe('early');
    expect(() => addScheduled(ten, early, at('01T12:00:00'))).toThrow(/10 changes of this channel/);
    const missed = ten.map((each) => ({ ...each, undone: undone('01') }));
    expect(addScheduled(missed, early, at('01T12:00:00'))).toHaveLength(11);
  });

  it('are shown for a week after they were not carried out', () => {
    const scheduled = undo([change(), change('pin', { id: 'b' })], 'a', undone('02'));
    expect(shownAt(scheduled, at('09T03:59:59'))).toHaveLength(2);
    expect(shownAt(scheduled, at('09T04:00:00'))).toMatchObject([{ id: 'b' }]);
    expect(withoutScheduled(scheduled, 'b')).toMatchObject([{ id: 'a', undone: { state: 'missed' } }]);
    expect(withoutScheduled([change()], 'a')).toBeUndefined();
  });

  it('say why they were not carried out within what a document takes', () => {
    // A refusal names each version of the agents that would be stranded, of which there may be 400.
    const reason = 'agents would skip a major; '.repeat(400);
    const [left] = undo([change()], 'a', { state: 'refused', at: at('02T00:00:00').toISOString(), reason });
    expect(scheduledChanges.safeParse([{ ...left, id: '0123456789ab' }]).success).toBe(true);
    expect(left?.undone?.reason).toMatch(/^agents would skip a major; .*…$/);
  });

  it('that were not carried out are ten at most', () => {
    const many = Array.from({ length: 15 }, (_, nth) => change('pin', { id: String(nth), undone: undone('01') }));
    expect(undo([...many, change()], 'a', undone('02')).map(({ id }) => id)).toEqual([
      '6',
      '7',
      '8',
      '9',
      '10',
      '11',
      '12',
      '13',
      '14',
      'a',
    ]);
  });

  it('are named in a sentence, and by the command that does the same', () => {
    expect(describeScheduled(change())).toBe('roll-forward to 16.4.7 at 2026-12-02 04:00 UTC');
    expect(describeScheduled(change('withdraw', { input: {} }))).toBe('withdraw at 2026-12-02 04:00 UTC');
    const input = { version: '16.4.7', stepped: true, overrideFreeze: true };
    expect(commandOf('beta', change('roll-forward', { input, reason: 'it "works"' }))).toBe(
      'fairway roll-forward beta 16.4.7 --stepped --override-freeze --reason "it \\"works\\""',
    );
    const evil = change('withdraw', { input: {}, reason: "it's $(reboot)" });
    expect(commandOf('beta', evil)).toBe(`fairway withdraw beta --reason 'it'\\''s $(reboot)'`);
  });
});

describe('a move forward is barred', () => {
  const said = (by: string, when: string) => ({ by, at: at(when).toISOString(), reason: 'why' });
  const [before, later] = ['01T11:00:00', '01T13:00:00'];
  const progress = (changes: object) => ({
    progress: { state: 'paused', groups: [], halted: null, paused: null, ...changes },
  });
  const back = (since: string) => [{ settings: { name: 'dev' }, state: 'rolledback', since: at(since).toISOString() }];
  it.each<[what: string, channel: object, bar: RegExp | null]>([
    ['not by nothing', {}, null],
    ['by a hold of the watch since', { hold: said('system:watch', later) }, /^beta is held by system watch: why/],
    ['not by an older one', { hold: said('system:watch', before) }, null],
    ['not by a hold of a person, which overtakes at once', { hold: said('token:ann', later) }, null],
    [
      'by a pause since',
      progress({ paused: said('token:ann', later) }),
      /^the rollout of beta was paused at .* by token ann/,
    ],
    ['not by an older pause', progress({ paused: said('token:ann', before) }), null],
    [
      'by a group that was rolled back since',
      progress({ groups: back(later) }),
      /^group dev of beta was rolled back at/,
    ],
    ['not by one rolled back before', progress({ groups: back(before) }), null],
  ])('%s', (_, channel, bar) => {
    const found = barredBy({ name: 'beta', hold: null, served: [], ...channel } as unknown as Channel, change());
    if (bar) expect(found).toMatch(bar);
    else expect(found).toBeNull();
    expect(barredBy({ name: 'beta', hold: null, ...channel } as Channel, change('roll-back'))).toBeNull();
  });
});
