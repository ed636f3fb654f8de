import { describe, expect, it } from 'vitest';
import { type Agent, NO_PAST, type Sighting, type SightingSource } from '../../src/domain/agent.ts';
import { createChannel, DEFAULT_SETTINGS } from '../../src/domain/channel.ts';
import { createRollout } from '../../src/domain/rollout.ts';
import { countRollout } from '../../src/domain/rollout-count.ts';
import { DEFAULT_GROUP } from '../../src/domain/rollout-settings.ts';
import { requireVersion } from '../../src/domain/version.ts';

const NOW = Date.parse('2026-11-27T12:00:00Z');
const MINUTE = 60_000;
const ACT = { by: 'token:ann', at: new Date(NOW), reason: 'test' };
const GROUP = { ...DEFAULT_GROUP, name: 'dev', match: ['dev'], canaries: 1 };
const SETTINGS = { strategy: 'halt-on-error' as const, unmatched: 'last' as const, groups: [GROUP] };
const CHANNEL = createChannel('x', { ...DEFAULT_SETTINGS, rollout: SETTINGS }, requireVersion('16.4.6'), ACT);
const ROLLOUT = createRollout('x', SETTINGS, '16.4.6', '16.4.7', null, ACT);

function agent(source: SightingSource, over: Partial<Sighting>): Agent {
  const sighting: Sighting = {
    ...{
      id: 'a',
      channel: CHANNEL.name,
      version: '16.4.6',
      at: NOW,
      updater: null,
      updaterVersion: null,
      group: 'dev',
    },
    ...{ enrolled: true, proven: true, updaterState: null, host: null, expired: false },
    listing: source === 'inventory' ? { at: NOW, scope: 'x' } : null,
    ...over,
  };
  return { id: 'a', sightings: [{ ...sighting, source }], past: NO_PAST };
}

function count(...agents: Agent[]) {
  const counting = countRollout(CHANNEL.name, ROLLOUT, () => 'dev', NOW);
  counting.add(agents);
  return counting.end().groups.get('dev');
}

describe('an agent', () => {
  it.each<[source: SightingSource, updater: Sighting['updater'], minutes: number]>([
    ['check-ins', null, 30],
    ['check-ins', 'kube', 30],
    ['check-ins', 'binary', 30],
    // It remembers an answer for 30 minutes, and looks again within 6.
    ['check-ins', 'unit', 72],
    ['inventory', null, 24 * 60],
    ['inventory', 'unit', 24 * 60],
  ])('that %s know with the updater %s is heard for two of its intervals: %s min', (source, updater, minutes) => {
    const seen = (ago: number) => count(agent(source, { updater, at: NOW - ago }))?.heard;
    expect(seen(minutes * MINUTE)).toBe(1);
    expect(seen(minutes * MINUTE + 1)).toBe(0);
  });

  it('is heard by its check-ins as long as its inventory says what updater it has', () => {
    const [{ sightings: [listed] = [] }, { sightings: [seen] = [] }] = [
      agent('inventory', { updater: 'unit', at: NOW - 90 * MINUTE }),
      agent('check-ins', { at: NOW - 60 * MINUTE }),
    ] as [Agent, Agent];
    const both = { ...agent('inventory', {}), sightings: [seen, listed] as Agent['sightings'] };
    expect(count(both)?.heard).toBe(1);
  });

  it.each<[state: Sighting['updaterState'], failed: number, pinned: number, canaries: number]>([
    ['ok', 0, 0, 1],
    [null, 0, 0, 1],
    ['pinned', 0, 1, 0],
    ['disabled', 0, 1, 0],
    ['unreadable', 1, 0, 0],
    ['failing', 1, 0, 0],
  ])(
    'whose updater is %s counts as failed, as held and as a canary so often',
    (updaterState, failed, pinned, canaries) => {
      const found = count(agent('inventory', { updaterState, updater: 'binary', host: 'db-1' }));
      expect({ ...found, canaries: found?.eligible.length }).toMatchObject({ failed, pinned, canaries });
      expect(found?.names.failed).toEqual(failed ? ['db-1'] : []);
    },
  );
});
