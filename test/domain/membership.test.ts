import { describe, expect, it } from 'vitest';
import { type Membership, resolveGroup } from '../../src/domain/membership.ts';

const CHANNELS = new Set(['stable/cloud', 'canary', 'staging', 'Odd']);
const SETTINGS = {
  defaultChannel: 'stable/cloud',
  groups: {
    'Prod-EU': { channel: 'stable/cloud', group: 'prod' },
    'prod-us': { channel: 'canary' },
    'Prod-US': { channel: 'staging' },
    'team/a b': { channel: 'staging', group: 'a' },
    staging: { channel: 'canary', group: 'late' },
    lost: { channel: 'gone' },
    Canary: { channel: 'gone' },
  },
};
/** The group leads to the channel. */
const there = (channel: string, group: string): Membership => ({ channel, mapped: true, named: true, group });
/** The group leads nowhere (`lost`), or names nothing. */
const home = (group: string | null, lost = false): Membership => {
  return { channel: 'stable/cloud', mapped: !lost, named: false, group };
};

describe('the channel of a group', () => {
  it.each<[what: string, group: string | null, expected: Membership]>([
    ['none', null, home(null)],
    ['an empty name', '', home(null)],
    ['the name that updaters use without one', 'default', home('default')],
    ['the same in another case', 'Default', home('Default')],
    ['the name of a channel', 'canary', there('canary', 'canary')],
    ['the name of a channel in another case', 'CANARY', there('canary', 'CANARY')],
    ['the name of a channel with a slash', 'stable/cloud', there('stable/cloud', 'stable/cloud')],
    ['a mapped name', 'Prod-EU', there('stable/cloud', 'prod')],
    ['a mapped name in another case', 'prod-eu', there('stable/cloud', 'prod')],
    ['a mapped name that keeps its group', 'prod-us', there('canary', 'prod-us')],
    ['the same letters mapped otherwise', 'Prod-US', there('staging', 'Prod-US')],
    ['a case that nobody mapped: the first mapping', 'PROD-US', there('canary', 'PROD-US')],
    ['a mapped name with a slash and a space', 'team/a b', there('staging', 'a')],
    ['a mapping before the channel of that name', 'staging', there('canary', 'late')],
    ['a mapping to a channel that does not exist', 'lost', home('lost', true)],
    ['such a mapping beside a channel of that name', 'Canary', there('canary', 'Canary')],
    ['a name that leads nowhere', 'nowhere', home('nowhere', true)],
    ['a name that objects have', '__proto__', home('__proto__', true)],
    ['another', 'constructor', home('constructor', true)],
  ])('%s', (_, group, expected) => {
    expect(resolveGroup(group, CHANNELS, SETTINGS)).toEqual(expected);
  });

  it('is the channel default, where there is one', () => {
    expect(resolveGroup('default', new Set(['default']), SETTINGS)).toEqual(there('default', 'default'));
  });

  it('may be mapped from the name default', () => {
    const groups = { default: { channel: 'canary', group: 'rest' } };
    expect(resolveGroup('default', CHANNELS, { ...SETTINGS, groups })).toEqual(there('canary', 'rest'));
  });
});
