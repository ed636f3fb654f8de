import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Sighting } from '../../src/domain/agent.ts';
import { targetsOf } from '../../src/domain/snapshot.ts';
import { DEFAULT_WATCH } from '../../src/domain/watch-settings.ts';
import { type Clock, MINUTE, openWorkplace, type Workplace } from '../support/store-services.ts';

const NAME = 'stable/cloud';
const ACTOR = { name: 'token:ann', role: 'admin' } as const;
const REQUEST = { actor: ACTOR, ifMatch: null, dryRun: false };
const clock: Clock = { at: 0 };

describe.each(['embedded', 'redis'] as const)('a watch whose leader is gone (%s)', (kind) => {
  let place: Workplace;
  beforeAll(async () => {
    clock.at = Date.parse('2026-03-01T12:00:00Z');
    place = await openWorkplace(kind, clock);
  });
  beforeEach(() => place.reset());
  afterAll(() => place.close());

  const hosts = (count: number) => Array.from({ length: count }, (_, nth) => `host-${nth}`);

  async function checkIn(ids: string[], version: string): Promise<void> {
    const targets = targetsOf(place.services.state.snapshot());
    const sightings = ids.map(
      (id): Sighting => ({
        ...{ id, channel: NAME, version, at: clock.at, updater: 'unit', updaterVersion: null, group: null },
        ...{ enrolled: true, proven: true, updaterState: null, host: null, listing: null, expired: false },
      }),
    );
    await place.store.recordSightings('check-ins', sightings, { now: clock.at, contestedFor: 0, targets });
  }

  const look = () => place.services.watch.look(place.fence);
  const channel = () => place.services.channels.read(NAME);
  const act = (verb: 'roll-forward' | 'release', input = {}) =>
    place.services.channels.act(NAME, verb, { reason: 'test', ...input }, REQUEST);

  async function begin(): Promise<void> {
    await place.services.controlPlanes.report('main', '16.4.9', REQUEST);
    await place.services.channels.put(
      NAME,
      { controlPlane: 'main', target: '16.4.6', watch: { ...DEFAULT_WATCH, for: '6h' } },
      REQUEST,
    );
    clock.at += MINUTE;
    await checkIn(hosts(20), '16.4.6');
    await act('roll-forward', { version: '16.4.7' });
    await look();
  }

  /** So long that all but `count` agents, which keep asking, are silent: shell updaters have 72 min. */
  async function hearOnly(count: number): Promise<void> {
    for (let passed = 0; passed < 80; passed += 8) {
      clock.at += 8 * MINUTE;
      await checkIn(hosts(count), '16.4.7');
    }
  }

  it('is carried on by the next one, which knows how many agents there were', async () => {
    await begin();
    await hearOnly(16);
    // Only now is there another leader: to it, 16 agents are all that there is.
    await place.restart();
    await look();
    expect(channel().hold).toMatchObject({
      by: 'system:watch',
      reason: expect.stringMatching(/^4 agents of 20 fell silent \(limit 10%\)/),
    });
  });

  it('knows which version the control plane had', async () => {
    await begin();
    await place.services.controlPlanes.report('main', '16.4.8', REQUEST);
    await place.restart();
    await look();
    expect(channel().hold?.reason).toBe('the control plane went back from 16.4.9 to 16.4.8');
  });

  it('compares with what a person let go, not with what was there before', async () => {
    await begin();
    await hearOnly(16);
    await look();
    await act('release');
    await look();
    await place.restart();
    await look();
    expect(channel().hold).toBeNull();
    await hearOnly(12);
    await look();
    expect(channel().hold?.reason).toMatch(/^4 agents of 16 fell silent/);
  });

  it('records what it compares with once for each move, and forgets it with the channel', async () => {
    await begin();
    await look();
    await place.restart();
    await look();
    const entries = await place.services.audit.list({ limit: 100 }, ACTOR);
    expect(entries.filter(({ action }) => action === 'watch')).toMatchObject([
      { subject: `watch/${NAME}`, actor: 'system:watch', reason: 'before 16.4.7: 20 agents' },
    ]);
    const keys = () => [...place.services.state.snapshot().documents.keys()];
    expect(keys()).toContain(`watch/${NAME}`);
    await Promise.all(hosts(20).map((id) => place.services.fleet.forget(id, { reason: 'gone' }, ACTOR)));
    await place.services.channels.remove(NAME, REQUEST);
    expect(keys()).not.toContain(`watch/${NAME}`);
  });
});
