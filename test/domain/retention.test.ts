import { expect, it } from 'vitest';
import { createChannel, DEFAULT_SETTINGS } from '../../src/domain/channel.ts';
import { createPromotion, type Promotion, type StageProgress } from '../../src/domain/promotion.ts';
import type { Release, ReleaseChange } from '../../src/domain/release.ts';
import { expiredMemories, expiredReleases, reusedFault } from '../../src/domain/retention.ts';
import { channelKey, controlPlaneKey, promotionKey, releaseKey, takeSnapshot } from '../../src/domain/snapshot.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { catalogueOf, PULLED } from '../support/catalogue.ts';
import { openStage } from '../support/promotion.ts';

const OLD = new Date('2025-01-01T00:00:00Z');
const BEFORE = new Date('2026-01-01T00:00:00Z');
const YOUNG = new Date('2026-06-01T00:00:00Z');
const STAGES = [{ controlPlanes: [], conditions: [], accepts: ['cloud' as const], ...openStage('prod'), soak: 1 }];

const DAYS = ['01', '02', '03', '04', '05'].map((day) => `17.0.0-cloud.202501${day}T000000.f00dfac`);
const [FIRST, SECOND, THIRD, FOURTH, LAST] = DAYS as [string, string, string, string, string];
const NUMBERS = ['16.4.1', '16.4.2', '16.4.3'];

const registered = (at: Date) => ({ by: 'token:ci', at: at.toISOString(), digest: 'd' });
const change = (over: Partial<ReleaseChange>): ReleaseChange => ({
  ...{ pr: 1, title: 't', significant: true, signedOff: null },
  ...over,
});
const complete = (version: string): Promotion => {
  const progress: StageProgress = {
    ...{ state: 'complete', since: OLD.toISOString(), approved: null, started: null, halted: null },
  };
  return { ...createPromotion(version, OLD), stages: { prod: progress } };
};

/** The daily releases, each built on the one before, and numbered ones: all old, complete and used by nobody. */
function state(over: { releases?: Record<string, Partial<Release>>; promotions?: Promotion[]; more?: object } = {}) {
  const versions = [...DAYS, ...NUMBERS];
  const base = Object.fromEntries(
    versions.map((version) => {
      const previous = DAYS[DAYS.indexOf(version) - 1] ?? null;
      return [version, { registered: registered(OLD), previous, ...over.releases?.[version] }];
    }),
  );
  const promotions = new Map([...DAYS.map(complete), ...(over.promotions ?? [])].map((each) => [each.version, each]));
  const values: [string, object][] = [
    ...[...catalogueOf(versions, base).values()].map((each): [string, object] => [releaseKey(each.version), each]),
    ...[...promotions.values()].map((each): [string, object] => [promotionKey(each.version), each]),
    ...Object.entries(over.more ?? {}),
  ];
  const documents = values
    .map(([key, value]) => ({ key, revision: 1, value }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  return takeSnapshot({ revision: 1, hash: null, documents });
}

const expired = (over?: Parameters<typeof state>[0], agents: string[] = []) =>
  expiredReleases(state(over), { agents, stages: STAGES, before: BEFORE });

/** What the newest of their lines leave. */
const ALL = [...DAYS.slice(0, -1), '16.4.1', '16.4.2'].sort();
const without = (...versions: string[]) => ALL.filter((version) => !versions.includes(version));

const ACT = { by: 'test', at: OLD, reason: '' };
const channelAt = (version: string, over: object = {}) => ({
  [channelKey('prod')]: { ...createChannel('prod', DEFAULT_SETTINGS, requireVersion(version), ACT), ...over },
});

it('forgets old releases but the newest of their lines', () => {
  expect(expired().sort()).toEqual(ALL);
});

it.each<[string, Parameters<typeof state>[0], string[], string[]]>([
  ['was registered lately', { releases: { [SECOND]: { registered: registered(YOUNG) } } }, [], [SECOND]],
  ['comes from a history', { releases: { [SECOND]: { registered: null, cutAt: OLD.toISOString() } } }, [], [SECOND]],
  ['an agent runs', {}, [SECOND], [SECOND]],
  ['a channel serves', { more: channelAt(SECOND) }, [], [SECOND]],
  ['a channel may go back to', { more: channelAt(LAST, { lineage: [FIRST, LAST] }) }, [], [FIRST]],
  ['a channel served', { more: channelAt(LAST, { served: [{ version: THIRD, until: '' }] }) }, [], [THIRD]],
  ['client tools get', { more: channelAt(LAST, { toolsVersion: '16.4.1' }) }, [], ['16.4.1']],
  ['a plan goes through', { more: channelAt('16.4.3', { plan: { target: LAST, route: [THIRD, LAST] } }) }, [], [THIRD]],
  [
    'a control plane runs or is told to run',
    { more: { [controlPlaneKey('eu')]: { name: 'eu', version: FIRST, highest: SECOND, wanted: { version: THIRD } } } },
    [],
    [FIRST, SECOND, THIRD],
  ],
  ['was pulled', { releases: { [THIRD]: PULLED } }, [], [THIRD]],
  ['is under embargo', { releases: { [THIRD]: { embargoed: true } } }, [], [THIRD]],
  [
    'was never published',
    {
      releases: {
        [THIRD]: {
          artifacts: {
            ...{ controlPlane: { state: 'published', at: null }, packages: { state: 'building', at: null } },
            helm: { state: 'absent', at: null },
          },
        },
      },
    },
    [],
    [THIRD],
  ],
  ['is on its way through the stages', { promotions: [createPromotion(THIRD, OLD)] }, [], [THIRD]],
  [
    'has a change that is not signed off, or links a kept release to one',
    { releases: { [SECOND]: { changes: [change({})] } } },
    [],
    [SECOND, THIRD, FOURTH],
  ],
])('keeps a release that %s', (_, over, agents, kept) => {
  expect(expired(over, agents).sort()).toEqual(without(...kept));
});

it('needs no link to releases whose changes are all signed off', () => {
  const signedOff = { by: 'qa', at: OLD.toISOString() };
  const changes = [change({ signedOff }), change({ pr: 2, significant: false })];
  expect(expired({ releases: { [SECOND]: { changes } } }).sort()).toEqual(ALL);
});

it('keeps the newest release that is complete in a stage, and the public one below a pulled one', () => {
  const ended = { ...createPromotion(LAST, OLD), supersededBy: '17.0.1' };
  expect(expired({ promotions: [ended] }).sort()).toEqual(without(FOURTH));
  expect(expired({ releases: { '16.4.3': PULLED } }).sort()).toEqual(without('16.4.2'));
});

it('keeps the release that shows first that a branch was cut', () => {
  const branch = 'branch/v17';
  const releases = { [SECOND]: { branch }, [THIRD]: { branch, registered: registered(new Date('2025-02-01')) } };
  expect(expired({ releases }).sort()).toEqual(without(SECOND));
});

it('refuses a number that may be the one of a forgotten release', () => {
  const { releases } = state();
  expect(reusedFault(requireVersion('16.4.2'), releases, BEFORE)).toMatch(/16\.4\.3 was registered before 2026-01-01/);
  expect(reusedFault(requireVersion('16.4.4'), releases, BEFORE)).toBeNull();
  expect(reusedFault(requireVersion('16.3.9'), releases, BEFORE)).toBeNull();
  expect(reusedFault(requireVersion('16.4.2'), releases, OLD)).toBeNull();
});

it('forgets memories by their age, but those that a start would create again', () => {
  const memories = new Map(
    ['a', 'b', 'c'].map((name) => [name, { name, at: (name === 'c' ? YOUNG : OLD).toISOString() }]),
  );
  expect(expiredMemories(memories, { before: BEFORE, kept: new Set(['b']) })).toEqual(['a']);
});
