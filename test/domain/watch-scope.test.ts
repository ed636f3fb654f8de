import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/domain/census.ts';
import { type Channel, createChannel, DEFAULT_SETTINGS, rollForward } from '../../src/domain/channel.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { watchScope } from '../../src/domain/watch-scope.ts';
import { DEFAULT_WATCH } from '../../src/domain/watch-settings.ts';
import { population } from './populations.ts';

const AT = new Date('2026-11-27T12:00:00Z');
const ACT = { by: 'token:ann', at: AT, reason: 'test' };
const BEFORE = createChannel('x', { ...DEFAULT_SETTINGS, controlPlane: 'main' }, requireVersion('16.4.6'), ACT);
const MOVED = rollForward(BEFORE, requireVersion('16.4.7'), false, ACT);

function known(...sources: Evidence['source'][]) {
  const { evidence } = population(...sources.map(() => ({ '16.4.6': 3 })));
  return { evidence: evidence.map((each, nth) => ({ ...each, source: sources[nth] as Evidence['source'] })) };
}

const BACK = 'agents that go back or fall silent';
const FAIL = 'updaters that fail';
const IMPORT = 'import an inventory: fairway inventory import FILE -c x';

describe('the watch', () => {
  it.each<[what: string, sources: Evidence['source'][], plane: string | null, sees: string[], blind: string[]]>([
    ['an inventory', ['inventory'], '16.4.7', [BACK, FAIL, 'control plane main'], []],
    [
      'check-ins',
      ['check-ins'],
      '16.4.7',
      [BACK, 'control plane main'],
      [`${FAIL}, because only inventories report them`],
    ],
    [
      'counts',
      ['teleport-metrics'],
      '16.4.7',
      ['control plane main'],
      [`${BACK}, because no source names them; ${IMPORT}`, `${FAIL}, because only inventories report them`],
    ],
    [
      'an inventory, and no control plane',
      ['inventory'],
      null,
      [BACK, FAIL],
      ['control plane main, because its version is not known'],
    ],
  ])('says what it can see with %s', (_, sources, plane, sees, blind) => {
    const scope = watchScope(MOVED, { ...known(...sources), followers: 3 }, plane, AT);
    expect(scope).toEqual({ until: '2026-11-27T14:00:00.000Z', sees, blind });
  });

  it('names its conditions, and says where no agent is known', () => {
    const conditions = [{ name: 'few-errors', query: 'up', for: '1m' }];
    const channel: Channel = { ...MOVED, controlPlane: null, watch: { ...DEFAULT_WATCH, conditions, for: '1h' } };
    expect(watchScope(channel, { evidence: [], followers: 0 }, null, AT)).toEqual({
      until: '2026-11-27T13:00:00.000Z',
      sees: ['the condition few-errors'],
      blind: [`${BACK}, because no source knows any; ${IMPORT}`, `${FAIL}, because only inventories report them`],
    });
  });

  it('has no end before all agents were told, and none without a move', () => {
    const groups = { strategy: 'halt-on-error' as const, unmatched: 'last' as const, groups: [] };
    const rolling = rollForward({ ...BEFORE, rollout: groups }, requireVersion('16.4.7'), false, ACT);
    expect(watchScope(rolling, { ...known('inventory'), followers: 3 }, null, AT)?.until).toBeNull();
    expect(watchScope(BEFORE, { ...known('inventory'), followers: 3 }, null, AT)).toBeNull();
    const later = new Date(AT.getTime() + 2 * 3_600_000);
    expect(watchScope(MOVED, { ...known('inventory'), followers: 3 }, null, later)).toBeNull();
  });
});
