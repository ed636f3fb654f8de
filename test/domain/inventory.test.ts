import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Instance, readInstance } from '../../src/domain/inventory.ts';

const ID = 'd906549e-6107-4c5e-9b0a-1d1d4bb8a001';
const entry = (spec: unknown, metadata: unknown = { name: ID }, kind: unknown = 'instance') => ({
  kind,
  metadata,
  spec,
});

function read(spec: unknown, metadata?: unknown): Instance {
  const found = readInstance(entry(spec, metadata));
  if (found.is !== 'instance') throw new Error(`it is ${found.is}`);
  return found.instance;
}

describe('enrolled', () => {
  it.each<[string, object, boolean]>([
    ['a unit updater', { ext_upgrader: 'unit' }, true],
    ['a kube updater', { ext_upgrader: 'kube' }, true],
    ['the other spelling', { external_upgrader: 'kube' }, true],
    ['the other spelling beside an empty one', { ext_upgrader: '', external_upgrader: 'unit' }, true],
    ['the other spelling beside none', { ext_upgrader: 'none', external_upgrader: 'unit' }, true],
    ['the other spelling beside null', { ext_upgrader: null, external_upgrader: 'unit' }, true],
    ['an updater not yet heard of', { ext_upgrader: 'other' }, true],
    ['an updater of another type', { ext_upgrader: 5 }, true],
    ['a v2 updater', { updater_info: { update_group: 'prod' } }, true],
    ['a v2 updater that says nothing of itself', { updater_info: {} }, true],
    ['a v2 updater in the other spelling', { UpdaterInfo: {} }, true],
    ['a v2 updater in the other spelling beside null', { updater_info: null, UpdaterInfo: {} }, true],
    ['a v2 updater beside none', { ext_upgrader: 'none', updater_info: {} }, true],
    ['a v2 updater of another type', { updater_info: 'yes' }, true],
    ['an updater and no version', { version: '', ext_upgrader: 'unit' }, true],
    ['no updater', {}, false],
    ['an empty updater', { ext_upgrader: '' }, false],
    ['the updater none', { ext_upgrader: 'none' }, false],
    ['the updater none in the other spelling', { external_upgrader: 'none' }, false],
    ['null everywhere', { ext_upgrader: null, external_upgrader: null, updater_info: null, UpdaterInfo: null }, false],
    ['the version of an upgrader alone', { ext_upgrader_version: '16.4.6' }, false],
  ])('with %s: %j %s', (_, spec, enrolled) => {
    expect(read({ version: 'v16.4.6', ...spec }).enrolled).toBe(enrolled);
  });
});

describe('an instance', () => {
  it('is what the inventory says of it', () => {
    const spec = {
      version: 'v16.4.6',
      services: ['Node'],
      hostname: 'agent-1.example',
      ext_upgrader: 'unit',
      ext_upgrader_version: '16.4.5',
      last_seen: '2024-11-12T08:42:56.123456789Z',
    };
    expect(read(spec, { name: ID, expires: '2024-11-12T10:02:56+01:00' })).toEqual({
      id: ID,
      name: ID,
      version: '16.4.6',
      enrolled: true,
      own: false,
      updater: 'unit',
      updaterVersion: '16.4.5',
      updaterState: null,
      group: null,
      host: 'agent-1.example',
      lastSeen: Date.parse('2024-11-12T08:42:56.123Z'),
      expires: Date.parse('2024-11-12T09:02:56Z'),
    });
  });

  it('has a v2 updater in either spelling', () => {
    const expected = { updater: 'binary', group: 'prod', updaterState: 'pinned', enrolled: true };
    const uuid = 'MDEyMzQ1Njc4OWFiY2RlZg==';
    const snake = { update_group: 'prod', update_uuid: '0b5a', updater_status: 3 };
    const camel = { UpdateGroup: 'prod', UpdateUUID: uuid, UpdaterStatus: 'UPDATER_STATUS_PINNED' };
    expect(read({ updater_info: snake })).toMatchObject(expected);
    expect(read({ UpdaterInfo: camel })).toMatchObject(expected);
    expect(read({ ext_upgrader: 'kube', updater_info: camel })).toMatchObject({ ...expected, updater: 'kube' });
  });

  it.each<[uuid: unknown, id: string | undefined]>([
    ['0B5A2B1E-0000-4000-8000-000000000001', '0b5a2b1e-0000-4000-8000-000000000001'],
    ['MDEyMzQ1Njc4OWFiY2RlZg==', '30313233-3435-3637-3839-616263646566'],
    ['0b5a', undefined],
    [null, undefined],
    [7, undefined],
  ])('asks as its update_uuid %j says', (uuid, id) => {
    expect(read({ updater_info: { update_uuid: uuid } }).updateId).toBe(id);
    expect(read({ UpdaterInfo: { UpdateUUID: uuid } }).updateId).toBe(id);
  });

  it.each([
    [0, null],
    [1, 'ok'],
    [2, 'disabled'],
    [3, 'pinned'],
    [4, 'unreadable'],
    [5, null],
    [-1, null],
    [1.5, null],
    ['OK', 'ok'],
    ['Disabled', 'disabled'],
    ['PINNED', 'pinned'],
    ['UNREADABLE', 'unreadable'],
    ['UPDATER_STATUS_UNSPECIFIED', null],
    ['UPDATER_STATUS_OK', 'ok'],
    ['UPDATER_STATUS_UNREADABLE', 'unreadable'],
    ['3', 'pinned'],
    ['', null],
    [null, null],
    [{}, null],
  ])('reports the updater status %j as %j', (status, expected) => {
    expect(read({ updater_info: { updater_status: status } }).updaterState).toBe(expected);
    expect(read({ UpdaterInfo: { UpdaterStatus: status } }).updaterState).toBe(expected);
  });

  it.each<[status: unknown, error: unknown, state: string | null, code?: number]>([
    [1, 0, 'ok'],
    [1, undefined, 'ok'],
    [1, null, 'ok'],
    [1, '', 'ok'],
    [1, '0', 'ok'],
    [1, {}, 'ok'],
    [1, 2, 'failing', 2],
    [1, '6', 'failing', 6],
    [0, 4096, 'failing', 4096],
    [1, 4_294_967_295, 'failing', 4_294_967_295],
    [1, 4_294_967_296, 'failing'],
    [1, -1, 'failing'],
    [1, 1.5, 'failing'],
    [1, 'NO_SPACE_LEFT', 'failing'],
    // What must not move does not fail to.
    [2, 2, 'disabled'],
    [3, 2, 'pinned'],
    [4, 2, 'unreadable'],
  ])('with the status %j and the error code %j is %s', (status, error, updaterState, updaterError) => {
    for (const spec of [
      { updater_info: { updater_status: status, error_code: error } },
      { UpdaterInfo: { UpdaterStatus: status, ErrorCode: error } },
    ]) {
      expect(read(spec)).toMatchObject({ updaterState });
      expect(read(spec).updaterError).toBe(updaterError);
    }
  });

  it.each<[what: string, spec: object, expected: Partial<Instance>]>([
    ['a version without v', { version: '16.4.6' }, { version: '16.4.6' }],
    ['a version with V', { version: ' V14.3.3 ' }, { version: '14.3.3' }],
    ['a version of two parts', { version: '14.3' }, { version: '14.3.0' }],
    ['build metadata', { version: '15.4.9+fips.1' }, { version: '15.4.9+fips.1' }],
    ['no version', {}, { version: '?' }],
    ['null for a version', { version: null }, { version: '?' }],
    ['a number for a version', { version: 16 }, { version: '?' }],
    ['a version of a megabyte', { version: `1.2.3-${'a'.repeat(1_000_000)}` }, { version: '?' }],
    ['an updater not yet heard of', { ext_upgrader: 'other' }, { updater: null }],
    ['an unreadable updater version', { ext_upgrader_version: '?' }, { updaterVersion: null }],
    ['a group with a space', { updater_info: { update_group: 'a b' } }, { group: 'a b' }],
    ['an empty group', { updater_info: { update_group: '' } }, { group: null }],
    ['a group of another type', { updater_info: { update_group: 7 } }, { group: null }],
    ['a host name that is too long', { hostname: 'a'.repeat(254) }, { host: null }],
    ['a host name with a line in it', { hostname: 'a\nb' }, { host: null }],
    ['a host name in UTF-8', { hostname: 'bücher' }, { host: 'bücher' }],
    ['no time', {}, { lastSeen: null }],
    ["Go's zero time", { last_seen: '0001-01-01T00:00:00Z' }, { lastSeen: null }],
    ['a time that is a number', { last_seen: 1_700_000_000 }, { lastSeen: null }],
    ['a time that is a word', { last_seen: 'today' }, { lastSeen: null }],
    ['the service Auth', { services: ['Node', 'Auth'] }, { own: true }],
    ['the service proxy', { services: ['proxy'] }, { own: true }],
    ['the service App', { services: ['App'] }, { own: false }],
    ['a service that is an object', { services: [{ toString: 1, valueOf: 1 }] }, { own: false }],
    ['services of another type', { services: 'Auth' }, { own: false }],
    ['null among its services', { services: [null, 'PROXY'] }, { own: true }],
  ])('is read with %s', (_, spec, expected) => {
    expect(read(spec)).toMatchObject(expected);
  });

  it.each<[what: string, metadata: object, expected: Partial<Instance>]>([
    ['an empty id', { name: '' }, { id: null, name: null }],
    ['no id', {}, { id: null, name: null }],
    ['null for an id', { name: null }, { id: null, name: null }],
    ['an id with a space', { name: 'agent 9903' }, { id: null, name: 'agent 9903' }],
    ['an id in UTF-8', { name: 'bücher' }, { id: null, name: 'bücher' }],
    ['an id that is too long', { name: 'a'.repeat(129) }, { id: null }],
    ['an id that is just short enough', { name: 'a'.repeat(128) }, { id: 'a'.repeat(128) }],
    ['null for its end', { name: ID, expires: null }, { id: ID, expires: null }],
  ])('is read with %s', (_, metadata, expected) => {
    expect(read({ version: '16.4.6' }, metadata)).toMatchObject({ ...expected, version: '16.4.6' });
  });
});

describe('an entry', () => {
  it.each<[what: string, value: unknown, expected: object]>([
    ['null', null, { is: 'odd' }],
    ['a number', 5, { is: 'odd' }],
    ['an array', [], { is: 'odd' }],
    ['an empty object', {}, { is: 'odd' }],
    ['an instance without a name and a spec', { kind: 'instance' }, { is: 'odd' }],
    [
      'an instance without a spec',
      { kind: 'instance', metadata: { name: ID }, spec: null },
      { is: 'instance', odd: false, instance: { id: ID, enrolled: true, version: '?' } },
    ],
    ['an instance without metadata', { kind: 'instance', spec: {} }, { is: 'instance', odd: true }],
    ['an instance', entry({}), { is: 'instance', odd: false }],
    ['a node', entry({}, { name: ID }, 'node'), { is: 'other', kind: 'node' }],
    ['a node without a spec', { kind: 'node' }, { is: 'other', kind: 'node' }],
    ['a kind of another type', entry({}, {}, 5), { is: 'other', kind: 'of another type' }],
    ['no kind', { metadata: { name: ID }, spec: {} }, { is: 'other', kind: null, instance: { id: ID } }],
  ])('that is %s', (_, value, expected) => {
    expect(readInstance(value)).toMatchObject(expected);
  });

  it('is read whatever it is', () => {
    const key = fc.constantFrom(
      'kind',
      'metadata',
      'spec',
      'name',
      'expires',
      'version',
      'services',
      'updater_info',
      'UpdaterInfo',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('instance', 'Auth', ''),
        fc.jsonValue({ maxDepth: 1 }),
        fc.dictionary(key, tie('tree')),
      ),
    }));
    fc.assert(fc.property(tree, (value) => void expect(readInstance(value).is).toMatch(/^(instance|other|odd)$/)));
  });
});
