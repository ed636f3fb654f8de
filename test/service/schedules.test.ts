import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Actor } from '../../src/domain/role.ts';
import { untraced } from '../../src/domain/tracer.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { openState } from '../../src/service/state.ts';
import { createServices, type Services } from '../../src/services.ts';
import { unsaved } from '../../src/store/saved-state.ts';
import {
  type Clock,
  DAY,
  HOUR,
  MINUTE,
  openWorkplace,
  settingsWith,
  type Workplace,
} from '../support/store-services.ts';

const OPS: Actor = { name: 'token:ops', role: 'operator' };
const request = { actor: OPS, ifMatch: null, dryRun: false };
const settings = settingsWith(() => ({ tokens: [{ name: 'ops', role: 'operator', sha256: '0'.repeat(64) }] }));
const START = Date.parse('2026-12-01T12:00:00Z');

describe.each(['embedded', 'redis'] as const)('scheduled changes on the %s store', (kind) => {
  const clock: Clock = { at: START };
  let place: Workplace;
  beforeAll(async () => {
    place = await openWorkplace(kind, clock, settings);
  });
  afterAll(() => place.close());
  beforeEach(async () => {
    clock.at = START;
    await place.reset();
    await place.services.channels.put('stable', { target: '16.4.6' }, request);
  });

  /** Another server on the same store. */
  async function replica(): Promise<Services> {
    const log = pino({ level: 'silent' });
    const now = () => new Date(clock.at);
    const { store } = place;
    const state = await openState({ store, saved: unsaved, compareEvery: DAY, now, log });
    onTestFinished(() => state.close());
    const { observer } = createMetrics();
    return createServices({ store, state, settings, observer, tracer: untraced, now, log });
  }

  const schedule = (version = '16.4.7') => {
    const input = { version, reason: 'monthly', at: new Date(START + HOUR).toISOString() };
    return place.services.schedules.accept('stable', 'roll-forward', input, request);
  };
  const moves = async () => (await place.store.audit({ limit: 100 })).filter(({ action }) => action === 'roll-forward');

  it('are carried out once, by whichever of two servers, however often both try', async () => {
    const { scheduled } = await schedule();
    const other = await replica();
    clock.at += HOUR;
    const both = [place.services, other];
    await Promise.all([...both, ...both, ...both].map(({ schedules }) => schedules.advance(place.fence)));
    expect(await moves()).toHaveLength(1);
    const { documents } = await place.store.documents(['channel/stable']);
    expect(documents[0]?.value).toMatchObject({ target: '16.4.7' });
    expect(documents[0]?.value).not.toHaveProperty('scheduled');
    expect(() => place.services.schedules.read(scheduled.id)).toThrow(/there is no scheduled change/);
  });

  it('are left alone by a server that was paused and leads no more, and carried out late by its successor', async () => {
    await schedule();
    const stale = place.fence;
    await place.store.releaseLease('test');
    const fence = (await place.store.acquireLease('successor', DAY)) ?? 0;
    const other = await replica();
    clock.at += HOUR + 14 * MINUTE;
    await place.services.schedules.advance(stale);
    expect(await moves()).toEqual([]);
    await other.schedules.advance(fence);
    await place.services.schedules.advance(stale);
    await other.schedules.advance(fence);
    expect(await moves()).toMatchObject([
      { actor: 'token:ops', reason: expect.stringMatching(/^monthly \(scheduled by/) },
    ]);
  });

  it('are said to be missed once, and never carried out after that', async () => {
    await schedule();
    const other = await replica();
    clock.at += HOUR + 15 * MINUTE + 1;
    for (const { schedules } of [other, place.services, other]) await schedules.advance(place.fence);
    clock.at = START + HOUR;
    for (const { schedules } of [other, place.services]) await schedules.advance(place.fence);
    expect(await moves()).toEqual([]);
    const entries = await place.store.audit({ limit: 100 });
    expect(entries.filter(({ action }) => action === 'schedule-missed')).toHaveLength(1);
  });

  it('survive a restart, in the order in which they are due', async () => {
    await schedule('16.4.8');
    await schedule('16.4.7');
    await place.restart();
    clock.at += HOUR;
    await place.services.schedules.advance(place.fence);
    expect(await moves()).toMatchObject([{ after: { target: '16.4.8' } }]);
    const { items } = place.services.schedules.page({ limit: 10 });
    expect(items).toMatchObject([
      { undone: { state: 'refused', reason: expect.stringMatching(/already|is older than/) } },
    ]);
  });

  it('keep to what a person did in the same moment', async () => {
    await schedule();
    const other = await replica();
    clock.at += HOUR;
    const back = other.channels.act('stable', 'roll-back', { version: '16.4.5', reason: 'incident' }, request);
    await Promise.allSettled([back, place.services.schedules.advance(place.fence)]);
    await place.services.state.refresh();
    await place.services.schedules.advance(place.fence);
    const { target, hold } = place.services.channels.read('stable');
    const done = await back.then(
      () => true,
      () => false,
    );
    // Either the person was first, and nothing moves it; or they were told that it has moved.
    expect(done ? target : hold).toBe(done ? '16.4.5' : null);
  });
});
