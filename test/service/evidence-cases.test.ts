import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHistories, type Step } from '../support/fleet-history.ts';
import { DAY, HOUR, MINUTE } from '../support/store-services.ts';

const entry = (id: string, version: string, more: { seen?: number; group?: string; expires?: number } = {}) => {
  return { id, version, group: null, seen: 0, expires: null, ...more };
};
const whole = (of: 'a' | 'b' | 'c' | 'p', ...entries: ReturnType<typeof entry>[]): Step => {
  return { import: of, mode: 'proven', entries, own: 0 };
};
/** A whole list of a moment so many seconds ago. */
const wholeOf = (seen: number, ...entries: ReturnType<typeof entry>[]): Step => {
  return { import: 'a', mode: 'proven', entries: entries.map((each) => ({ ...each, seen })), own: seen };
};
const partial = (of: 'a' | 'b' | 'c' | 'p', ...entries: ReturnType<typeof entry>[]): Step => {
  return { import: of, mode: 'partial', entries, own: 0 };
};
const poll = (id: string, on: string, version: string, more: { token?: boolean; ago?: number } = {}): Step => {
  return { checkIn: id, on, version, token: true, ago: 0, ...more };
};
const crowd = (size: number, version: string) => Array.from({ length: size }, (_, nth) => entry(`n${nth}`, version));
/** The channel is heard for a day, by an agent at a fitting version. */
const heard = (on: string): Step[] =>
  Array.from({ length: 6 }, (): Step[] => [{ pass: 5 * HOUR }, poll('9', on, '16.4.6'), { sweep: true }]).flat();

interface Case {
  behaviour: string;
  mode?: 'open' | 'token';
  /** Limits the agents that check in. */
  agents?: number;
  before: Step[];
  after: Step[];
  on?: string;
  target?: string;
}

/** Refused before, and nothing that came after is evidence. */
const STAYS: Case[] = [
  {
    behaviour: 'a whole list that comes again does not drop an agent of a partial list that came after it',
    before: [whole('a', entry('2', '16.4.6')), partial('a', entry('1', '15.4.9', { seen: 60 }))],
    after: [
      { importAgain: 0, partial: false },
      { importAgain: 0, partial: false },
    ],
  },
  {
    behaviour: 'a stranger cannot end that an agent is contested',
    mode: 'open',
    before: [whole('a', entry('1', '16.4.6')), whole('a', entry('1', '15.4.9')), whole('a', entry('1', '16.4.6'))],
    after: [{ pass: 2 * HOUR }, poll('1', 'a', '16.4.6')],
  },
  {
    behaviour: 'an id that was ahead of the target and falls behind it has gone back',
    before: [poll('1', 'a', '17.0.1'), poll('1', 'a', '15.4.9')],
    after: [poll('1', 'a', '17.0.1'), { pass: 10 * MINUTE }, poll('1', 'a', '17.0.1')],
  },
  {
    behaviour: 'an older list of another cluster does not take over who lists an agent',
    before: [whole('a', entry('1', '15.4.9'), entry('2', '16.4.6')), whole('c', entry('1', '16.4.6', { seen: 600 }))],
    after: [whole('c', entry('3', '16.4.6', { group: 'a' }))],
  },
  {
    behaviour:
      'an id that is twice in a list counts at the lower version, though that entry is older than what is known',
    before: [whole('a', entry('1', '16.4.6')), whole('a', entry('1', '16.4.6'), entry('1', '15.4.9', { seen: 3_700 }))],
    after: [{ pass: MINUTE }],
  },
  {
    behaviour: 'agents that were too many to be counted are not forgotten while their channel is silent',
    agents: 0,
    before: [whole('a', entry('1', '16.4.6')), poll('2', 'a', '15.4.9')],
    after: [{ pass: 2 * DAY }, { sweep: true }, whole('a', entry('1', '16.4.6'))],
  },
  {
    behaviour: 'agents at an old version are not forgotten with those that a stranger names for another channel',
    before: [whole('b', entry('1', '15.4.9')), poll('1', 'a', '16.4.6', { token: false })],
    after: [{ forgetVersion: '15.4.9', on: 'a' }],
    on: 'b',
  },
  {
    behaviour: 'a person who accepts a fall of one channel accepts it for that channel',
    before: [
      whole('p', ...crowd(10, '15.4.9'), entry('1', '16.4.6')),
      whole('p', entry('1', '16.4.6', { group: 'b' })),
    ],
    after: [{ accept: 'inventory', on: 'b' }],
  },
  {
    behaviour: 'time and failing metrics do not end what they said',
    before: [{ metrics: 'a', page: { '15.4.9': 30, '16.4.6': 30 } }],
    after: [
      { metrics: 'a', page: 'fails' },
      { pass: 20 * DAY },
      { metrics: 'a', page: 'proves nothing' },
      { restart: true },
    ],
  },
  {
    behaviour: 'one reading of an auth server that has just started ends nothing',
    before: [{ metrics: 'p', page: { '15.4.9': 3, '16.4.6': 30 } }],
    after: [{ pass: 2 * DAY }, { metrics: 'p', page: {} }],
  },
  {
    behaviour: 'the first readings of an auth server that shows no agent do not end presumption',
    before: [{ roll: 'a', to: '17.0.1' }],
    after: [{ metrics: 'p', page: {} }, { pass: MINUTE }, { metrics: 'p', page: {} }, { pass: DAY }],
    target: '16.4.7',
  },
  {
    behaviour: 'a channel that is silent as a whole forgets nobody',
    before: [poll('1', 'a', '15.4.9'), poll('2', 'a', '16.4.6')],
    after: [{ pass: 3 * DAY }, { sweep: true }, { sweep: true }, { restart: true }, { sweep: true }],
  },
  {
    behaviour: 'strangers do not make a channel heard',
    before: [poll('1', 'a', '15.4.9')],
    after: Array.from({ length: 8 }, (): Step[] => [
      { pass: 5 * HOUR },
      poll('7', 'a', '16.4.6', { token: false }),
      poll('1', 'a', '16.4.6', { token: false }),
      { sweep: true },
    ]).flat(),
  },
  {
    behaviour: 'a late and a repeated check-in change nothing',
    before: [poll('1', 'a', '16.4.6', { ago: 60 }), poll('1', 'a', '15.4.9')],
    after: [{ checkInAgain: 0 }, poll('1', 'a', '17.0.1', { ago: 50 }), { pass: 2 * HOUR }, { checkInAgain: 0 }],
  },
  {
    behaviour: 'a list that is older than what is known of an agent changes nothing',
    before: [whole('a', entry('1', '15.4.9'), entry('2', '16.4.6'))],
    after: [partial('a', entry('1', '16.4.6', { seen: 600 })), { importAgain: 0, partial: true }],
  },
  {
    behaviour: 'a whole list that is imported again does not end what was seen after it',
    before: [whole('a', entry('2', '16.4.6')), { pass: MINUTE }, partial('a', entry('1', '15.4.9'))],
    after: [{ importAgain: 0, partial: false }],
  },
  {
    behaviour: 'a stranger does not raise what an inventory says',
    mode: 'open',
    before: [whole('a', entry('1', '15.4.9'))],
    after: [poll('1', 'a', '16.4.6'), { pass: 3 * HOUR }, poll('1', 'b', '17.0.1')],
  },
  {
    behaviour: 'a stranger does not make unreadable what an inventory says',
    mode: 'open',
    before: [whole('a', entry('1', '14.3.3'))],
    after: [poll('1', 'a', 'unknown'), poll('1', 'a', '16.4.6'), whole('a', entry('1', '14.3.3'))],
    target: '16.4.7',
  },
  {
    behaviour: 'a stranger does not make an agent look old enough for a target below what an inventory says',
    mode: 'open',
    before: [whole('a', entry('1', '17.0.1'))],
    after: [poll('1', 'a', '16.4.6'), { pass: 3 * HOUR }, poll('1', 'a', 'unknown'), poll('1', 'a', '14.3.3')],
    target: '16.4.7',
  },
  {
    behaviour: 'an id that is contested counts at its highest version too, whichever was seen last',
    before: [poll('1', 'a', '17.0.1'), poll('1', 'a', '16.4.5'), poll('1', 'a', '17.0.1')],
    after: [poll('1', 'a', '16.4.5'), { pass: 10 * MINUTE }, poll('1', 'a', '16.4.5')],
    target: '16.4.7',
  },
  {
    behaviour: 'an older list does not make readable what an agent said of itself since, where anyone may say it',
    mode: 'open',
    before: [whole('a'), poll('4', 'a', 'unknown')],
    after: [partial('a', entry('4', '16.4.6', { seen: 86_400 }))],
  },
  {
    behaviour: 'two whole lists of one moment that come again in turn drop nobody',
    before: [
      wholeOf(0, entry('1', '15.4.9'), entry('2', '16.4.6')),
      wholeOf(1, entry('2', '16.4.6')),
      wholeOf(2, entry('2', '16.4.6'), entry('1', '15.4.9')),
    ],
    after: [wholeOf(3, entry('2', '16.4.6')), wholeOf(4, entry('2', '16.4.6'))],
  },
  {
    behaviour: 'an older list in which an instance had not expired yet does not make it count again',
    before: [
      poll('1', 'a', '15.4.9', { ago: 600 }),
      whole('a', entry('1', '16.4.6', { seen: 60, expires: 30 }), entry('2', '16.4.6')),
    ],
    after: [
      partial('a', entry('1', '16.4.6', { seen: 300 })),
      partial('a', entry('1', '16.4.6', { seen: 62, expires: 32 })),
    ],
  },
  {
    behaviour: 'a channel that is made again remembers what it served',
    before: [{ pass: 1 }],
    after: [{ remove: 'c' }, { pass: DAY }, { add: 'c', target: '17.0.1' }],
    on: 'c',
    target: '18.0.1',
  },
];

/** Refused before, and the ways out by which a verdict may turn. */
const TURNS: Case[] = [
  {
    behaviour: 'the agent itself is seen later',
    before: [poll('1', 'a', '15.4.9'), whole('a', entry('1', '15.4.9'))],
    after: [poll('1', 'a', '16.4.6')],
  },
  {
    behaviour: 'a newer inventory lists it at another version',
    before: [poll('1', 'a', '15.4.9'), whole('a', entry('1', '15.4.9'))],
    after: [partial('a', entry('1', '16.4.6'))],
  },
  {
    behaviour: 'a newer inventory no longer lists it',
    before: [whole('a', entry('1', '15.4.9'), entry('2', '16.4.6'))],
    after: [whole('a', entry('2', '16.4.6'))],
  },
  {
    behaviour: 'another inventory of the same moment no longer lists it',
    before: [wholeOf(0, entry('1', '15.4.9'), entry('2', '16.4.6'))],
    after: [wholeOf(1, entry('2', '16.4.6'))],
  },
  {
    behaviour: 'a fall is confirmed by a later reading',
    before: [whole('a', ...crowd(10, '15.4.9'), entry('1', '16.4.6')), whole('a', entry('1', '16.4.6'))],
    after: [{ pass: 16 * MINUTE }, whole('a', entry('1', '16.4.6'))],
  },
  {
    behaviour: 'a person accepts a fall',
    before: [whole('a', ...crowd(10, '15.4.9'), entry('1', '16.4.6')), whole('a', entry('1', '16.4.6'))],
    after: [{ accept: 'inventory', on: 'a' }],
  },
  {
    behaviour: 'a person accepts a fall of metrics that another channel of the control plane has',
    before: [
      { metrics: 'b', page: { '15.4.9': 30, '16.4.6': 10 } },
      { metrics: 'b', page: { '16.4.6': 10 } },
    ],
    after: [{ accept: 'teleport-metrics', on: 'a' }],
  },
  {
    behaviour: 'an auth server goes on to show no agent',
    before: [
      { roll: 'a', to: '17.0.1' },
      { metrics: 'p', page: {} },
    ],
    after: [{ pass: 16 * MINUTE }, { metrics: 'p', page: {} }],
    target: '16.4.7',
  },
  {
    behaviour: 'a person confirms that an auth server shows no agent because there is none',
    before: [
      { roll: 'a', to: '17.0.1' },
      { metrics: 'p', page: {} },
    ],
    after: [{ accept: 'teleport-metrics', on: 'a' }],
    target: '16.4.7',
  },
  {
    behaviour: 'a person accepts a fall to no agent',
    before: [
      { roll: 'a', to: '17.0.1' },
      { metrics: 'p', page: { '17.0.1': 4 } },
      { metrics: 'p', page: {} },
    ],
    after: [{ accept: 'teleport-metrics', on: 'a' }],
    target: '16.4.7',
  },
  {
    behaviour: 'it is silent for long while its channel is heard',
    before: [whole('a'), poll('1', 'a', '15.4.9'), poll('9', 'a', '16.4.6')],
    after: [...heard('a'), whole('a')],
  },
  {
    behaviour: 'a person forgets the agent',
    before: [whole('a', entry('1', '15.4.9'))],
    after: [{ forget: '1' }],
  },
  {
    behaviour: 'a person forgets a version',
    before: [whole('a', entry('1', '15.4.9'))],
    after: [{ forgetVersion: '15.4.9', on: 'a' }],
  },
  {
    behaviour: 'a person forgets a source, and another one is fresh',
    before: [whole('a', entry('1', '16.4.6')), { metrics: 'a', page: { '15.4.9': 30 } }],
    after: [{ forgetSource: 'teleport-metrics', on: 'a' }],
  },
  {
    behaviour: 'it is not contested any more',
    before: [poll('1', 'a', '16.4.6'), poll('1', 'a', '15.4.9'), poll('1', 'a', '16.4.6')],
    after: [{ pass: 61 * MINUTE }, poll('1', 'a', '16.4.6')],
  },
  {
    behaviour: 'a newer inventory settles what a stranger says of an agent',
    mode: 'open',
    before: [whole('a', entry('1', '17.0.1')), poll('1', 'a', '16.4.6')],
    after: [whole('a', entry('1', '16.4.6'))],
    target: '16.4.7',
  },
  {
    behaviour: 'its instance had expired',
    before: [whole('a', entry('1', '15.4.9'), entry('2', '16.4.6'))],
    after: [{ pass: HOUR }, whole('a', entry('1', '15.4.9', { seen: 3_601, expires: 600 }), entry('2', '16.4.6'))],
  },
];

describe.each([
  { outcome: 'is still refused', turns: false, cases: STAYS },
  { outcome: 'is allowed', turns: true, cases: TURNS },
])('what was refused $outcome', ({ turns, cases }) => {
  const opened = new Map<string, ReturnType<typeof openHistories>>();
  const kinds = ['embedded', 'redis'] as const;
  beforeAll(async () => {
    for (const { mode = 'token', agents = 1_000 } of cases) {
      const key = `${mode} ${agents}`;
      if (!opened.has(key)) opened.set(key, openHistories(mode, kinds, { limits: { agents, unenrolled: 1_000 } }));
    }
    await Promise.all(opened.values());
  });
  afterAll(async () => {
    for (const histories of opened.values()) await (await histories).close();
  });

  it.each(cases)(
    '$behaviour',
    async ({ mode = 'token', agents = 1_000, before, after, on = 'a', target = '17.0.1' }) => {
      const history = await (await opened.get(`${mode} ${agents}`))?.begin();
      if (!history) throw new Error('not opened');
      for (const step of before) await history.take(step);
      for (const verdict of await history.check(on, target)) expect(verdict).toMatchObject({ allowed: false });
      for (const step of after) await history.take(step).catch((error) => expect(String(error)).toBe(''));
      for (const verdict of await history.check(on, target)) expect(verdict).toMatchObject({ allowed: turns });
    },
  );
});
