import { describe, expect, it } from 'vitest';
import { rolloutMarks } from '../../src/dashboard/rollout-marks.ts';
import { sharesOfGroup } from '../../src/dashboard/rollout-shares.ts';
import { describeGroup } from '../../src/dashboard/rollout-words.ts';
import type { AuditEntry } from '../../src/domain/audit.ts';
import { createRollout, stopRollout, takeStep } from '../../src/domain/rollout.ts';
import { DEFAULT_GROUP, type RolloutGroup } from '../../src/domain/rollout-settings.ts';

const group = (name: string, more: Partial<RolloutGroup> = {}): RolloutGroup => ({
  ...DEFAULT_GROUP,
  ...{ name, match: [name], ...more },
});

describe('the bar of a group', () => {
  const NONE = { agents: 0, told: 0, atTarget: 0, reverted: 0, failed: 0, vanished: 0 };
  it.each<[string, Partial<typeof NONE>, string]>([
    ['nobody', {}, ''],
    ['nobody told', { agents: 40 }, 'notYet 40'],
    ['a wave', { agents: 40, told: 10, atTarget: 6 }, 'atTarget 6, told 4, notYet 30'],
    ['all there', { agents: 40, told: 40, atTarget: 40 }, 'atTarget 40'],
    [
      'all that can go wrong',
      { agents: 40, told: 20, atTarget: 5, reverted: 4, failed: 3, vanished: 2 },
      'atTarget 5, reverted 4, failed 3, vanished 2, told 8, notYet 18',
    ],
    [
      'more than there are',
      { agents: 3, told: 3, atTarget: 2, reverted: 2, failed: 2, vanished: 9 },
      'atTarget 2, reverted 1',
    ],
    ['some there before their turn', { agents: 10, told: 1, atTarget: 4 }, 'atTarget 4, notYet 6'],
  ])('has each agent once: %s', (_, counts, shown) => {
    const shares = sharesOfGroup({ ...NONE, ...counts });
    expect(shares.map(({ share, count }) => `${share} ${count}`).join(', ')).toBe(shown);
    expect(shares.reduce((sum, { count }) => sum + count, 0)).toBe(counts.agents ?? 0);
  });
});

describe('the marks of a chart', () => {
  const at = (minute: number) => new Date(Date.UTC(2026, 10, 22, 10, minute));
  const act = (minute: number) => ({ by: 'token:a', at: at(minute), reason: 'test' });
  const settings = {
    strategy: 'halt-on-error' as const,
    unmatched: 'last' as const,
    groups: [group('dev'), group('prod', { waves: [10, 50, 100] })],
  };
  let rollout = createRollout('x', settings, '16.4.6', '16.4.7', null, act(0));
  const step = (name: string, event: 'skip-canaries' | 'widen' | 'finish', minute: number) => {
    rollout = takeStep(rollout, { group: name, event, reason: 'test' }, at(minute));
  };
  step('dev', 'skip-canaries', 1);
  step('dev', 'finish', 5);
  step('prod', 'skip-canaries', 6);
  step('prod', 'widen', 8);
  rollout = stopRollout(rollout, 'halt', act(9));
  const words = (entries: AuditEntry[]) =>
    rolloutMarks(rollout, entries).map((mark) => `${new Date(mark.at).getUTCMinutes()} ${mark.words}`);

  it('are the steps of the last rollout, oldest first', () => {
    expect(words([])).toEqual([
      '0 rollout begins',
      '1 dev begins',
      '5 dev done',
      '6 prod begins',
      '8 prod 50 %',
      '9 halted',
    ]);
    expect(rolloutMarks(null, [])).toEqual([]);
  });

  it('have the waves that the log still names, and none of another rollout', () => {
    const widened = (minute: number, wave: number, of = rollout.id) =>
      ({
        action: 'rollout-widen',
        at: at(minute).toISOString(),
        after: { rollout: of, group: 'prod', wave },
      }) as AuditEntry;
    expect(words([widened(8, 50), widened(7, 20), widened(2, 20, 'other')])).toEqual([
      '0 rollout begins',
      '1 dev begins',
      '5 dev done',
      '6 prod begins',
      '7 prod 20 %',
      '8 prod 50 %',
      '9 halted',
    ]);
  });
});

it.each<[Partial<RolloutGroup>, string]>([
  [{}, 'all at once'],
  [{ canaries: 1, waves: [10, 100] }, '1 canary; waves of 10, 100 %'],
  [
    { window: { start: '04:00', for: '6h', timeZone: 'Europe/Berlin' }, waitHours: 24 },
    'all at once; daily at 04:00 Europe/Berlin for 6h; 24 h after the group before',
  ],
  [{ waves: [10, 100], soak: '1h' }, 'waves of 10, 100 %; each watched for 1h'],
  [{ days: ['Mon', 'Tue'] }, 'all at once; Mon, Tue'],
])('says how a group goes: %j', (more, words) => {
  expect(describeGroup(group('dev', more))).toBe(words);
});
