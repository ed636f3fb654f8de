import { describe, expect, it, onTestFinished } from 'vitest';
import { requireVersion } from '../../src/domain/version.ts';
import { type Clock, DAY, openWorkplace, settingsWith } from '../support/store-services.ts';

const ACTOR = { name: 'token:test', role: 'admin' } as const;
const REQUEST = { actor: ACTOR, ifMatch: null, dryRun: false };
const ACT = { reason: 'test' };
const BOOTSTRAP = { releases: null, controlPlanes: { main: '17.0.0' }, channels: [{ name: 'named' }] };

/** The services over a store, and a clock that the test moves. */
async function open(kind: 'embedded' | 'redis') {
  const clock: Clock = { at: Date.parse('2026-03-01T12:00:00Z') };
  const settings = settingsWith((shipped) => ({
    retention: { releases: 365 * DAY, deleted: 90 * DAY },
    bootstrap: { ...shipped.bootstrap, ...BOOTSTRAP },
  }));
  const place = await openWorkplace(kind, clock, settings);
  onTestFinished(place.close);
  const { state, releases, channels, controlPlanes, retention } = place.services;

  async function register(version: string): Promise<void> {
    const { cloud } = requireVersion(version);
    const cut = { commit: 'f00dfacade', cutAt: (cloud?.cutAt ?? new Date(clock.at)).toISOString() };
    const artifacts = { controlPlane: 'published', packages: 'published', helm: 'published' } as const;
    await releases.register({ version, ...cut, artifacts }, REQUEST);
  }

  return {
    ...{ clock, place, state, releases, channels, controlPlanes, register },
    forget: () => retention.forget(place.fence),
    keys: () => [...state.snapshot().documents.keys()],
    audited: async () => (await place.store.audit({ limit: 20 })).map(({ action, before }) => ({ action, before })),
  };
}

const daily = (at: number): string => {
  const stamp = new Date(at).toISOString().replace(/[-:]|\.\d+Z$/g, '');
  return `17.0.0-cloud.${stamp}.f00dfac`;
};

describe.each(['embedded', 'redis'] as const)('the %s store', (kind) => {
  it('forgets old releases with their promotions, and keeps what a channel and an agent need', async () => {
    const { clock, place, releases, channels, state, register, forget, audited } = await open(kind);
    await releases.import([{ version: '16.4.6', date: '2020-01-01', security: false }], ACTOR);
    const versions: string[] = [];
    for (let day = 0; day < 4; day++) {
      versions.push(daily(clock.at));
      await register(daily(clock.at));
      clock.at += DAY;
    }
    const [first = '', second = '', third = '', last = ''] = versions;
    await channels.put('served', { target: first }, REQUEST);
    const { promotions } = state.snapshot();
    expect([...promotions.keys()]).toEqual(versions);
    for (const version of versions) {
      await place.services.promotions.supersede(version, { by: last, ...ACT }, REQUEST).catch(() => undefined);
    }

    await forget();
    expect([...state.snapshot().releases.keys()]).toEqual(['16.4.6', ...versions]);

    clock.at += 400 * DAY;
    const sighting = { id: 'a', channel: 'served', version: second, at: clock.at, enrolled: true, proven: true };
    const none = { updater: null, updaterVersion: null, group: null, updaterState: null, host: null, listing: null };
    const options = { now: clock.at, contestedFor: DAY, targets: new Map() };
    await place.store.recordSightings('check-ins', [{ ...sighting, ...none, expired: false }], options);
    await forget();
    expect([...state.snapshot().releases.keys()]).toEqual(['16.4.6', first, second, last]);
    expect([...state.snapshot().promotions.keys()]).toEqual([first, second, last]);
    expect((await audited())[0]).toEqual({ action: 'forget-releases', before: { releases: [third] } });
    expect(await place.services.audit.verify()).toMatchObject({ intact: true });

    const { revision } = state.snapshot();
    await forget();
    expect(state.snapshot().revision, 'nothing more to forget').toBe(revision);
  });

  it('forgets deleted channels and control planes after a time, and never those that a start would create', async () => {
    const { clock, channels, controlPlanes, state, keys, forget, audited } = await open(kind);
    for (const name of ['gone', 'named', 'young']) await channels.put(name, { target: '16.4.6' }, REQUEST);
    for (const name of ['gone', 'main']) await controlPlanes.report(name, '17.0.0', REQUEST);
    for (const name of ['gone', 'named']) await channels.remove(name, REQUEST);
    for (const name of ['gone', 'main']) await controlPlanes.remove(name, REQUEST);
    clock.at += 89 * DAY;
    await channels.remove('young', REQUEST);
    await forget();
    expect([...state.snapshot().retired.keys()]).toEqual(['gone', 'named', 'young']);

    clock.at += 2 * DAY;
    await forget();
    expect(keys()).toEqual(['retired-control-plane/main', 'retired/named', 'retired/young', 'schema']);
    const forgotten = { channels: ['gone'], controlPlanes: ['gone'] };
    expect((await audited())[0]).toEqual({ action: 'forget-deleted', before: forgotten });

    const { channel } = await channels.put('gone', { target: '16.4.6' }, REQUEST);
    expect(channel.hold, 'made as if it were new').toBeNull();
  });

  it('forgets the agents and the figures of a channel that is gone, and of no other', async () => {
    const { clock, place, channels, forget } = await open(kind);
    const { store, services } = place;
    for (const name of ['gone', 'stays']) {
      await channels.put(name, { target: '16.4.6' }, REQUEST);
      const own = { kind: 'instance', metadata: { name: 'auth' }, spec: { version: '17.0.0', services: ['Auth'] } };
      const agent = {
        kind: 'instance',
        metadata: { name: `${name}-1` },
        spec: { version: '16.4.6', ext_upgrader: 'unit' },
      };
      const instances = (async function* () {
        yield own;
        yield agent;
      })();
      const sender = { actor: ACTOR, address: '', sha256: () => 'x' };
      await services.inventories.importInventory({ channel: name, mode: 'proven' }, instances, sender);
    }
    const counted = async () => {
      const { surveys, known } = await store.counts();
      return [...surveys, ...known].map(({ channel }) => channel).sort();
    };
    expect(await counted()).toEqual(['gone', 'gone', 'stays', 'stays']);
    // As a release did that let channels with agents go, or one that had no memory of what was deleted.
    const { snapshot, commit } = services.state;
    const audit = {
      at: '',
      actor: 'test',
      action: 'delete',
      subject: 'channel/gone',
      reason: '',
      before: null,
      after: null,
    };
    const { revision: ifRevision = 0 } = snapshot().channels.get('gone') ?? {};
    await commit([{ key: 'channel/gone', ifRevision, value: null }], audit);

    clock.at += 89 * DAY;
    await forget();
    expect(await counted()).toEqual(['gone', 'gone', 'stays', 'stays']);
    clock.at += 2 * DAY;
    await forget();
    expect(await counted()).toEqual(['stays', 'stays']);
    expect(await store.agent('gone-1')).toBeNull();
    expect(await store.agent('stays-1')).not.toBeNull();
  });
});
