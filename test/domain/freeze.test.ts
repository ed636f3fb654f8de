import { describe, expect, it } from 'vitest';
import {
  closedAt,
  type Freeze,
  freezeFault,
  frozenBy,
  ofSettings,
  type TargetMove,
  targetMove,
} from '../../src/domain/freeze.ts';

const freeze = (from: string, until: string, more: Partial<Freeze> = {}): Freeze => ({
  ...{
    from: `2026-12-${from}:00Z`,
    until: `2026-12-${until}:00Z`,
    reason: 'holidays',
    except: ['roll-back', 'critical'],
  },
  ...more,
});
const HOLIDAYS = freeze('23T00:00', '27T00:00');
const STRICT = freeze('23T00:00', '27T00:00', { except: [] });
const LONGER = freeze('24T00:00', '28T00:00', { reason: 'audit' });
const at = (time: string) => new Date(`2026-12-${time}Z`);

describe('a freeze', () => {
  it.each<[what: string, own: Freeze[], globals: Freeze[], time: string, move: TargetMove, reason: string | null]>([
    ['nothing without freezes', [], [], '24T00:00:00', 'forward', null],
    ['nothing before it begins', [], [HOLIDAYS], '22T23:59:59', 'forward', null],
    ['a move when it begins', [], [HOLIDAYS], '23T00:00:00', 'forward', 'holidays'],
    ['a move until just before its end', [], [HOLIDAYS], '26T23:59:59', 'forward', 'holidays'],
    ['nothing at its end', [], [HOLIDAYS], '27T00:00:00', 'forward', null],
    ['a move by the channel as well', [HOLIDAYS], [], '24T00:00:00', 'forward', 'holidays'],
    ['no roll-back by default', [HOLIDAYS], [HOLIDAYS], '24T00:00:00', 'roll-back', null],
    ['no critical target by default', [HOLIDAYS], [HOLIDAYS], '24T00:00:00', 'critical', null],
    ['a roll-back if it says so', [], [STRICT], '24T00:00:00', 'roll-back', 'holidays'],
    ['a critical target if it says so', [STRICT], [], '24T00:00:00', 'critical', 'holidays'],
    ['until the last one ends', [LONGER], [HOLIDAYS], '24T00:00:00', 'forward', 'audit'],
  ])('stops %s', (_, freezes, globals, time, move, reason) => {
    const found = frozenBy({ name: 'stable', freezes }, ofSettings(globals), at(time), move);
    expect(found?.reason ?? null).toBe(reason);
  });

  it('must end after it begins', () => {
    expect(freezeFault(HOLIDAYS)).toBeNull();
    expect(freezeFault(freeze('23T00:00', '23T00:00'))).toBe('until must be after from');
    // As times, not as texts.
    expect(freezeFault({ from: '2026-12-23T00:00:00+02:00', until: '2026-12-22T23:00:00Z' })).toBeNull();
  });
});

describe('the move of a target', () => {
  const MARK = {};
  it.each<
    [
      what: string,
      from: string | null,
      lineage: string[],
      to: string | null,
      critical: object | null,
      TargetMove | null,
    ]
  >([
    ['that stays', '16.4.6', [], '16.4.6', null, null],
    ['that is taken away', '16.4.6', [], null, null, null],
    ['to a newer version', '16.4.6', ['16.4.6'], '16.4.7', null, 'forward'],
    ['to a newer version that is critical', '16.4.6', ['16.4.6'], '16.4.7', MARK, 'critical'],
    ['to an older version', '16.4.6', ['16.4.6'], '16.4.5', MARK, 'roll-back'],
    ['after a withdrawal, on', null, ['16.4.6'], '16.4.7', null, 'forward'],
    ['after a withdrawal, back', null, ['16.4.6'], '16.4.5', null, 'roll-back'],
    ['that is the first one', null, [], '16.4.6', null, 'forward'],
  ])('%s', (_, from, lineage, to, critical, move) => {
    expect(targetMove({ target: from, lineage }, { target: to, critical })).toBe(move);
  });

  it('is none for a new channel', () => {
    expect(targetMove(null, { target: '16.4.6', critical: null })).toBeNull();
  });
});

describe('an automatic move', () => {
  const window = { start: '04:00', for: '6h', timeZone: 'Europe/Berlin' };
  const channel = { name: 'stable', window };

  it('waits for the window of a channel without groups, unless it is critical', () => {
    expect(closedAt(channel, [], at('22T02:59:59'), false)).toEqual({
      reason: 'window',
      detail: 'the window of stable opens at Tue 2026-12-22 04:00 Europe/Berlin',
    });
    expect(closedAt(channel, [], at('22T03:00:00'), false)).toBeNull();
    expect(closedAt(channel, [], at('22T02:00:00'), true)).toBeNull();
    expect(closedAt({ ...channel, rollout: {} }, [], at('22T02:00:00'), false)).toBeNull();
  });

  it('waits for a freeze before its window', () => {
    expect(closedAt(channel, ofSettings([HOLIDAYS]), at('24T02:00:00'), false)).toEqual({
      reason: 'frozen',
      detail: "stable is frozen until 2026-12-27 00:00 UTC by the server's settings: holidays",
    });
  });
});
