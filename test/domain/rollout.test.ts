import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRollout,
  endRollout,
  GROUP_EVENTS,
  GROUP_STATES,
  type GroupEvent,
  type GroupState,
  isMoving,
  type Rollout,
  regroup,
  resumeRollout,
  stopRollout,
  takeStep,
} from '../../src/domain/rollout.ts';
import { DEFAULT_GROUP, type RolloutSettings } from '../../src/domain/rollout-settings.ts';
import { type GroupFacts, lookAhead, NO_FACTS, type RolloutFacts } from '../../src/domain/rollout-step.ts';
import { isTurnOf, turnOf } from '../../src/domain/told.ts';

const AT = new Date('2026-11-27T12:00:00Z');
const ACT = { by: 'token:ann', at: AT, reason: 'test' };
const [S, T] = ['16.4.6', '16.4.7'];
const MINUTE = 60_000;
const later = (ms: number) => new Date(AT.getTime() + ms);

type Group = Partial<RolloutSettings['groups'][number]> & { name: string };
const settings = (groups: Group[], over: Partial<RolloutSettings> = {}): RolloutSettings => ({
  ...{ strategy: 'halt-on-error', unmatched: 'last' },
  groups: groups.map((group) => ({ ...DEFAULT_GROUP, match: [group.name], ...group })),
  ...over,
});
const begin = (groups: Group[], over: Partial<RolloutSettings> = {}) =>
  createRollout('stable/cloud', settings(groups, over), S, T, null, ACT);
const step = (rollout: Rollout, group: string, event: GroupEvent) =>
  takeStep(rollout, { group, event, reason: 'test', present: 10 }, AT);
const facts = (groups: Record<string, Partial<GroupFacts>>, over: Partial<RolloutFacts> = {}): RolloutFacts => ({
  ...{ counted: false, barred: null },
  groups: new Map(Object.entries(groups).map(([name, known]) => [name, { ...NO_FACTS, ...known }])),
  ...over,
});
const stateOf = (rollout: Rollout, name = 'dev') => rollout.groups.find((group) => group.settings.name === name)?.state;

describe('a group of a rollout', () => {
  const GROUP: Group = { name: 'dev', canaries: 2, waves: [10, 50, 100] };
  const PATHS: Record<GroupState, GroupEvent[]> = {
    unstarted: [],
    canary: ['begin'],
    active: ['skip-canaries'],
    done: ['skip-canaries', 'finish'],
    rolledback: ['begin', 'roll-back'],
  };
  const LEADS: Record<GroupState, Partial<Record<GroupEvent, GroupState>>> = {
    unstarted: { begin: 'canary', 'skip-canaries': 'active', finish: 'done' },
    canary: { 'skip-canaries': 'active', widen: 'active', finish: 'done', 'roll-back': 'rolledback' },
    active: { widen: 'active', finish: 'done', 'roll-back': 'rolledback' },
    done: { 'roll-back': 'rolledback' },
    rolledback: { reset: 'unstarted' },
  };
  const rows = GROUP_STATES.flatMap((state) =>
    GROUP_EVENTS.map((event) => ({ state, event, leads: LEADS[state][event] })),
  );

  it.each(rows)('that is $state goes by $event to $leads', ({ state, event, leads }) => {
    const rollout = PATHS[state].reduce((each, taken) => step(each, 'dev', taken), begin([GROUP]));
    expect(stateOf(rollout)).toBe(state);
    if (leads) expect(stateOf(step(rollout, 'dev', event))).toBe(leads);
    else expect(() => step(rollout, 'dev', event)).toThrow(`group dev is ${state}, which does not allow ${event}`);
  });

  it('goes through its waves, one after the other', () => {
    let rollout = step(begin([GROUP]), 'dev', 'begin');
    const waves = [rollout.groups[0]?.wave];
    for (let n = 0; n < 4; n++) {
      rollout = step(rollout, 'dev', 'widen');
      waves.push(rollout.groups[0]?.wave);
    }
    expect(waves).toEqual([10, 10, 50, 100, 100]);
  });
});

describe('a rollout', () => {
  it('is done with its last group, and rolled back with its last group', () => {
    const one = step(begin([{ name: 'dev' }, { name: 'prod' }]), 'dev', 'finish');
    expect(one.state).toBe('active');
    const done = step(one, 'prod', 'finish');
    expect(done.state).toBe('done');
    const half = step(done, 'dev', 'roll-back');
    expect(step(half, 'prod', 'roll-back').state).toBe('rolledback');
  });

  it('is halted and paused by those who say so, and goes on where it was', () => {
    const active = step(begin([{ name: 'dev' }]), 'dev', 'skip-canaries');
    const halted = stopRollout(active, 'halt', ACT);
    expect(halted).toMatchObject({
      state: 'halted',
      halted: { by: 'token:ann', at: AT.toISOString(), reason: 'test' },
    });
    expect(resumeRollout(halted, ACT)).toEqual({ ...active, since: AT.toISOString(), resumedAt: AT.toISOString() });
    expect(() => stopRollout(halted, 'pause', ACT)).toThrow('halted, which does not allow pause');
    expect(() => resumeRollout(active, ACT)).toThrow('active, which does not allow resume');
  });

  it('has another id each time', () => {
    const again = createRollout('stable/cloud', settings([{ name: 'dev' }]), S, T, null, { ...ACT, at: later(1) });
    expect(again.id).not.toBe(begin([{ name: 'dev' }]).id);
  });

  it('starts where the one starts that it takes the place of, but for groups that were done', () => {
    const before = step(begin([{ name: 'dev' }, { name: 'prod' }]), 'dev', 'finish');
    const next = createRollout('x', settings([{ name: 'dev' }, { name: 'prod' }]), T, '16.4.8', before, ACT);
    expect(next).toMatchObject({ from: S, to: '16.4.8', groups: [{ from: T }, { from: S }] });
    const done = createRollout('x', settings([{ name: 'dev' }]), T, '16.4.8', step(before, 'prod', 'finish'), ACT);
    expect(done).toMatchObject({ from: T, groups: [{ from: T }] });
  });

  it('keeps what has begun when the settings change', () => {
    const before = step(begin([{ name: 'dev', waves: [10, 100] }, { name: 'prod' }]), 'dev', 'skip-canaries');
    const after = regroup(before, settings([{ name: 'eu' }, { name: 'dev', waves: [50, 100] }, { name: 'us' }]));
    expect(after.groups.map(({ settings: { name, waves }, state }) => [name, state, waves])).toEqual([
      ['dev', 'active', [10, 100]],
      ['eu', 'unstarted', [100]],
      ['us', 'unstarted', [100]],
    ]);
    expect(() => regroup(before, null)).toThrow('finish it or roll it back before you remove the groups');
    expect(regroup(endRollout(before, AT), null)).toMatchObject({ state: 'rolledback' });
  });
});

describe('what a group waits for', () => {
  const window = { start: '04:00', for: '1h', timeZone: 'Europe/Berlin' };
  const canaries = [
    { id: 'a', host: 'host-a' },
    { id: 'b', host: null },
  ];
  const inCanary = takeStep(
    begin([{ name: 'dev', canaries: 2 }]),
    { group: 'dev', event: 'begin', reason: 'test', canaries, present: 10 },
    AT,
  );
  const seen = (state: 'at-target' | 'told', minutes: number) =>
    canaries.map((each) => ({ ...each, state, seenAt: later(minutes * MINUTE).getTime() }));
  const active = takeStep(
    begin([{ name: 'dev', waves: [50, 100] }]),
    { group: 'dev', event: 'skip-canaries', reason: 'x', present: 10 },
    AT,
  );
  const full = step(active, 'dev', 'widen');

  const soaking = (rollout: Rollout): Rollout => ({
    ...rollout,
    groups: rollout.groups.map((group) => ({ ...group, settings: { ...group.settings, soak: '1h' } })),
  });

  it.each<
    [
      what: string,
      rollout: Rollout,
      known: RolloutFacts,
      minutes: number,
      event: GroupEvent | null,
      waits: RegExp | null,
    ]
  >([
    [
      'its window',
      begin([{ name: 'dev', window }]),
      facts({}),
      0,
      null,
      /its window opens at Sat 2026-11-28 04:00 Europe\/Berlin/,
    ],
    ['its day', begin([{ name: 'dev', days: ['Mon'] }]), facts({}), 0, null, /opens at Mon 2026-11-30 00:00 UTC/],
    ['nothing', begin([{ name: 'dev' }]), facts({}), 0, 'skip-canaries', null],
    [
      'canaries that are there',
      begin([{ name: 'dev', canaries: 1 }]),
      facts({ dev: { eligible: canaries } }),
      0,
      'begin',
      null,
    ],
    [
      'more agents',
      begin([{ name: 'dev', canaries: 3 }]),
      facts({ dev: { eligible: canaries } }),
      0,
      null,
      /it has 2 agents that can be a canary and needs 3/,
    ],
    [
      'nothing, as agents have no names',
      begin([{ name: 'dev', canaries: 3 }]),
      facts({}, { counted: true }),
      0,
      'skip-canaries',
      null,
    ],
    [
      'its canaries',
      inCanary,
      facts({ dev: { canaries: seen('told', 1) } }),
      5,
      null,
      /2 canaries that were told 5 min ago must be seen at 16.4.7/,
    ],
    [
      'canaries seen before they were told',
      inCanary,
      facts({ dev: { canaries: seen('at-target', -1) } }),
      5,
      null,
      /2 canaries/,
    ],
    [
      'canaries seen too long ago',
      inCanary,
      facts({ dev: { canaries: seen('at-target', 1) } }),
      22,
      null,
      /2 canaries/,
    ],
    [
      'canaries no more whose updaters ask once in 36 minutes',
      inCanary,
      facts({ dev: { canaries: seen('at-target', 1).map((each) => ({ ...each, freshFor: 72 * MINUTE })) } }),
      73,
      'widen',
      null,
    ],
    ['its canaries no more', inCanary, facts({ dev: { canaries: seen('at-target', 1) } }), 20, 'widen', null],
    [
      'its wave',
      active,
      facts({ dev: { heard: 10, told: 5, toldAtTarget: 4 } }),
      0,
      null,
      /4 of the 5 agents of its 50 % wave run 16.4.7/,
    ],
    ['its wave no more', active, facts({ dev: { heard: 9, told: 10, toldAtTarget: 9 } }), 0, 'widen', null],
    [
      'agents that fell silent',
      active,
      facts({ dev: { heard: 8, told: 5, toldAtTarget: 5 } }),
      0,
      null,
      /8 of the 10 agents that it began with are heard/,
    ],
    [
      'all of its agents',
      full,
      facts({ dev: { heard: 10, told: 10, toldAtTarget: 8, pinned: 2 } }),
      0,
      null,
      /8 of its 10 agents run 16.4.7; 90 % must; 2 are pinned/,
    ],
    ['its agents no more', full, facts({ dev: { heard: 10, told: 10, toldAtTarget: 9 } }), 0, 'finish', null],
    [
      'the soak of its canaries',
      soaking(inCanary),
      facts({ dev: { canaries: seen('at-target', 59) } }),
      59,
      null,
      /^its canaries soak until Fri 2026-11-27 13:00 UTC$/,
    ],
    [
      'the soak of its canaries no more',
      soaking(inCanary),
      facts({ dev: { canaries: seen('at-target', 59) } }),
      60,
      'widen',
      null,
    ],
    [
      'the soak of its wave',
      soaking(active),
      facts({ dev: { heard: 10, told: 5, toldAtTarget: 5 } }),
      59,
      null,
      /^its 50 % wave soaks until Fri 2026-11-27 13:00 UTC$/,
    ],
    [
      'the soak of its wave no more',
      soaking(active),
      facts({ dev: { heard: 10, told: 5, toldAtTarget: 5 } }),
      60,
      'widen',
      null,
    ],
    ['no soak of a wave in which nobody is', soaking(active), facts({ dev: { heard: 10 } }), 0, 'widen', null],
    [
      'the soak of the whole group',
      soaking(full),
      facts({ dev: { heard: 10, told: 10, toldAtTarget: 10 } }),
      59,
      null,
      /^its 100 % wave soaks until/,
    ],
    ['a hold', begin([{ name: 'dev' }]), facts({}, { barred: 'held by token ann' }), 0, null, null],
  ])('%s', (_, rollout, known, minutes, event, waits) => {
    const { step: next, waits: all } = lookAhead('stable/cloud', rollout, known, later(minutes * MINUTE));
    expect(next?.event ?? null).toBe(event);
    const found = all.get('dev');
    if (waits === null) expect(found).toBeNull();
    else expect(found).toMatch(waits);
  });

  it('is the group before, and the hours after it', () => {
    const groups = [{ name: 'dev' }, { name: 'prod', waitHours: 2 }];
    const waits = (rollout: Rollout, hours: number) =>
      lookAhead('x', rollout, facts({}), later(hours * 60 * MINUTE)).waits.get('prod');
    expect(waits(begin(groups), 0)).toBe('the group dev must be done');
    const done = step(begin(groups), 'dev', 'finish');
    expect(waits(done, 1)).toBe('2 h after dev began, at Fri 2026-11-27 14:00 UTC');
    expect(waits(done, 2)).toBeNull();
  });

  it('is nothing after a roll-back, which says how many agents still have to go back', () => {
    const back = endRollout(step(begin([{ name: 'dev' }, { name: 'prod' }]), 'dev', 'skip-canaries'), AT);
    const next = (known: Parameters<typeof facts>[0]) => lookAhead('x', back, facts(known), AT).next;
    expect(next({ dev: { agents: 10, atTarget: 4 }, prod: { agents: 150 } })).toBe(
      `nothing: it was rolled back; 4 of 160 agents still run ${back.to}`,
    );
    expect(next({ dev: { agents: 10 }, prod: { agents: 1, atTarget: 1 } })).toMatch(/; 1 of 11 agents still runs /);
    expect(next({ dev: { agents: 10 } })).toBe('nothing: it was rolled back');
  });

  it('is to go back or on where it was stopped, without its reason, which stands beside it', () => {
    const going = begin([{ name: 'dev' }]);
    const act = { by: 'system:watch', at: AT, reason: 'agents went back' };
    const next = (verb: 'halt' | 'pause') => lookAhead('x', stopRollout(going, verb, act), facts({}), AT).next;
    expect(next('halt')).toBe('to go back: fairway rollout roll-back x; to go on: fairway rollout resume x');
    expect(next('pause')).toBe('to go on: fairway rollout resume x');
  });

  it('is the end of its window where it goes by time', () => {
    const timed = begin([{ name: 'dev', window: { ...window, start: '13:00' } }], { strategy: 'time-based' });
    const going = step(timed, 'dev', 'skip-canaries');
    expect(lookAhead('x', going, facts({}), AT).waits.get('dev')).toMatch(/its window is over at .* 14:00 Europe/);
    expect(lookAhead('x', going, facts({}), later(60 * MINUTE)).step).toMatchObject({ event: 'finish' });
  });
});

describe('any rollout', () => {
  /** What the driver and people may do, in any order; facts are as random as a fleet that behaves as it likes. */
  const AGENTS = Array.from({ length: 30 }, (_, nth) => ({ id: `agent-${nth}`, host: null }));
  const share = fc.integer({ min: 0, max: 10 });
  const known = fc.record({ heard: share, agents: share, told: share, toldAtTarget: share, atTarget: share });
  const act = fc.oneof(
    { weight: 8, arbitrary: fc.record({ advance: known, seen: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constantFrom('pause', 'halt', 'resume', 'roll-back-dev') },
  );
  type Did = typeof act extends fc.Arbitrary<infer T> ? T : never;

  function carryOut(rollout: Rollout, did: Did, at: Date): Rollout {
    try {
      if (did === 'resume') return resumeRollout(rollout, { ...ACT, at });
      if (did === 'pause' || did === 'halt') return stopRollout(rollout, did, { ...ACT, at });
      if (did === 'roll-back-dev') return takeStep(rollout, { group: 'dev', event: 'roll-back', reason: 'x' }, at);
    } catch {
      return rollout;
    }
    if (typeof did === 'string') return rollout;
    const canaries = rollout.groups.flatMap((group) =>
      group.canaries.map((each) => ({ ...each, state: 'at-target' as const, seenAt: did.seen ? at.getTime() : null })),
    );
    const one = { ...did.advance, canaries, eligible: AGENTS.slice(0, 10) };
    const { step: next } = lookAhead('x', rollout, facts({ dev: one, prod: one }), at);
    return next ? takeStep(rollout, next, at) : rollout;
  }

  const toldIn = (rollout: Rollout, name: string) => {
    const group = rollout.groups.find((each) => each.settings.name === name);
    if (!group || group.state === 'rolledback') return new Set<string>();
    const turn = turnOf(group, rollout, false, AT);
    return new Set(AGENTS.filter(({ id }) => isTurnOf(turn, rollout.id, id)).map(({ id }) => id));
  };

  it('never takes back what it told, tells nobody new while it is stopped, and keeps the order of its groups', () => {
    const groups = fc.tuple(
      fc.record({
        canaries: fc.integer({ min: 0, max: 3 }),
        waves: fc.constantFrom<number[]>([100], [10, 100], [1, 50, 100]),
      }),
      fc.record({ canaries: fc.integer({ min: 0, max: 3 }), waves: fc.constantFrom<number[]>([100], [30, 60, 100]) }),
    );
    fc.assert(
      fc.property(groups, fc.array(act, { maxLength: 40 }), ([dev, prod], acts) => {
        let rollout = begin([
          { name: 'dev', ...dev },
          { name: 'prod', ...prod },
        ]);
        acts.forEach((did, index) => {
          const before = rollout;
          rollout = carryOut(before, did, later(index * MINUTE));
          for (const name of ['dev', 'prod']) {
            const [was, is] = [toldIn(before, name), toldIn(rollout, name)];
            const isBack = stateOf(rollout, name) === 'rolledback';
            if (!isBack) expect([...was].filter((id) => !is.has(id))).toEqual([]);
            if (!isMoving(before)) expect([...is].filter((id) => !was.has(id))).toEqual([]);
            const waves = [before, rollout].map(
              (each) => each.groups.find((group) => group.settings.name === name)?.wave ?? 0,
            );
            expect(waves[1]).toBeGreaterThanOrEqual(waves[0] as number);
          }
          if (toldIn(rollout, 'prod').size > toldIn(before, 'prod').size) expect(stateOf(rollout, 'dev')).toBe('done');
        });
      }),
      { numRuns: 300 },
    );
  });
});
