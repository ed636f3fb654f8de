import { describe, expect, it } from 'vitest';
import { changeEvents } from '../../src/domain/change-events.ts';
import {
  createPromotion,
  type Promotion,
  type Stage,
  type StageProgress,
  WAITING,
} from '../../src/domain/promotion.ts';
import { listedRelease, type Release } from '../../src/domain/release.ts';

const VERSION = '17.0.0-cloud.20241112T101530.f00dfac';
const AT = '2026-03-01T12:00:00.000Z';
const stages = ['canary', 'internal'].map((name, index) => ({
  ...{ name, channels: [name], controlPlanes: [], accepts: ['cloud'], signOff: index > 0 },
})) as unknown as Stage[];

const change = (pr: number, over = {}) => ({
  pr,
  title: `change ${pr}`,
  author: 'zmb3',
  significant: true,
  signedOff: null,
  ...over,
});
const release = (over: Partial<Release> = {}): Release => ({
  ...listedRelease({ version: VERSION, cutAt: null, security: false }),
  changes: [change(4711), change(4712, { significant: false, author: undefined })],
  ...over,
});

type Progress = Partial<StageProgress>;
const promotion = (progress: Record<string, Progress>, over: Partial<Promotion> = {}): Promotion => ({
  ...createPromotion(VERSION, new Date(AT)),
  stages: Object.fromEntries(
    Object.entries(progress).map(([name, each]) => [name, { ...WAITING, since: AT, ...each }]),
  ),
  ...over,
});

interface Moment {
  release?: Release;
  promotion?: Promotion;
}
const stateOf = ({ release: its, promotion: way }: Moment) => ({
  releases: new Map(its ? [[VERSION, its]] : []),
  promotions: new Map(way ? [[VERSION, way]] : []),
});

const SAME = release();
const HALT = { by: 'system:watch', at: AT, reason: '3 agents went back', from: 'rolling' as const };
const SIGNED = release({ changes: [change(4711, { signedOff: { by: 'token:ann', at: AT } })] });

describe('an author is told', () => {
  it.each<[string, Moment, Moment, [kind: string, stage: string, prs: number[]][]]>([
    ['nothing of what stays', { release: SAME }, { release: SAME }, []],
    [
      'nothing of a stage that only began',
      { release: SAME },
      { release: SAME, promotion: promotion({ canary: { state: 'awaiting-control-plane' } }) },
      [],
    ],
    [
      'when their change reaches a stage',
      { release: SAME, promotion: promotion({ canary: { state: 'awaiting-control-plane' } }) },
      { release: SAME, promotion: promotion({ canary: { state: 'rolling' } }) },
      [['reached', 'canary', [4711, 4712]]],
    ],
    [
      'once, not for each state of the stage',
      { release: SAME, promotion: promotion({ canary: { state: 'rolling' } }) },
      { release: SAME, promotion: promotion({ canary: { state: 'soaking' } }) },
      [],
    ],
    [
      'when it is halted',
      { release: SAME, promotion: promotion({ canary: { state: 'rolling' } }) },
      { release: SAME, promotion: promotion({ canary: { state: 'halted', halted: HALT } }) },
      [['halted', 'canary', [4711, 4712]]],
    ],
    [
      'not again when it is resumed',
      { release: SAME, promotion: promotion({ canary: { state: 'halted', halted: HALT } }) },
      { release: SAME, promotion: promotion({ canary: { state: 'rolling' } }) },
      [],
    ],
    [
      'when the agents of a stage are halted by themselves',
      {
        release: SAME,
        promotion: promotion(
          { canary: { state: 'complete' } },
          { agents: { canary: { ...WAITING, state: 'rolling' } } },
        ),
      },
      {
        release: SAME,
        promotion: promotion(
          { canary: { state: 'complete' } },
          { agents: { canary: { ...WAITING, state: 'halted', halted: HALT } } },
        ),
      },
      [['halted', 'canary', [4711, 4712]]],
    ],
    [
      'when the next stage waits for their sign-off, if it is significant',
      { release: SAME, promotion: promotion({ canary: { state: 'soaking' } }) },
      { release: SAME, promotion: promotion({ canary: { state: 'complete' } }) },
      [['awaits-sign-off', 'internal', [4711]]],
    ],
    [
      'when a sign-off is withdrawn',
      { release: SIGNED, promotion: promotion({ canary: { state: 'complete' } }) },
      { release: SAME, promotion: promotion({ canary: { state: 'complete' } }) },
      [['awaits-sign-off', 'internal', [4711]]],
    ],
    [
      'nothing of a release that was superseded or pulled',
      { release: SIGNED },
      {
        release: release({ pulled: { by: 'token:ann', at: AT, reason: 'bad' } }),
        promotion: promotion({ canary: { state: 'complete' } }),
      },
      [['reached', 'canary', [4711, 4712]]],
    ],
    [
      'nothing of a release without changes',
      {},
      { release: release({ changes: [] }), promotion: promotion({ canary: { state: 'complete' } }) },
      [],
    ],
  ])('%s', (_, before, after, expected) => {
    const events = changeEvents(stateOf(before), stateOf(after), stages);
    expect(events.map(({ kind, stage, changes }) => [kind, stage, changes.map(({ pr }) => pr)])).toEqual(expected);
    for (const event of events) {
      expect(event.release).toBe(VERSION);
      expect(event.changes[0]).toEqual({ pr: 4711, title: 'change 4711', author: 'zmb3' });
      expect(event.reason).toBe(event.kind === 'halted' ? HALT.reason : null);
    }
  });
});
