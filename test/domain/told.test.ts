import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Channel,
  createChannel,
  DEFAULT_SETTINGS,
  rollBack,
  rollForward,
  withdraw,
} from '../../src/domain/channel.ts';
import {
  type GroupProgress,
  type GroupState,
  numberOf,
  type Rollout,
  type RolloutState,
  rememberNumbers,
} from '../../src/domain/rollout.ts';
import { DEFAULT_GROUP, type RolloutSettings } from '../../src/domain/rollout-settings.ts';
import { membershipOf, prepareGroupOf, servedTo } from '../../src/domain/told.ts';
import { requireVersion } from '../../src/domain/version.ts';

const AT = new Date('2026-11-27T12:00:00Z');
const ACT = { by: 'token:ann', at: AT, reason: 'test' };
const [S, T] = ['16.4.6', '16.4.7'];
const ID = '0123456789abcdef';

const group = (name: string, over: Partial<RolloutSettings['groups'][number]> = {}) => ({
  ...{ ...DEFAULT_GROUP, name, match: [name] },
  ...over,
});
const progressOf = (state: GroupState, over: Partial<GroupProgress> = {}): GroupProgress => ({
  ...{ settings: group('dev'), state, from: S, since: AT.toISOString(), startedAt: AT.toISOString() },
  ...{ wave: 50, waveSince: null, present: 10, canaries: [], counted: false },
  ...over,
});

/** A channel in the middle of a rollout with one group. */
function rolling(of: GroupProgress, over: Partial<Rollout> = {}, settings: Partial<RolloutSettings> = {}): Channel {
  const { settings: its } = of;
  const rollout: RolloutSettings = { strategy: 'halt-on-error', groups: [its], unmatched: 'last', ...settings };
  const channel = createChannel('stable/cloud', { ...DEFAULT_SETTINGS, rollout }, requireVersion(T), ACT);
  const progress: Rollout = {
    ...{ id: ID, from: S, to: T, state: 'active', strategy: rollout.strategy, unmatched: rollout.unmatched },
    ...{ startedAt: AT.toISOString(), startedBy: 'token:ann', reason: 'test', since: AT.toISOString() },
    ...{ halted: null, paused: null, groups: [of] },
    ...over,
  };
  return { ...channel, progress };
}

/** Two agents of which the first is below a wave of 50 %, and the second is not. */
const candidates = Array.from({ length: 100 }, (_, nth) => `agent-${nth}`);
const BELOW = candidates.find((id) => numberOf(ID, id) < 0.5) as string;
const ABOVE = candidates.find((id) => numberOf(ID, id) >= 0.5) as string;

function told(channel: Channel, id: string, spelling: string | null = 'dev', at = AT) {
  const groupOf = prepareGroupOf(channel, {})?.groupOf ?? null;
  const { v1, v2, auto } = servedTo(channel, groupOf, { id, group: spelling }, at);
  return { v1, v2, auto };
}

describe('what agents are told', () => {
  const canary = progressOf('canary', { canaries: [{ id: BELOW, host: null }] });
  const window = { start: '04:00', for: '1h', timeZone: 'UTC' };
  const timed = { strategy: 'time-based' as const };
  const closed = progressOf('done', { settings: group('dev', { window }) });
  const open = progressOf('done', { settings: group('dev', { window: { ...window, start: '11:30' } }) });

  // The table in docs/rollouts.md, row by row.
  it.each<[row: string, channel: Channel, id: string, v1: string | null, v2: string | null, auto: boolean]>([
    ['unstarted', rolling(progressOf('unstarted')), BELOW, S, S, false],
    ['canary, is a canary', rolling(canary), BELOW, T, T, true],
    ['canary, is none', rolling(canary), ABOVE, S, S, false],
    ['active, number below the wave', rolling(progressOf('active')), BELOW, T, T, true],
    ['active, not yet', rolling(progressOf('active')), ABOVE, S, S, false],
    [
      'active, was a canary',
      rolling(progressOf('active', { canaries: [{ id: ABOVE, host: null }] })),
      ABOVE,
      T,
      T,
      true,
    ],
    ['active at 100 %', rolling(progressOf('active', { wave: 100 })), ABOVE, T, T, true],
    ['done', rolling(progressOf('done')), ABOVE, T, T, true],
    ['done, time-based, outside the window', rolling(closed, timed, timed), ABOVE, T, T, false],
    ['done, time-based, in the window', rolling(open, timed, timed), ABOVE, T, T, true],
    ['rolledback', rolling(progressOf('rolledback')), BELOW, S, S, true],
    ['withdrawn', withdraw(rolling(progressOf('active')), ACT), BELOW, null, null, false],
  ])('%s', (_, channel, id, v1, v2, auto) => {
    expect(told(channel, id)).toEqual({ v1, v2, auto });
  });

  it.each<RolloutState>(['paused', 'halted'])('%s: nobody new, and v2 updaters stay', (state) => {
    const stopped = (of: GroupProgress) => rolling(of, { state });
    expect(told(stopped(progressOf('active')), BELOW)).toEqual({ v1: T, v2: T, auto: false });
    expect(told(stopped(progressOf('active')), ABOVE)).toEqual({ v1: S, v2: S, auto: false });
    expect(told(stopped(canary), BELOW)).toEqual({ v1: T, v2: T, auto: false });
    expect(told(stopped(progressOf('done')), ABOVE)).toEqual({ v1: T, v2: T, auto: false });
  });

  // RFD 184, "Updater APIs": the response matrix, cell by cell. A canary is told v2 here, so that it can update.
  it.each<[status: RolloutState, group: GroupState, version: string, should: boolean]>([
    ['paused', 'unstarted', S, false],
    ['paused', 'canary', S, false],
    ['paused', 'active', T, false],
    ['paused', 'done', T, false],
    ['paused', 'rolledback', S, false],
    ['active', 'unstarted', S, false],
    ['active', 'canary', S, false],
    ['active', 'active', T, true],
    ['active', 'done', T, true],
    ['active', 'rolledback', S, true],
  ])('follows RFD 184 for a rollout that is %s and a group that is %s', (state, of, version, should) => {
    const { v2, auto } = told(rolling(progressOf(of), { state }), BELOW);
    expect({ version: v2, should: auto }).toEqual({ version, should });
  });

  it('gives an agent that says nothing of itself the target once its group is through', () => {
    const anonymous = (of: GroupProgress) => {
      const channel = rolling(of);
      const groupOf = prepareGroupOf(channel, {})?.groupOf ?? null;
      return servedTo(channel, groupOf, { id: undefined, group: null }, AT).v1;
    };
    expect(anonymous(canary)).toBe(S);
    expect(anonymous(progressOf('active', { wave: 99 }))).toBe(S);
    expect(anonymous(progressOf('active', { wave: 100 }))).toBe(T);
    expect(anonymous(progressOf('done'))).toBe(T);
  });

  it('holds back agents of no group where the channel says so', () => {
    const hold = { unmatched: 'hold' as const };
    expect(told(rolling(progressOf('done'), {}, hold), BELOW, 'other')).toEqual({ v1: null, v2: S, auto: false });
    expect(told(rolling(progressOf('done'), {}, hold), BELOW, 'DEV')).toEqual({ v1: T, v2: T, auto: true });
    expect(told(rolling(progressOf('done'), { state: 'done' }, hold), BELOW, null)).toMatchObject({ v1: null, v2: T });
  });

  it('lets v2 updaters stay where the watch has halted a move, and go back where it has taken one back', () => {
    const first = createChannel('x', DEFAULT_SETTINGS, requireVersion(S), ACT);
    const moved = rollForward(first, requireVersion(T), false, ACT);
    const byWatch = { ...ACT, by: 'system:watch' };
    const halted = { ...moved, hold: { by: byWatch.by, at: AT.toISOString(), reason: 'x' } };
    expect(told(halted, BELOW)).toEqual({ v1: T, v2: T, auto: false });
    expect(told(rollBack(halted, requireVersion(S), false, byWatch), BELOW)).toEqual({ v1: S, v2: S, auto: true });
  });

  it('opens a window of a channel without groups for v2 updaters, and critical opens it too', () => {
    const channel = createChannel('x', { ...DEFAULT_SETTINGS, window }, requireVersion(T), ACT);
    const critical = { ...channel, critical: { reason: 'CVE', by: 'x', at: AT.toISOString(), until: null } };
    expect(told(channel, BELOW)).toEqual({ v1: T, v2: T, auto: false });
    expect(told(channel, BELOW, null, new Date('2026-11-27T04:30:00Z'))).toMatchObject({ auto: true });
    expect(told(critical, BELOW)).toMatchObject({ auto: true });
  });
});

describe('the group of an agent', () => {
  const progress = progressOf('active', { settings: group('dev', { match: ['dev', 'Development'] }) });
  const channel = rolling(progress);
  const channels = new Map([['stable/cloud', channel]]);
  const settings = { defaultChannel: 'stable/cloud', groups: { 'Prod-EU': { channel: 'stable/cloud', group: 'dev' } } };

  it.each<[spelling: string | null, group: string | null]>([
    ['dev', 'dev'],
    ['DEVELOPMENT', 'dev'],
    ['prod-eu', 'dev'],
    ['other', null],
    [null, null],
  ])('%s is %s', (spelling, expected) => {
    const of = prepareGroupOf(rolling(progress, { unmatched: 'hold' }), settings.groups);
    expect(of?.groupOf(spelling)).toBe(expected);
  });

  it('is mapped where the default channel has it', () => {
    const resolve = membershipOf(channels, settings);
    expect(resolve('development')).toMatchObject({ channel: 'stable/cloud', mapped: true });
    expect(resolve('other')).toMatchObject({ channel: 'stable/cloud', mapped: false });
  });
});

describe('the number of an agent', () => {
  const page = readFileSync('docs/rollouts.md', 'utf8');
  const vectors = [...page.matchAll(/^\| `(.+?):(.+)` \| (0\.\d+) \|$/gm)].map(
    ([, rollout = '', agent = '', number]) => ({
      ...{ rollout, agent, number: Number(number) },
    }),
  );

  it('has ten test vectors in docs/rollouts.md', () => expect(vectors).toHaveLength(10));

  it.each(vectors)('of $rollout:$agent is $number', ({ rollout, agent, number }) => {
    expect(numberOf(rollout, agent)).toBe(number);
  });

  it('is remembered for the rollout that asked last, of a bounded number of agents', () => {
    const numbers = rememberNumbers(2);
    for (const agent of ['a', 'b', 'c', 'a', 'c']) {
      for (const rollout of [ID, ID, 'fedcba9876543210'])
        expect(numbers(rollout, agent)).toBe(numberOf(rollout, agent));
    }
  });
});
