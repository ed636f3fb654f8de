import { describe, expect, it } from 'vitest';
import { type Instance, isEnrolled, readInstance } from '../../src/domain/inventory.ts';
import { NOW } from './populations.ts';

const ID = 'd906549e-6107-4c5e-9b0a-1d1d4bb8a001';
const instance = (spec: Instance['spec'], name = ID): Instance => ({ metadata: { name }, spec });

describe('enrolled', () => {
  it.each<[string, Instance['spec'], boolean]>([
    ['a unit updater', { ext_upgrader: 'unit' }, true],
    ['a kube updater', { ext_upgrader: 'kube' }, true],
    ['the other spelling', { external_upgrader: 'kube' }, true],
    ['the other spelling beside an empty one', { ext_upgrader: '', external_upgrader: 'unit' }, true],
    ['the other spelling beside none', { ext_upgrader: 'none', external_upgrader: 'unit' }, true],
    ['an updater not yet heard of', { ext_upgrader: 'binary' }, true],
    ['a v2 updater', { updater_info: { update_group: 'prod' } }, true],
    ['a v2 updater that says nothing of itself', { updater_info: {} }, true],
    ['a v2 updater beside none', { ext_upgrader: 'none', updater_info: {} }, true],
    ['an updater and no version', { version: '', ext_upgrader: 'unit' }, true],
    ['no updater', {}, false],
    ['an empty updater', { ext_upgrader: '' }, false],
    ['the updater none', { ext_upgrader: 'none' }, false],
    ['the updater none in the other spelling', { external_upgrader: 'none' }, false],
    ['no report of a v2 updater', { updater_info: null }, false],
    ['the version of an upgrader alone', { ext_upgrader_version: '16.4.6' }, false],
  ])('with %s: %j %s', (_, spec, enrolled) => {
    expect(isEnrolled(instance({ version: 'v16.4.6', ...spec }))).toBe(enrolled);
  });
});

describe('an enrolled instance as an agent', () => {
  const read = (spec: Instance['spec'], name?: string) => readInstance(instance(spec, name), 'stable/cloud', NOW);

  it('is what the inventory says of it', () => {
    const spec = { version: 'v16.4.6', ext_upgrader: 'unit', ext_upgrader_version: '16.4.6' };
    expect(read(spec)).toEqual({
      id: ID,
      channel: 'stable/cloud',
      version: '16.4.6',
      at: NOW,
      updater: 'unit',
      updaterVersion: '16.4.6',
      group: null,
      enrolled: true,
    });
  });

  it('of a v2 updater is of kind binary and has a group', () => {
    expect(read({ version: '16.4.6', updater_info: { update_group: 'prod' } })).toMatchObject({
      updater: 'binary',
      updaterVersion: null,
      group: 'prod',
    });
  });

  it.each<[string, Instance['spec'], object]>([
    ['a version with v', { version: 'v16.4.6' }, { version: '16.4.6' }],
    ['a version without v', { version: '16.4.6' }, { version: '16.4.6' }],
    [
      'a cloud version',
      { version: 'v17.0.0-cloud.20241101T123633.aabbcc' },
      { version: '17.0.0-cloud.20241101T123633.aabbcc' },
    ],
    ['an updater not yet heard of', { version: '16.4.6', ext_upgrader: 'other' }, { updater: null }],
    ['an unreadable updater version', { version: '16.4.6', ext_upgrader_version: '?' }, { updaterVersion: null }],
    ['an unreadable group', { version: '16.4.6', updater_info: { update_group: 'a b' } }, { group: null }],
  ])('is read with %s', (_, spec, expected) => {
    expect(read(spec)).toMatchObject(expected);
  });

  it.each<[string, Instance['spec'], string?]>([
    ['without a version', { ext_upgrader: 'unit' }],
    ['with an empty version', { version: '' }],
    ['with an unreadable version', { version: '16.4' }],
    ['with build metadata', { version: '16.4.6+5' }],
    ['with a version of a megabyte', { version: `1.2.3-${'a'.repeat(1_000_000)}` }],
    ['with an empty id', { version: '16.4.6' }, ''],
    ['with an id that no agent can send', { version: '16.4.6' }, 'agent 9903'],
    ['with an id that is too long', { version: '16.4.6' }, 'a'.repeat(129)],
  ])('cannot be read %s', (_, spec, name) => {
    expect(read(spec, name)).toBeNull();
  });
});
