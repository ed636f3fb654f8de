import { DEFAULT_GROUP, type RolloutGroup, type RolloutSettings } from '../../src/domain/rollout-settings.ts';
import type { Scenario } from './simulation.ts';

/** A way to give a release to a fleet. */
export interface Plan {
  name: string;
  rollout: RolloutSettings | null;
  /** The share of the agents in each group. */
  shares: number[];
}

const SOAK = '2h';
const group = (name: string, more: Partial<RolloutGroup>): RolloutGroup => ({
  ...DEFAULT_GROUP,
  ...{ name, match: [name], soak: SOAK },
  ...more,
});
const settings = (...groups: RolloutGroup[]): RolloutSettings => ({
  ...{ strategy: 'halt-on-error', unmatched: 'last' },
  groups,
});

/** The settings that docs/rollouts.md recommends. */
const recommended = (soak: string) =>
  settings(
    group('dev', { canaries: 3, waves: [10, 50, 100], soak }),
    group('staging', { canaries: 5, waves: [10, 50, 100], waitHours: 24, soak }),
    group('prod', {
      ...{ canaries: 5, waves: [1, 10, 50, 100], waitHours: 24, soak },
      days: ['Mon', 'Tue', 'Wed', 'Thu'],
      window: { start: '04:00', for: '6h', timeZone: 'Europe/Berlin' },
    }),
  );
const SHARES = [0.05, 0.15, 0.8];
const inWaves = (soak: string) => settings(group('all', { canaries: 5, waves: [1, 10, 50, 100], soak }));

export const PLANS: readonly Plan[] = [
  { name: 'no groups', rollout: null, shares: [1] },
  { name: '5 canaries, then all', rollout: settings(group('all', { canaries: 5 })), shares: [1] },
  { name: '5 canaries, waves of 1, 10, 50, 100 %, no soak', rollout: inWaves('0s'), shares: [1] },
  { name: '5 canaries, waves of 1, 10, 50, 100 %', rollout: inWaves(SOAK), shares: [1] },
  { name: 'three groups with canaries, waves, windows', rollout: recommended(SOAK), shares: SHARES },
];
export const RECOMMENDED: Plan = PLANS[PLANS.length - 1] as Plan;

/** A Monday morning. */
const START = Date.parse('2026-11-23T09:00:00Z');

/** The plan for a fleet of which the release breaks a share: half of these go back, the others fall silent. */
export const scenarioOf = (
  { rollout, shares }: Plan,
  agents: number,
  broken: number,
  seed: number,
  more: Partial<Scenario> = {},
): Scenario => ({ ...{ agents, rollout, shares, broken, seed, start: START, reverting: 0.5, lookEvery: 10 }, ...more });
