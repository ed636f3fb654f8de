import { describe, expect, it } from 'vitest';
import type { ControlPlane } from '../../src/domain/control-plane.ts';
import type { Stage } from '../../src/domain/promotion.ts';
import { afterReport, demandsOf, nextWave, resolveStages, stateOfTenant, tell } from '../../src/domain/tenant.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const MINUTE = 60_000;
const NEW = '17.0.1';
const OLD = '17.0.0';
const SELECTION = { class: 'trials', maxInFlight: 0.1, deadline: 60 * MINUTE, maxFailing: 0.05 };
const ago = (minutes: number) => new Date(NOW - minutes * MINUTE).toISOString();

const tenant = (name: string, over: Partial<ControlPlane> = {}): ControlPlane => {
  const updated = { updatedAt: ago(999), updatedBy: 'token:ci' };
  return { name, version: OLD, class: 'trials', ...updated, ...over };
};
const told = (name: string, minutes: number, over: Partial<ControlPlane> = {}) =>
  tenant(name, { wanted: { version: NEW, stage: 'trials', since: ago(minutes), reachedAt: null }, ...over });
const back = (name: string) =>
  tenant(name, { wanted: { version: NEW, stage: 'trials', since: ago(50), reachedAt: ago(40) } });
const tenants = (count: number, over: Partial<ControlPlane> = {}) =>
  Array.from({ length: count }, (_, index) => tenant(`t${String(index).padStart(2, '0')}`, over));
const wave = (all: ControlPlane[], over: Partial<typeof SELECTION> = {}) =>
  nextWave({ ...SELECTION, ...over }, all, NEW, NOW);

describe('the next wave of a stage', () => {
  it.each<[string, ControlPlane[], Partial<typeof SELECTION>, string[]]>([
    ['a tenth of them, by name', tenants(20), {}, ['t00', 't01']],
    ['one at least', tenants(3), {}, ['t00']],
    ['all of them', tenants(3), { maxInFlight: 1 }, ['t00', 't01', 't02']],
    ['no more while those that were told are under way', [told('a', 5), told('b', 5), ...tenants(18)], {}, []],
    ['the next as soon as one is there', [told('a', 5, { version: NEW }), told('b', 5), ...tenants(18)], {}, ['t00']],
    ['canaries before the others', [...tenants(20), tenant('z', { labels: { canary: 'true' } })], {}, ['z']],
    ['nobody else while a canary is under way', [...tenants(20), told('z', 5, { labels: { canary: 'true' } })], {}, []],
    [
      'the others once the canaries run it',
      [...tenants(19), told('z', 5, { labels: { canary: 'true' }, version: NEW })],
      {},
      ['t00', 't01'],
    ],
    ['nobody who runs a later one', tenants(3, { version: '17.0.2' }), {}, []],
    [
      'those whom another release told before',
      [told('a', 5, { wanted: { version: OLD, stage: 'trials', since: ago(500), reachedAt: ago(400) } })],
      {},
      ['a'],
    ],
  ])('tells %s', (_, all, over, expected) => {
    expect(wave(all, over).tell).toEqual(expected);
  });

  it.each<[string, ControlPlane[], string[], boolean]>([
    ['none while they are in time', [told('a', 59), ...tenants(19)], [], false],
    ['one that is late, which may be', [told('a', 61), ...tenants(19)], ['a'], false],
    ['one that went back', [back('a'), ...tenants(19)], ['a'], false],
    ['too many', [told('a', 61), back('b'), ...tenants(18)], ['a', 'b'], true],
    ['not one that came to it late', [told('a', 90, { version: NEW }), ...tenants(3)], [], false],
  ])('counts as failing: %s', (_, all, failing, halts) => {
    const { failing: found, halt } = wave(all);
    expect(found).toEqual(failing);
    expect(halt !== null).toBe(halts);
    if (halts) expect(halt).toBe('2 control planes did not come to 17.0.1 in time or went back, and 1 may: a, b');
  });

  it('counts all of them once', () => {
    const all = [told('a', 5), told('b', 90), told('c', 5, { version: NEW }), ...tenants(17)];
    expect(wave(all)).toMatchObject({ inFlight: 1, done: 1, failing: ['b'] });
  });
});

describe('a tenant', () => {
  const wish = { version: NEW, since: ago(10) };
  it.each<[string, ControlPlane, typeof wish | null, string]>([
    ['nothing is wanted of', tenant('a'), null, 'unwanted'],
    ['runs it', tenant('a', { version: NEW }), wish, 'running'],
    ['is on its way', told('a', 10), wish, 'told'],
    ['is late', told('a', 61), wish, 'failing'],
    ['went back', back('a'), wish, 'failing'],
  ])('that %s', (_, each, wanted, state) => {
    expect(stateOfTenant(each, wanted, SELECTION.deadline, NOW)).toBe(state);
  });

  it('has reached its version with the first report of it, and keeps that', () => {
    const first = afterReport({ ...tell(tenant('a'), NEW, 'trials', ago(5)), version: NEW }, ago(1));
    expect(first.wanted).toEqual({ version: NEW, stage: 'trials', since: ago(5), reachedAt: ago(1) });
    expect(afterReport({ ...first, version: OLD }, ago(0))).toMatchObject({ wanted: { reachedAt: ago(1) } });
    expect(afterReport(tell(tenant('a'), NEW, 'trials', ago(5)), ago(1)).wanted?.reachedAt).toBeNull();
  });
});

describe('stages', () => {
  const rest = { accepts: [], soak: 1, automatic: true, signOff: false, approval: false, conditions: [] };
  const stage = (over: Partial<Stage>): Stage => ({ name: 's', channels: [], controlPlanes: [], ...rest, ...over });
  const planes = (...all: ControlPlane[]) => new Map(all.map((each) => [each.name, each]));

  it('take the control planes of their class besides those that they name, in order', () => {
    const [found] = resolveStages([stage({ controlPlanes: ['b', 'x'], tenants: SELECTION })])(
      planes(tenant('c'), tenant('a'), tenant('b'), tenant('d', { class: 'internal' })),
    );
    expect(found?.controlPlanes).toEqual(['a', 'b', 'c', 'x']);
  });

  it('stay as they are without classes', () => {
    const stages = [stage({ controlPlanes: ['b'] })];
    expect(resolveStages(stages)(planes(tenant('a')))).toBe(stages);
  });

  it('want the newest release that has come through, and none that was superseded', () => {
    const promotion = (
      version: string,
      state: 'soaking' | 'waiting' | 'complete',
      supersededBy: string | null = null,
    ) => {
      const progress = { state, since: ago(5), approved: null, started: null, halted: null };
      return [version, { version, stages: { s: progress }, supersededBy, updatedAt: ago(5) }] as const;
    };
    const promotions = new Map([
      promotion('17.0.2', 'soaking'),
      promotion('17.0.1', 'complete'),
      promotion('17.0.3', 'waiting'),
      promotion('17.0.4', 'soaking', '17.0.5'),
    ]);
    expect(demandsOf(promotions).get('s')).toEqual({ version: '17.0.2', since: ago(5) });
  });
});
