import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createPromotion,
  currentStage,
  progressOf,
  STAGE_EVENTS,
  STAGE_STATES,
  type Stage,
  type StageEvent,
  standingOf,
  step,
  TRANSITIONS,
} from '../../src/domain/promotion.ts';
import { overtake, supersede } from '../../src/domain/promotion-halves.ts';

const stage = (name: string): Stage => ({
  name,
  channels: [],
  controlPlanes: [],
  accepts: ['cloud'],
  soak: 1000,
  automatic: false,
  signOff: true,
  approval: true,
  conditions: [],
});
const STAGES = ['canary', 'internal'].map(stage);
const act = (at = 0) => ({ by: 'token:rm', at: new Date(at), reason: 'it is time' });
const fresh = () => createPromotion('17.0.0-cloud.20241112T101530.f00dfac', new Date(0));
const run = (...events: StageEvent[]) =>
  events.reduce((promotion, event, index) => step(promotion, 'canary', event, act(index)), fresh());

describe('a stage', () => {
  it('goes its way', () => {
    const seen = ['start', 'control-planes-ready', 'channels-serve', 'soaked'] as const;
    expect(seen.map((_, count) => progressOf(run(...seen.slice(0, count + 1)), 'canary').state)).toEqual([
      'awaiting-control-plane',
      'rolling',
      'soaking',
      'complete',
    ]);
  });

  it('takes exactly the steps of the table, from every state', () => {
    const ways: Record<string, StageEvent[]> = {
      waiting: [],
      'awaiting-control-plane': ['start'],
      rolling: ['start', 'control-planes-ready'],
      soaking: ['start', 'control-planes-ready', 'channels-serve'],
      complete: ['start', 'control-planes-ready', 'channels-serve', 'soaked'],
      halted: ['start', 'halt'],
      superseded: ['supersede'],
      skipped: ['skip'],
    };
    for (const state of STAGE_STATES) {
      const promotion = run(...(ways[state] ?? []));
      expect(progressOf(promotion, 'canary').state).toBe(state);
      for (const event of STAGE_EVENTS) {
        const next = TRANSITIONS[state][event];
        const taking = () => progressOf(step(promotion, 'canary', event, act()), 'canary').state;
        if (!next) expect(taking, `${event} while ${state}`).toThrow(`stage canary is ${state}`);
        else expect(taking()).toBe(next === 'back' ? 'awaiting-control-plane' : next);
      }
    }
  });

  it('goes back to where it was halted, and then soaks anew', () => {
    const resumed = run('start', 'control-planes-ready', 'channels-serve', 'halt', 'resume');
    expect(progressOf(resumed, 'canary')).toMatchObject({
      state: 'soaking',
      halted: null,
      since: new Date(4).toISOString(),
    });
  });

  it('rolls again if a channel left while it soaked', () => {
    const halted = run('start', 'control-planes-ready', 'channels-serve', 'halt');
    const resumed = step(halted, 'canary', 'resume', { ...act(), left: 'channels' });
    expect(progressOf(resumed, 'canary').state).toBe('rolling');
    const waits = step(halted, 'canary', 'resume', { ...act(), left: 'control-planes' });
    expect(progressOf(waits, 'canary').state).toBe('awaiting-control-plane');
  });

  it('is never lost, whatever happens to it: only complete, superseded and skipped are ends', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...STAGE_EVENTS)), (events) => {
        let promotion = fresh();
        for (const event of events) {
          const before = progressOf(promotion, 'canary');
          try {
            promotion = step(promotion, 'canary', event, act());
          } catch {
            expect(progressOf(promotion, 'canary')).toEqual(before);
          }
          const { state, halted } = progressOf(promotion, 'canary');
          expect(STAGE_STATES).toContain(state);
          expect(halted !== null).toBe(state === 'halted');
        }
      }),
    );
  });
});

describe('a promotion', () => {
  it('is at the first stage that is not complete', () => {
    expect(currentStage(fresh(), STAGES)?.name).toBe('canary');
    const done = run('start', 'control-planes-ready', 'channels-serve', 'soaked');
    expect(currentStage(done, STAGES)?.name).toBe('internal');
  });

  it('is superseded in every stage that it has not completed', () => {
    const done = run('start', 'control-planes-ready', 'channels-serve', 'soaked');
    const ended = supersede(done, STAGES, '17.0.0-cloud.20241113T000000.f00dfac', act());
    expect(STAGES.map(({ name }) => progressOf(ended, name).state)).toEqual(['complete', 'superseded']);
    expect(() => supersede(ended, STAGES, '17.0.1', act())).toThrow('is over');
  });

  it('that is overtaken ends: what has begun is superseded, what has not is skipped', () => {
    const by = '17.0.0-cloud.20241113T000000.f00dfac';
    const ended = overtake(run('start', 'control-planes-ready', 'channels-serve'), STAGES, by, act());
    expect(STAGES.map(({ name }) => progressOf(ended, name))).toMatchObject([
      { state: 'superseded', ended: { reason: 'it is time' } },
      { state: 'skipped', ended: { reason: 'it is time' } },
    ]);
    expect(ended.supersededBy).toBe(by);
  });
});

describe('a stage without channels and control planes', () => {
  const [canary = stage('canary')] = STAGES;
  const done = run('start', 'control-planes-ready', 'channels-serve', 'soaked');

  it.each<[string, ReturnType<typeof fresh>, Partial<Stage>, string]>([
    ['is empty', fresh(), {}, 'empty'],
    ['is empty even while an older server has it soak', run('start', 'control-planes-ready'), {}, 'empty'],
    ['stays what it was once it is over', done, {}, 'complete'],
    ['stays halted', run('halt'), {}, 'halted'],
    ['is none with a channel', fresh(), { channels: ['a'] }, 'waiting'],
    ['is none with a control plane', fresh(), { controlPlanes: ['main'] }, 'waiting'],
  ])('%s', (_, promotion, over, state) => {
    expect(standingOf(promotion, { ...canary, ...over }).state).toBe(state);
  });
});
