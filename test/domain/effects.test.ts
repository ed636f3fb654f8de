import { describe, expect, it } from 'vitest';
import type { Channel } from '../../src/domain/channel.ts';
import type { Report } from '../../src/domain/compatibility.ts';
import { afterRefusal, type CountedAgents, countEffects, movesAgents } from '../../src/domain/effects.ts';

const counted = (versions: Record<string, number>) =>
  Object.entries(versions).map(([version, count]) => ({ version, count }));

function census(versions: Record<string, number>, more: Partial<CountedAgents> = {}): CountedAgents {
  const agents = Object.values(versions).reduce((sum, count) => sum + count, more.unreadable ?? 0);
  return { agents, versions: counted(versions), unreadable: 0, stranded: 0, target: '16.4.6', sources: [], ...more };
}

type Judged = Pick<Report, 'agents' | 'stranded' | 'reasons' | 'warnings'>;
const report = (agents: number, more: Partial<Judged> = {}): Judged => ({
  ...{ agents, stranded: 0, reasons: [], warnings: [] },
  ...more,
});

const tooOld = (version: string, count: number) => ({ reason: 'agent_too_old' as const, version, count, detail: '' });
const NONE = { up: 0, back: 0, stay: 0, strand: 0, already: 0 };

describe('the effects of a change', () => {
  it.each<[string, string | null, CountedAgents, Judged | null, Partial<typeof NONE>]>([
    [
      'agents above the target go back',
      '16.4.6',
      census({ '16.4.3': 60, '16.4.7': 40, '16.4.6': 3 }),
      report(103),
      { up: 60, back: 40, stay: 3 },
    ],
    ['build metadata makes no difference', '16.4.6', census({ '16.4.6+fips.1': 2 }), report(2), { stay: 2 }],
    [
      'stranded agents go nowhere',
      '17.0.0',
      census({ '16.4.6': 5, '15.4.7': 2 }),
      report(7, { stranded: 2, reasons: [tooOld('15.4.7', 2)] }),
      { up: 5, strand: 2 },
    ],
    [
      'agents that were stranded before hold up no way back',
      '16.4.6',
      census({ '16.4.7': 5, '14.3.2': 2 }),
      report(7, { warnings: [{ ...tooOld('14.3.2', 2), reason: 'already_stranded' }] }),
      { back: 5, already: 2 },
    ],
    [
      'a control plane that refuses all of them strands all of them',
      '17.0.0',
      census({ '16.4.6': 5 }),
      report(5, { stranded: 5, reasons: [{ reason: 'target_ahead_of_control_plane', detail: '' }] }),
      { strand: 5 },
    ],
    ['without a target they stay', null, census({ '16.4.6': 5 }), null, { stay: 5 }],
    [
      'what the present target strands is said without a report',
      '16.4.6',
      census({ '16.4.6': 5, '14.3.2': 2 }, { stranded: 2 }),
      null,
      { stay: 5, strand: 2 },
    ],
    ['so is what another one strands', '17.0.0', census({ '15.4.7': 2, '16.4.6': 1 }), null, { up: 1, strand: 2 }],
    ['unreadable agents install the target too', '16.4.6', census({}, { unreadable: 4 }), report(4), { up: 4 }],
    [
      'presumed agents count beside check-ins',
      '16.4.7',
      census(
        { '16.4.7': 1 },
        {
          sources: [
            { source: 'check-ins', versions: counted({ '16.4.7': 1 }), skipped: 0 },
            { source: 'presumed', versions: counted({ '16.4.6': 1, '16.4.7': 1 }), skipped: 0 },
          ],
        },
      ),
      report(3),
      { up: 1, stay: 2 },
    ],
  ])('%s', (_, target, agents, judged, expected) => {
    expect(countEffects({ target }, agents, judged)).toEqual({ ...NONE, ...expected });
  });
});

describe('a change', () => {
  const MARK = { by: 'token:a', at: '2026-11-22T18:00:00.000Z', until: null, reason: 'now' };
  const plan = { target: '17.0.0', route: ['16.4.6', '17.0.0'], step: 0, critical: false };
  const present: Pick<Channel, 'target' | 'critical' | 'pin' | 'plan'> = {
    target: '16.4.6',
    critical: MARK,
    pin: null,
    plan: { ...plan, startedBy: '', startedAt: '', reason: '' },
  };

  it.each([
    ['that moves the target moves agents', { target: '16.4.7', critical: null }, true],
    ['that clears the critical mark moves agents at another time', { target: '16.4.6', critical: null }, true],
    ['that gives the mark another end moves none', { target: '16.4.6', critical: { ...MARK, until: MARK.at } }, false],
  ])('%s', (_, after, moves) => {
    expect(movesAgents(present, after)).toBe(moves);
  });

  it('that was refused would have ended the marks and the plan of the target before', () => {
    expect(afterRefusal(present, '16.4.5', null)).toEqual({ target: '16.4.5', critical: null, pin: null, plan: null });
    expect(afterRefusal(present, '16.4.5', MARK).critical).toBe(MARK);
    const unhurried: typeof present = { ...present, critical: null };
    expect(afterRefusal(unhurried, '16.4.6', MARK)).toEqual(present);
  });
});
