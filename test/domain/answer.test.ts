import { describe, expect, it } from 'vitest';
import { answerOf, type Cluster, type Surroundings, surroundingsOf } from '../../src/domain/answer.ts';
import { type Channel, createChannel, DEFAULT_SETTINGS, setCritical, withdraw } from '../../src/domain/channel.ts';
import { listedRelease, type Release } from '../../src/domain/release.ts';
import { channelKey, controlPlaneKey, releaseKey, takeSnapshot } from '../../src/domain/snapshot.ts';
import { requireVersion } from '../../src/domain/version.ts';

const ACT = { by: 'test', at: new Date('2026-11-22T00:00:00Z'), reason: 'test' };
const MAIN = { name: 'main', version: '17.0.1', updatedAt: ACT.at.toISOString(), updatedBy: 'test' };
const CLUSTER: Cluster = { clusterName: 'example.teleport.sh', edition: 'ent', fips: false, toolsAutoUpdate: true };

function channel(target: string | null, settings: Partial<Channel> = {}): Channel {
  const version = target === null ? null : requireVersion(target);
  return createChannel('stable/cloud', { ...DEFAULT_SETTINGS, ...settings }, version, ACT);
}

const answer = (served: Channel, surroundings: Partial<Surroundings> = {}) =>
  answerOf(served, { controlPlane: null, tools: served.target, target: served.target, ...surroundings }, CLUSTER);

describe('the answer of a channel', () => {
  it.each<[string, Channel, Partial<Surroundings>, { version: string; critical?: string; tools: string }]>([
    ['a target', channel('16.4.7'), {}, { version: 'v16.4.7', tools: 'v16.4.7' }],
    ['no prefix', channel('16.4.7', { versionPrefix: '' }), {}, { version: '16.4.7', tools: '16.4.7' }],
    ['no target', channel(null), {}, { version: 'none', tools: 'none' }],
    ['a withdrawn target', withdraw(channel('16.4.7'), ACT), {}, { version: 'none', tools: 'none' }],
    ['own tools', channel('16.4.7'), { tools: '16.4.8' }, { version: 'v16.4.7', tools: 'v16.4.8' }],
    ['tools without a target', channel(null), { tools: '16.4.8' }, { version: 'none', tools: 'v16.4.8' }],
    [
      'a critical target',
      setCritical(channel('16.4.7'), true, null, ACT),
      {},
      { version: 'v16.4.7', critical: 'yes', tools: 'v16.4.7' },
    ],
    ['a newer control plane', channel('16.4.7'), { controlPlane: '17.0.1' }, { version: 'v16.4.7', tools: 'v16.4.7' }],
  ])('with %s, for v1 updaters', (_, served, surroundings, expected) => {
    const { find: _find, ...plain } = answer(served, surroundings);
    expect(plain).toEqual({ critical: 'no', ...expected });
  });

  it('has every field of the find document, in the order of Teleport', () => {
    expect(JSON.stringify(answer(channel('16.4.7'), { controlPlane: '17.0.1' }).find)).toBe(
      JSON.stringify({
        server_version: '17.0.1',
        min_client_version: '16.0.0-aa',
        cluster_name: 'example.teleport.sh',
        edition: 'ent',
        fips: false,
        auto_update: {
          tools_version: '16.4.7',
          tools_auto_update: true,
          agent_version: '16.4.7',
          agent_auto_update: true,
          agent_update_jitter_seconds: 60,
        },
      }),
    );
  });

  it.each<[string, Channel, Partial<Surroundings>, object]>([
    ['no prefix even where the channel has one', channel('16.4.7'), {}, { agent_version: '16.4.7' }],
    [
      'a jitter of 10 seconds on a critical target: a whole fleet never moves in one second',
      setCritical(channel('16.4.7'), true, null, ACT),
      {},
      { agent_update_jitter_seconds: 10 },
    ],
    [
      'no version and no update after a withdrawal',
      withdraw(channel('16.4.7'), ACT),
      { controlPlane: '17.0.1' },
      { agent_version: '', agent_auto_update: false, tools_auto_update: false },
    ],
    [
      'no version of the control plane where there never was a target',
      channel(null),
      { controlPlane: '17.0.1' },
      { agent_version: '', agent_auto_update: false, tools_auto_update: false },
    ],
    [
      'no target that no one may know',
      channel('16.4.7'),
      { target: null },
      { agent_version: '', agent_auto_update: false },
    ],
    [
      'own tools, on, after a withdrawal',
      withdraw(channel('16.4.7'), ACT),
      { tools: '16.4.8' },
      { agent_auto_update: false, tools_version: '16.4.8', tools_auto_update: true },
    ],
  ])('has for v2 updaters %s', (_, served, surroundings, expected) => {
    expect(answer(served, surroundings).find.auto_update).toMatchObject(expected);
  });

  it.each<[target: string | null, controlPlane: string | null, facts: object]>([
    ['16.4.7', '17.0.1', { server_version: '17.0.1', min_client_version: '16.0.0-aa' }],
    ['16.4.7', '0.4.0', { server_version: '0.4.0', min_client_version: '0.0.0-aa' }],
    ['16.4.7', null, {}],
    [null, '17.0.1', { server_version: '17.0.1', min_client_version: '16.0.0-aa' }],
    [null, null, {}],
  ])('for the target %s and the control plane %s, reports of the server only what is known', (...row) => {
    const [target, controlPlane, facts] = row;
    const {
      auto_update: _,
      cluster_name: _name,
      edition: _edition,
      fips: _fips,
      ...found
    } = answer(channel(target), {
      controlPlane,
    }).find;
    expect(found).toEqual(facts);
  });

  it('leaves out an edition that nobody has set, and tools that there are not', () => {
    const surroundings = { controlPlane: null, tools: null, target: null };
    const { find } = answerOf(channel(null), surroundings, { ...CLUSTER, edition: null });
    expect(find).not.toHaveProperty('edition');
    expect(find.auto_update).not.toHaveProperty('tools_version');
  });

  it('updates tools only where the settings say so', () => {
    const surroundings = { controlPlane: null, tools: '16.4.7', target: '16.4.7' };
    const { find } = answerOf(channel('16.4.7'), surroundings, { ...CLUSTER, toolsAutoUpdate: false });
    expect(find.auto_update).toMatchObject({ tools_version: '16.4.7', tools_auto_update: false });
  });
});

describe('the surroundings of a channel', () => {
  const listed = (version: string, over: Partial<Release> = {}): Release => ({
    ...listedRelease({ version, cutAt: null, security: false }),
    ...over,
  });
  const pulled = { by: 'test', at: ACT.at.toISOString(), reason: 'test' };

  it.each<[string, Partial<Channel>, Release[], Surroundings]>([
    [
      'the control plane and the target',
      { controlPlane: 'main' },
      [],
      { controlPlane: '17.0.1', tools: '16.4.7', target: '16.4.7' },
    ],
    ['no control plane where none is set', {}, [], { controlPlane: null, tools: '16.4.7', target: '16.4.7' }],
    [
      'no control plane where it is unknown',
      { controlPlane: 'x' },
      [],
      { controlPlane: null, tools: '16.4.7', target: '16.4.7' },
    ],
    [
      'no control plane that runs a release under embargo',
      { controlPlane: 'main' },
      [listed('17.0.1', { embargoed: true })],
      { controlPlane: null, tools: '16.4.7', target: '16.4.7' },
    ],
    [
      'the tools that are set',
      { toolsVersion: '16.4.8' },
      [],
      { controlPlane: null, tools: '16.4.8', target: '16.4.7' },
    ],
    [
      'the target instead of tools that were pulled',
      { toolsVersion: '16.4.8' },
      [listed('16.4.8', { pulled })],
      { controlPlane: null, tools: '16.4.7', target: '16.4.7' },
    ],
    [
      'the target instead of tools under embargo',
      { toolsVersion: '16.4.8' },
      [listed('16.4.8', { embargoed: true })],
      { controlPlane: null, tools: '16.4.7', target: '16.4.7' },
    ],
    [
      'no target that was pulled, and no tools after it',
      {},
      [listed('16.4.7', { pulled })],
      { controlPlane: null, tools: null, target: null },
    ],
    [
      'no target under embargo',
      { toolsVersion: '16.4.8' },
      [listed('16.4.7', { embargoed: true })],
      { controlPlane: null, tools: '16.4.8', target: null },
    ],
  ])('are %s', (_, settings, releases, expected) => {
    const served = channel('16.4.7', settings);
    const documents = [
      { key: channelKey(served.name), value: served },
      { key: controlPlaneKey('main'), value: MAIN },
      ...releases.map((release) => ({ key: releaseKey(release.version), value: release })),
    ].map((document, index) => ({ ...document, revision: index + 1 }));
    expect(surroundingsOf(served, takeSnapshot({ revision: 9, hash: null, documents }))).toEqual(expected);
  });
});
