import { describe, expect, it } from 'vitest';
import type { Evidence, Population } from '../../src/domain/census.ts';
import {
  type Act,
  type Channel,
  createChannel,
  DEFAULT_SETTINGS,
  type Plan,
  pin,
  rollBack,
  setCritical,
  withdraw,
} from '../../src/domain/channel.ts';
import { assess, type ControlPlaneState, stopsOf } from '../../src/domain/compatibility.ts';
import type { Closed } from '../../src/domain/freeze.ts';
import {
  cancelPlan,
  fixOfStop,
  isClosed,
  planRoute,
  refresh,
  reroute,
  startPlan,
  takeFix,
  takeNextStep,
  waitingFor,
} from '../../src/domain/plan.ts';
import { listedRelease, type Release } from '../../src/domain/release.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { artifacts, NO_MARKS, population as sound } from './populations.ts';

const AT = new Date('2026-01-02T03:04:05Z');
const act: Act = { by: 'token:ops', at: AT, reason: 'to 18' };
const CATALOGUE = new Map<string, Release>(
  ['16.4.6', '16.5.1', '17.0.0', '17.4.2', '17.5.0', '18.1.0'].map((version) => [
    version,
    listedRelease({ version, cutAt: null, security: false }),
  ]),
);
const policy = { accepts: DEFAULT_SETTINGS.accepts, needsHelm: false, catalogue: CATALOGUE, strict: false };
const plane = (version: string | null): ControlPlaneState => ({
  name: 'main',
  version: version === null ? null : requireVersion(version),
});

function population(versions: Record<string, number>, fresh = true): Population {
  const known = sound(versions);
  return { ...known, evidence: known.evidence.map((source) => ({ ...source, fresh })) };
}

const SITUATION = {
  channel: 'edge',
  present: requireVersion('16.4.6'),
  wayOut: false,
  settleFor: 0,
  now: AT.getTime(),
};

const report = (
  target: string,
  versions: Record<string, number>,
  controlPlane = plane('18.1.0'),
  fresh = true,
  over = {},
) => assess(requireVersion(target), population(versions, fresh), controlPlane, { ...policy, ...over }, SITUATION);

const channelAtTarget = (target: string): Channel =>
  createChannel('edge', DEFAULT_SETTINGS, requireVersion(target), act);
const route = (target: string, to: string, versions: Record<string, number>, over = {}) =>
  planRoute(channelAtTarget(target), requireVersion(to), report(to, versions, plane('18.1.0'), true, over)).map(
    ({ text }) => text,
  );

const planned = () => startPlan(channelAtTarget('16.4.6'), ['17.5.0', '18.1.0'].map(requireVersion), false, act);

describe('the route of a plan', () => {
  it('has the newest release of each major between', () => {
    expect(route('16.4.6', '18.1.0', { '16.4.6': 3 })).toEqual(['17.5.0', '18.1.0']);
  });

  it('leaves out what is pulled, embargoed or not published', () => {
    const without = (change: Partial<Release>) => ({
      catalogue: new Map(CATALOGUE).set('17.5.0', { ...(CATALOGUE.get('17.5.0') as Release), ...change }),
    });
    const pulled = { reason: 'bad', by: 'x', at: '' };
    for (const change of [{ pulled }, { embargoed: true }, { artifacts: artifacts('building') }]) {
      expect(route('16.4.6', '18.1.0', { '16.4.6': 3 }, without(change))).toEqual(['17.4.2', '18.1.0']);
    }
  });

  it('is refused, with the names of the pulled releases, where no other way is left', () => {
    const pulled = { reason: 'bad', by: 'x', at: '' };
    const catalogue = new Map([...CATALOGUE].filter(([version]) => !version.startsWith('17.')));
    for (const version of ['17.5.0', '17.4.2']) {
      catalogue.set(version, { ...(CATALOGUE.get(version) as Release), pulled });
    }
    const refused = report('18.1.0', { '16.4.6': 1 }, plane('18.1.0'), true, { catalogue });
    expect(() => planRoute(channelAtTarget('16.4.6'), requireVersion('18.1.0'), refused, catalogue)).toThrow(
      'no way there, because 17.5.0 and 17.4.2 were pulled; import the releases between',
    );
  });

  it('begins where the slowest agents are', () => {
    expect(route('16.4.6', '18.1.0', { '15.0.0': 1, '16.4.6': 3 })).toEqual(['16.5.1', '17.5.0', '18.1.0']);
  });

  it('begins with the present target where the way leads through it', () => {
    expect(route('16.5.1', '18.1.0', { '15.0.0': 1 })).toEqual(['16.5.1', '17.5.0', '18.1.0']);
  });

  it('is one step where nobody would be stranded by it', () => {
    expect(route('16.4.6', '17.5.0', { '16.4.6': 3 })).toEqual(['17.5.0']);
  });

  it('ignores that the control plane is not there yet', () => {
    const behind = report('18.1.0', { '16.4.6': 1 }, plane('17.0.0'));
    expect(planRoute(channelAtTarget('16.4.6'), requireVersion('18.1.0'), behind)).toHaveLength(2);
  });

  it('waits where it is for agents whose version cannot be read, and for the control plane', () => {
    expect(route('16.4.6', '18.1.0', { '?': 1, '16.4.6': 3 })).toEqual(['16.4.6', '17.5.0', '18.1.0']);
    expect(route('16.4.6', '17.5.0', { '?': 1, '16.4.6': 3 })).toEqual(['16.4.6', '17.5.0']);
    // Within the major it strands no one new.
    expect(route('16.4.6', '18.1.0', { '?': 1, '15.0.0': 1 })).toEqual(['16.5.1', '17.5.0', '18.1.0']);
    const behind = report('17.5.0', { '16.4.6': 1 }, plane('16.5.1'));
    const steps = planRoute(channelAtTarget('16.4.6'), requireVersion('17.5.0'), behind);
    expect(steps.map(({ text }) => text)).toEqual(['16.4.6', '17.5.0']);
  });

  it.each([
    ['a kind that is not accepted', '18.1.0-rc.1', {}, /of kind rc/],
    ['a catalogue without the majors between', '18.1.0', { catalogue: new Map() }, /knows no way there/],
  ])('is refused for %s', (_, to, over, message) => {
    expect(() => route('16.4.6', to, { '16.4.6': 1 }, over)).toThrow(message);
  });
});

describe('a plan', () => {
  it('lets a held channel go, because a person starts it', () => {
    const held = { ...channelAtTarget('16.5.1'), hold: { by: 'token:ops', at: AT.toISOString(), reason: 'bad' } };
    expect(startPlan(held, ['16.5.1', '17.5.0'].map(requireVersion), false, act).hold).toBeNull();
  });

  it('takes its first step at once and remembers who started it', () => {
    expect(planned()).toMatchObject({
      target: '17.5.0',
      plan: { target: '18.1.0', route: ['17.5.0', '18.1.0'], step: 0, startedBy: 'token:ops', reason: 'to 18' },
    });
  });

  it('is done with its last step, which names who started it', () => {
    const { channel, reason } = takeNextStep(planned(), AT);
    expect(channel).toMatchObject({
      target: '18.1.0',
      plan: null,
      updatedBy: 'system:plan',
      lineage: ['16.4.6', '17.5.0', '18.1.0'],
    });
    expect(reason).toBe('step 2 of 2 of the plan to 18.1.0 that token:ops started: to 18');
  });

  it('keeps what is left of it on the way', () => {
    const long = startPlan(channelAtTarget('15.0.0'), ['16.5.1', '17.5.0', '18.1.0'].map(requireVersion), true, act);
    const { channel } = takeNextStep(long, AT);
    expect(channel).toMatchObject({ target: '17.5.0', plan: { step: 1 }, critical: { reason: expect.any(String) } });
  });

  it('starts where the target is already, and not on a pinned channel', () => {
    const there = channelAtTarget('16.5.1');
    const steps = ['16.5.1', '17.5.0'].map(requireVersion);
    expect(startPlan(there, steps, false, act)).toMatchObject({ target: '16.5.1', plan: { step: 0 } });
    expect(() => startPlan(pin(there, null, null, act), steps, false, act)).toThrow(/pinned/);
  });

  it.each<[string, (channel: Channel) => Channel, boolean]>([
    ['a roll-back', (channel) => rollBack(channel, requireVersion('16.4.6'), false, act), false],
    ['a withdrawal', (channel) => withdraw(channel, act), false],
    ['a pin elsewhere', (channel) => pin(channel, requireVersion('17.4.2'), null, act), false],
    ['cancelling it', (channel) => cancelPlan(channel, act), false],
    ['a pin', (channel) => pin(channel, null, null, act), true],
    ['a critical mark', (channel) => setCritical(channel, true, null, act), true],
  ])('meets %s', (_, change, stays) => {
    expect(change(planned()).plan !== null).toBe(stays);
  });

  it('cannot be cancelled where there is none', () => {
    expect(() => cancelPlan(channelAtTarget('16.4.6'), act)).toThrow(/no plan/);
  });

  it.each([
    [
      'agents behind',
      { '16.4.6': 12, '17.5.0': 9 },
      plane('18.1.0'),
      true,
      'agents_behind',
      'waiting for 12 agents below 17.0.0',
    ],
    [
      'agents whose version cannot be read',
      { '?': 2, '16.4.6': 1 },
      plane('18.1.0'),
      true,
      'agents_behind',
      'waiting for 1 agent below 17.0.0 and 2 agents whose version cannot be read',
    ],
    [
      'such agents alone, before the control plane, which must wait for them too',
      { '?': 1, '17.5.0': 1 },
      plane('17.5.0'),
      true,
      'agents_behind',
      'waiting for 1 agent whose version cannot be read',
    ],
    ['one agent behind', { '16.4.6': 1 }, plane('18.1.0'), true, 'agents_behind', 'waiting for 1 agent below 17.0.0'],
    [
      'stale evidence',
      { '17.5.0': 9 },
      plane('18.1.0'),
      false,
      'evidence_stale',
      expect.stringContaining('import a new one'),
    ],
    [
      'its control plane',
      { '17.5.0': 9 },
      plane('17.9.0'),
      true,
      'control_plane',
      expect.stringContaining('a major ahead'),
    ],
    [
      'news of its control plane',
      { '17.5.0': 9 },
      plane(null),
      true,
      'control_plane',
      expect.stringContaining('is not known'),
    ],
  ])('waits for %s', (_, versions, controlPlane, fresh, reason, detail) => {
    expect(waitingFor(planned(), report('18.1.0', versions, controlPlane, fresh), NO_MARKS, AT)).toEqual({
      reason,
      detail,
    });
  });

  it('waits while it is pinned, and for a release that was pulled', () => {
    const good = report('18.1.0', { '17.5.0': 9 });
    expect(waitingFor(planned(), good, NO_MARKS, AT)).toBeNull();
    expect(waitingFor(pin(planned(), null, null, act), good, NO_MARKS, AT)).toMatchObject({ reason: 'pinned' });
    const hold = { by: 'token:ops', at: AT.toISOString(), reason: 'bad' };
    expect(waitingFor({ ...planned(), hold }, good, NO_MARKS, AT)).toEqual({
      reason: 'held',
      detail: expect.stringMatching(/^held by token ops: bad; to let it go: fairway release /),
    });
    const ended = pin(planned(), null, new Date(AT.getTime() + 1), act);
    expect(waitingFor(ended, good, NO_MARKS, new Date(AT.getTime() + 2))).toBeNull();
    const pulled = { ...(CATALOGUE.get('18.1.0') as Release), pulled: { reason: 'bad', by: 'x', at: '' } };
    const bad = report('18.1.0', { '17.5.0': 9 }, plane('18.1.0'), true, { catalogue: new Map([['18.1.0', pulled]]) });
    expect(waitingFor(planned(), bad, NO_MARKS, AT)).toMatchObject({
      reason: 'refused',
      detail: expect.stringContaining('pulled'),
    });
  });

  it.each<[closed: Closed['reason'], versions: Record<string, number>, reason: string]>([
    ['window', { '17.5.0': 9 }, 'window'],
    // A window opens by itself, so what else is missing comes first; in a freeze nothing is expected.
    ['window', { '16.4.6': 1 }, 'agents_behind'],
    ['frozen', { '16.4.6': 1 }, 'frozen'],
  ])('outside, because of a %s, with %j, waits for: %s', (closed, versions, reason) => {
    const found = waitingFor(planned(), report('18.1.0', versions), NO_MARKS, AT, { reason: closed, detail: 'closed' });
    expect(found).toMatchObject({ reason });
  });

  it('names those who will not move by themselves', () => {
    const behind = report('18.1.0', { '16.4.6': 6 });
    const marks = { ...NO_MARKS, pinned: 3, disabled: 1, failing: 4, reverted: 2 };
    expect(waitingFor(planned(), behind, marks, AT)?.detail).toBe(
      'waiting for 6 agents below 17.0.0; the channel has 3 pinned on their host, 1 with a disabled updater, 4 with a failing updater, 2 that went back by themselves',
    );
  });

  it.each<[string, Evidence['settling'], string]>([
    ['a fall of its agents', { from: 22, to: 1, since: AT.toISOString() }, 'evidence_settling'],
  ])('waits for %s to settle', (_, settling, reason) => {
    const known = population({ '17.5.0': 9 });
    const doubtful = { ...known, evidence: known.evidence.map((source) => ({ ...source, settling })) };
    const given = assess(requireVersion('18.1.0'), doubtful, plane('18.1.0'), policy, SITUATION);
    expect(waitingFor(planned(), given, NO_MARKS, AT)).toMatchObject({ reason });
  });

  it('waits for its control plane also where that is all that stands in the way', () => {
    expect(
      planRoute(
        channelAtTarget('17.5.0'),
        requireVersion('18.1.0'),
        report('18.1.0', { '17.5.0': 9 }, plane('17.9.0')),
      ).map(({ text }) => text),
    ).toEqual(['17.5.0', '18.1.0']);
  });

  it('goes on when nobody is left behind', () => {
    expect(waitingFor(planned(), report('18.1.0', {}), NO_MARKS, AT)).toBeNull();
  });
});

describe('a plan whose next stop is closed', () => {
  const catalogue = (pulled: string[], ...versions: string[]) =>
    new Map(
      versions.map((version) => {
        const release = listedRelease({ version, cutAt: null, security: false });
        return [
          version,
          pulled.includes(version) ? { ...release, pulled: { reason: 'bad', by: 'x', at: '' } } : release,
        ];
      }),
    );

  it.each<[string, string[], string[] | null]>([
    ['takes another one', ['17.5.0'], ['16.4.6', '17.4.0', '18.1.0']],
    ['stays where there is no other', ['17.5.0', '17.4.0'], null],
  ])('%s', (_, pulled, expected) => {
    const over = { catalogue: catalogue(pulled, '16.4.6', '17.4.0', '17.5.0', '18.1.0') };
    const channel = {
      ...planned(),
      target: '16.4.6',
      plan: { ...(planned().plan as Plan), route: ['16.4.6', '17.5.0', '18.1.0'], step: 0 },
    };
    expect(isClosed(report('17.5.0', { '16.4.6': 3 }, plane('18.1.0'), true, over))).toBe(true);
    const onward = report('18.1.0', { '16.4.6': 3 }, plane('18.1.0'), true, over);
    if (expected) expect(reroute(channel, onward)?.route).toEqual(expected);
    else expect(() => reroute(channel, onward)).toThrow(/knows no way there/);
  });
});

describe('a plan that hears of other releases', () => {
  const LONG: Plan = {
    ...(planned().plan as Plan),
    ...{ target: '19.0.0', route: ['16.5.1', '17.5.0', '18.1.0', '19.0.0'], step: 0 },
  };
  const known = (...more: (Partial<Release> & { version: string })[]) =>
    new Map([
      ...CATALOGUE,
      ...more.map((over): [string, Release] => {
        const release = listedRelease({ version: over.version, cutAt: null, security: false });
        return [over.version, { ...release, ...over }];
      }),
    ]);
  const pulled = { reason: 'bad', by: 'x', at: '' };

  it.each<[string, Parameters<typeof known>, string[] | null, string?]>([
    ['stays where nothing is newer', [], null],
    [
      'takes a newer release of the same stop',
      [{ version: '17.5.1' }],
      ['16.5.1', '17.5.1', '18.1.0', '19.0.0'],
      'the plan to 19.0.0 stops at 17.5.1 instead of 17.5.0',
    ],
    [
      'says that one of them has a security fix',
      [{ version: '17.5.1', security: true }, { version: '17.5.2' }],
      ['16.5.1', '17.5.2', '18.1.0', '19.0.0'],
      'the plan to 19.0.0 stops at 17.5.2 instead of 17.5.0, which has a security fix',
    ],
    [
      'goes around one that was pulled, back if it must',
      [{ version: '17.5.0', pulled }],
      ['16.5.1', '17.4.2', '18.1.0', '19.0.0'],
      'the plan to 19.0.0 stops at 17.4.2 because 17.5.0 is not served',
    ],
    [
      'goes around each of them',
      [{ version: '17.5.0', pulled }, { version: '18.1.0', embargoed: true }, { version: '18.0.4' }],
      ['16.5.1', '17.4.2', '18.0.4', '19.0.0'],
      'the plan to 19.0.0 stops at 17.4.2 because 17.5.0 is not served, and stops at 18.0.4 because 18.1.0 is not served',
    ],
    ['prefers its stable release to a newer pre-release', [{ version: '17.6.0-rc.1' }], null],
    ['does not change what it has reached, nor its target', [{ version: '16.5.2' }, { version: '19.0.1' }], null],
    ['takes none that is embargoed', [{ version: '17.5.1', embargoed: true }], null],
    ['stays where its stop has no other release', [{ version: '18.1.0', pulled }], null],
  ])('%s', (_, news, route, reason) => {
    const catalogue = known(...news);
    const stops = stopsOf({ ...policy, accepts: ['stable', 'rc'], catalogue });
    const found = refresh(LONG, stops, catalogue);
    expect(found?.plan.route ?? null).toEqual(route);
    expect(found?.reason).toBe(reason);
    // It has the best then.
    expect(found && refresh(found.plan, stops, catalogue)).toBeNull();
  });

  it('exchanges a pre-release for an older stable one that came later', () => {
    const catalogue = known({ version: '17.6.0-rc.1' });
    const plan = { ...LONG, route: ['16.5.1', '17.6.0-rc.1', '18.1.0', '19.0.0'] };
    const found = refresh(plan, stopsOf({ ...policy, accepts: ['stable', 'rc'], catalogue }), catalogue);
    expect(found?.plan.route[1]).toBe('17.5.0');
  });

  it('keeps a stop that the catalogue has forgotten', () => {
    const catalogue = new Map([...CATALOGUE].filter(([version]) => !version.startsWith('17.')));
    expect(refresh(LONG, stopsOf({ ...policy, catalogue }), catalogue)).toBeNull();
  });

  it.each<[string, Parameters<typeof known>, string | null]>([
    ['a security fix', [{ version: '16.5.2', security: true }], '16.5.2'],
    ['what comes after one', [{ version: '16.5.2', security: true }, { version: '16.5.3' }], '16.5.3'],
    ['nothing else that is newer', [{ version: '16.5.2' }], null],
    ['no fix of another stop', [{ version: '17.5.1', security: true }], null],
    ['no fix that is secret', [{ version: '16.5.2', security: true, embargoed: true }], null],
  ])('takes, while it waits at a stop, %s', (_, news, fix) => {
    const catalogue = known(...news);
    const channel: Channel = { ...channelAtTarget('16.5.1'), plan: LONG };
    const found = fixOfStop(channel, stopsOf({ ...policy, catalogue }), catalogue);
    expect(found?.text ?? null).toBe(fix);
    if (!found) return;
    const { channel: after, reason } = takeFix(channel, found, AT);
    expect(after).toMatchObject({ target: fix, plan: { step: 0, route: [fix, '17.5.0', '18.1.0', '19.0.0'] } });
    expect(reason).toBe(`${fix} has a security fix, so the plan to 19.0.0 waits there instead of at 16.5.1`);
  });
});
