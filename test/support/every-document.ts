import type { BranchCuts } from '../../src/domain/branch-cut.ts';
import type { Channel, RetiredChannel } from '../../src/domain/channel.ts';
import type { ControlPlane, RetiredControlPlane } from '../../src/domain/control-plane.ts';
import type { GlobalFreezes } from '../../src/domain/global-freeze.ts';
import type { Promotion, StageProgress } from '../../src/domain/promotion.ts';
import type { Release } from '../../src/domain/release.ts';
import type { RolloutGroup } from '../../src/domain/rollout-settings.ts';
import type { SignOffs } from '../../src/domain/sign-off.ts';
import type { WatchBase } from '../../src/domain/watch.ts';

const HOUR = 3_600_000;
const NOW = Date.now();
const ago = (hours: number) => new Date(NOW - hours * HOUR).toISOString();
const ahead = (hours: number) => new Date(NOW + hours * HOUR).toISOString();

const signed = { by: 'token:ops', at: ago(1) };
const said = { ...signed, reason: 'because' };
const group: RolloutGroup = {
  ...{ name: 'prod', match: ['prod-eu'], canaries: 1, waves: [50, 100], days: ['Mon', 'Sun'] },
  ...{ window: { start: '02:00', for: '6h', timeZone: 'Europe/Berlin' } },
  ...{ waitHours: 1, soak: '1h', alertAfter: '4h' },
};

/** A channel in which every field is set. */
export const FULL_CHANNEL: Channel = {
  ...{
    name: 'full',
    description: 'all of it',
    accepts: ['stable', 'cloud'],
    purpose: 'production',
    versionPrefix: 'v',
  },
  ...{ needsHelm: false, controlPlane: 'main', toolsVersion: '16.4.5', toolsFallback: '16.4.5' },
  rollout: { strategy: 'halt-on-error', groups: [group], unmatched: 'last' },
  window: { start: '02:00', for: '6h', timeZone: 'UTC' },
  freezes: [{ from: ago(2), until: ahead(2), reason: 'holidays', except: ['critical'] }],
  ...{ target: '16.4.6', critical: { ...said, until: ahead(1) }, pin: { ...said, until: ahead(1) }, hold: said },
  ...{ lineage: ['16.4.5', '16.4.6'], served: [{ version: '16.4.5', until: ago(1) }] },
  plan: {
    ...{ target: '17.0.0', route: ['16.4.6', '17.0.0'], step: 0, critical: false },
    ...{ startedBy: 'token:ops', startedAt: ago(1), reason: 'go on' },
  },
  watch: {
    ...{ for: '2h', maxReverted: '2%', maxVanished: 0.1, maxFailed: '5%' },
    conditions: [{ name: 'errors', query: 'up', for: '1m' }],
    // biome-ignore lint/suspicious/noThenProperty: a text, as the contract names it
    then: 'halt',
  },
  forgiven: ago(1),
  progress: {
    ...{ id: '0123456789abcdef', from: '16.4.5', to: '16.4.6', state: 'active', strategy: 'halt-on-error' },
    ...{ unmatched: 'last', startedAt: ago(1), startedBy: 'token:ops', reason: 'go', since: ago(1) },
    ...{ halted: said, paused: said, resumedAt: ago(1) },
    groups: [
      {
        ...{ settings: group, state: 'canary', from: '16.4.5', since: ago(1), startedAt: ago(1), wave: 50 },
        ...{ waveSince: ago(1), present: 3, failed: 0, canaries: [{ id: 'one', host: 'one.example' }], counted: false },
      },
    ],
  },
  scheduled: [
    {
      ...{ id: 'sched-1', verb: 'roll-forward', at: ahead(24) },
      input: { version: '16.4.6', critical: true, until: ahead(48), stepped: false, immediate: false },
      ...{ reason: 'at night', by: 'token:ops', role: 'operator', acceptedAt: ago(1) },
      undone: { state: 'refused', at: ago(1), reason: 'the gate refused it' },
    },
  ],
  ...{ updatedAt: ago(1), updatedBy: 'token:ops' },
};

/** The same while its rollout, its plan and a scheduled change are under way. */
const MOVING_CHANNEL: Channel = {
  ...FULL_CHANNEL,
  ...{ name: 'moving', hold: null, pin: null, critical: null, freezes: [], window: null, controlPlane: null },
  progress: FULL_CHANNEL.progress && { ...FULL_CHANNEL.progress, halted: null, paused: null },
  scheduled: FULL_CHANNEL.scheduled?.map(({ undone: _, ...change }) => ({ ...change, at: ago(0.001) })),
};

const stage = (state: StageProgress['state']): StageProgress => ({
  ...{ state, since: ago(1), approved: said, started: { ...said, critical: false } },
  ...{ halted: state === 'halted' ? { ...said, from: 'rolling' } : null, ended: said },
});

const release: Release = {
  ...{ version: '17.1.0', commit: 'f00dfac', cutAt: ago(3), branch: 'branch/v17', previous: '16.4.6' },
  ...{ includes: ['16.4.6'], security: true, embargoed: false },
  artifacts: {
    controlPlane: { state: 'published', at: ago(2) },
    packages: { state: 'published', at: ago(2) },
    helm: { state: 'absent', at: null },
  },
  changes: [{ pr: 7, title: 'A change', author: 'zmb3', significant: true, signedOff: signed }],
  ...{ pulled: null, registered: { ...signed, digest: 'abc' } },
};

/**
 * A document of each kind in which every field is set, by its key. The first part of a key with a slash is the kind.
 */
export const EVERY_DOCUMENT: Record<string, object> = {
  'channel/full': FULL_CHANNEL,
  'channel/moving': MOVING_CHANNEL,
  'retired/gone': {
    ...{ name: 'gone', served: [{ version: '16.4.5', until: ago(1) }], controlPlane: 'main', hold: said },
    ...{ at: ago(1), by: 'token:ops' },
  } satisfies RetiredChannel,
  'control-plane/plane': {
    ...{ name: 'plane', version: '16.4.6', highest: '16.4.7', components: { auth: ['16.4.6', '16.4.7'] } },
    ...{ class: 'trials', labels: { region: 'eu' }, changedAt: ago(1), updatedAt: ago(1), updatedBy: 'token:ops' },
    wanted: { version: '16.4.7', stage: 'canary', since: ago(1), reachedAt: ago(0.5) },
    failing: { since: ago(1), fault: 'no answer' },
  } satisfies ControlPlane,
  'retired-control-plane/gone': { name: 'gone', ...signed } satisfies RetiredControlPlane,
  'release/17.1.0': release,
  'promotion/17.1.0': {
    version: '17.1.0',
    stages: { canary: stage('soaking'), internal: stage('halted') },
    agents: { canary: stage('waiting') },
    ...{ expedited: said, supersededBy: null, updatedAt: ago(1) },
  } satisfies Promotion,
  'watch/full': {
    ...{ name: 'full', move: `0123456789abcdef ${ago(1)}`, at: ago(1), controlPlane: '16.4.7' },
    groups: { prod: { present: 3, failed: 0 } },
  } satisfies WatchBase,
  'freezes/all': {
    freezes: [{ id: 'xmas', from: ago(2), until: ahead(2), reason: 'holidays', except: ['critical'], ...signed }],
  } satisfies GlobalFreezes,
  'sign-offs/github': {
    deliveries: ['digest'],
    verdicts: [{ pr: 7, signedOff: true, ...signed }],
  } satisfies SignOffs,
  'branches/cut': { cuts: [{ major: 17, ...said }] } satisfies BranchCuts,
};

const HUGE = 'x'.repeat(100_000);
/** What a torn write or a careless hand leaves in a field. */
export const DAMAGED: [what: string, value: unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['a number', 7],
  ['less than nothing', -1],
  ['a fraction', 0.5],
  ['a huge number', 1e300],
  ['true', true],
  ['no text', ''],
  ['a text', 'lost'],
  ['a line break', '16.4.6\r\nSet-Cookie: a=b'],
  ['a huge text', HUGE],
  ['a time that is far away', '+275760-09-13T00:00:00.000Z'],
  ['an empty list', []],
  ['a list of null', [null]],
  ['a list of texts', ['lost']],
  ['an empty object', {}],
  ['an object of null', { lost: null }],
  ['an object of objects', { lost: {} }],
];

type Path = (string | number)[];

/** Every place of a value. */
export function* placesOf(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, each] of Object.entries(value)) yield* placesOf(each, [...path, name]);
}

/** The value with another one at a place; undefined takes it away. */
export function withAt(value: unknown, [first, ...rest]: Path, other: unknown): unknown {
  if (first === undefined) return other;
  const copy: Record<string, unknown> = Array.isArray(value) ? ([...value] as never) : { ...(value as object) };
  copy[first] = withAt(copy[first], rest, other);
  return JSON.parse(JSON.stringify(copy));
}
