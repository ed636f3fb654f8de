import { describe, expect, it } from 'vitest';
import { PLANS, RECOMMENDED, scenarioOf } from '../../bench/rollout/plans.ts';
import { simulate } from '../../bench/rollout/simulation.ts';

const AGENTS = 2_000;
const [NO_GROUPS] = PLANS;

describe('a release, by the recommended settings', () => {
  it.each([1, 2, 3])('that breaks all agents hurts the canaries and nobody else (fleet %i)', (seed) => {
    const { hurt, installed, halted, next } = simulate(scenarioOf(RECOMMENDED, AGENTS, 1, seed));
    expect(hurt).toBe(3);
    expect(installed).toBeGreaterThanOrEqual(3);
    expect(halted?.reason ?? next).toMatch(/went back by themselves|canaries that were told/);
  });

  it.each([1, 2, 3])('that breaks one in ten hurts less than a fiftieth of the fleet (fleet %i)', (seed) => {
    const { hurt, everybody } = simulate(scenarioOf(RECOMMENDED, AGENTS, 0.1, seed));
    expect(hurt).toBeLessThan(AGENTS * 0.02);
    expect(everybody).toBeNull();
  });

  it('that is good reaches everybody, within 1.2 times what windows and waits take', () => {
    const scenario = scenarioOf(RECOMMENDED, AGENTS, 0, 1);
    const [real, ideal] = [simulate(scenario), simulate({ ...scenario, ideal: true })];
    expect(real).toMatchObject({ hurt: 0, halted: null, next: 'nothing: every group is at 16.4.7' });
    expect((real.everybody ?? Number.NaN) / (ideal.everybody ?? Number.NaN)).toBeLessThan(1.2);
  });

  it('hurts all that it breaks where there are no groups', () => {
    const { hurt } = simulate(scenarioOf(NO_GROUPS as never, AGENTS, 0.1, 1));
    expect(hurt).toBeGreaterThan(AGENTS * 0.08);
  });
});
