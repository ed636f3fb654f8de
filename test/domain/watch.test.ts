import { describe, expect, it } from 'vitest';
import {
  type Channel,
  createChannel,
  DEFAULT_SETTINGS,
  release,
  rollBack,
  rollForward,
} from '../../src/domain/channel.ts';
import { type Rollout, takeStep } from '../../src/domain/rollout.ts';
import { DEFAULT_GROUP } from '../../src/domain/rollout-settings.ts';
import { type GroupFacts, NO_FACTS } from '../../src/domain/rollout-step.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { beforeMove, isBaseOf, judgeMove, takeBase, type WatchFacts, watchedMove } from '../../src/domain/watch.ts';
import { DEFAULT_WATCH, readShare, type WatchSettings } from '../../src/domain/watch-settings.ts';
import { said } from '../../src/http/schemas/fields.ts';

const AT = new Date('2026-11-27T12:00:00Z');
const ACT = { by: 'token:ann', at: AT, reason: 'test' };
const HOUR = 3_600_000;
const later = (hours: number) => new Date(AT.getTime() + hours * HOUR);
const facts = (group: Partial<GroupFacts>, over: Partial<WatchFacts> = {}): WatchFacts => ({
  groups: [{ ...NO_FACTS, told: 100, heard: 100, ...group }],
  ...{ present: 100, failedBefore: 0, controlPlane: { was: null, is: null }, conditions: [] },
  ...over,
});

describe('a move', () => {
  it.each<[what: string, facts: WatchFacts, reason: RegExp | null, settings?: Partial<WatchSettings>]>([
    ['all is well', facts({}), null],
    ['two agents went back', facts({ reverted: 2, told: 10 }), null],
    [
      'three agents went back',
      facts({ reverted: 3 }),
      /^3 agents of 100 that were told went back by themselves \(limit 2%\)$/,
    ],
    ['three of many went back', facts({ reverted: 3, told: 150 }), null],
    ['names', facts({ reverted: 3, names: { reverted: ['a', 'b', 'c'], silent: [], failed: [] } }), /: a, b, c$/],
    ['ten fell silent', facts({ heard: 90 }), null],
    ['eleven fell silent', facts({ heard: 89 }), /^11 agents of 100 fell silent/],
    ['most fell silent, as in an outage', facts({ heard: 49 }), null],
    ['five fail', facts({ failed: 5 }), null],
    ['six fail', facts({ failed: 6 }), /^6 agents of 100 have an updater that fails/],
    ['six fail as before', facts({ failed: 6 }, { failedBefore: 3 }), null],
    ['a condition fails', facts({}, { conditions: ['the condition x fails'] }), /^the condition x fails$/],
    [
      'the control plane went back',
      facts({}, { controlPlane: { was: '16.4.8', is: '16.4.7' } }),
      /from 16.4.8 to 16.4.7/,
    ],
    ['the control plane went on', facts({}, { controlPlane: { was: '16.4.7', is: '16.4.8' } }), null],
    ['another limit', facts({ reverted: 10 }), null, { maxReverted: 0.1 }],
  ])('is judged where %s', (_, known, reason, settings = {}) => {
    const found = judgeMove({ ...DEFAULT_WATCH, ...settings }, known);
    if (reason === null) expect(found).toBeNull();
    else expect(found).toMatch(reason);
  });

  it('says why within what a document takes as the reason of a hold', () => {
    const conditions = Array.from({ length: 20 }, (_, nth) => `the condition c${nth} fails: ${'x'.repeat(100)}`);
    const reason = judgeMove(DEFAULT_WATCH, facts({}, { conditions })) ?? '';
    expect(said.reason.safeParse(reason).success).toBe(true);
    expect(reason).toMatch(/^the condition c0 fails: .*…$/);
  });

  it.each<[string | number, number | null]>([
    ['2%', 0.02],
    ['0.5%', 0.005],
    [0.02, 0.02],
    ['101%', null],
    [2, null],
    ['2', null],
    ['', null],
  ])('has the limit %s', (share, value) => expect(readShare(share)).toBe(value));

  const channel = (over: Partial<Channel> = {}) => ({
    ...createChannel('x', DEFAULT_SETTINGS, requireVersion('16.4.6'), { ...ACT, at: later(-5) }),
    ...over,
  });
  const forward = (from: Channel) => rollForward(from, requireVersion('16.4.7'), false, ACT);
  const GROUPS = { strategy: 'halt-on-error' as const, unmatched: 'last' as const, groups: [] };

  it('is watched for two hours, and a way back is not', () => {
    const moved = forward(channel());
    expect(watchedMove(channel(), AT)).toBeNull();
    expect(watchedMove(moved, later(1.99))).toMatchObject({ plain: true, since: AT.getTime() });
    expect(watchedMove(moved, later(2))).toBeNull();
    expect(watchedMove(rollBack(moved, requireVersion('16.4.6'), false, ACT), AT)).toBeNull();
  });

  it('is forgiven what happened before a person let it go', () => {
    const held = { ...forward(channel()), hold: { by: 'system:watch', at: AT.toISOString(), reason: 'x' } };
    expect(watchedMove(release(held, { ...ACT, at: later(1) }), later(1))).toMatchObject({ since: later(1).getTime() });
    const person = { ...held, hold: { ...held.hold, by: 'token:ann' } };
    expect(watchedMove(release(person, { ...ACT, at: later(1) }), later(1))).toMatchObject({ since: AT.getTime() });
  });

  it('is compared with what each group began with, and after a person let it go with what was there then', () => {
    const groups = ['dev', 'prod'].map((name) => ({ ...DEFAULT_GROUP, name, match: [name] }));
    const { progress } = forward(channel({ rollout: { ...GROUPS, groups } }));
    const started = takeStep(
      progress as Rollout,
      { group: 'dev', event: 'skip-canaries', reason: '', present: 50, failed: 4 },
      AT,
    );
    const found = new Map([['dev', { ...NO_FACTS, heard: 40, failed: 6 }]]);
    const moveOf = (rollout: Rollout) => ({ rollout, plain: false, since: 0 });
    const wasBefore = (rollout: Rollout) => {
      const move = moveOf(rollout);
      return beforeMove(move, takeBase('x', move, found, null, AT));
    };
    expect(wasBefore(started)).toEqual({ present: 50, failed: 4 });
    const resumed = { ...started, resumedAt: AT.toISOString() };
    expect(wasBefore(resumed)).toEqual({ present: 40, failed: 6 });
    expect(isBaseOf(takeBase('x', moveOf(started), found, null, AT), moveOf(resumed))).toBe(false);
    const both = takeStep(
      resumed,
      { group: 'prod', event: 'skip-canaries', reason: '', present: 9, failed: 1 },
      later(1),
    );
    expect(beforeMove(moveOf(both), takeBase('x', moveOf(resumed), found, null, AT))).toEqual({
      present: 49,
      failed: 7,
    });
  });

  it('with groups is watched until two hours after it was done', () => {
    const rolling = forward(channel({ rollout: GROUPS }));
    expect(watchedMove(rolling, later(100))).toMatchObject({ plain: false });
    const progress = { ...(rolling.progress as NonNullable<Channel['progress']>), state: 'done' as const };
    expect(watchedMove({ ...rolling, progress }, later(1.99))).not.toBeNull();
    expect(watchedMove({ ...rolling, progress }, later(2))).toBeNull();
  });
});
