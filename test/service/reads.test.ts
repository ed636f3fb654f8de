import { expect, it } from 'vitest';
import type { Store } from '../../src/domain/store.ts';
import type { Services } from '../../src/services.ts';
import { openServices } from '../support/services.ts';

const REQUEST = { actor: { name: 'token:ann', role: 'admin' }, ifMatch: null, dryRun: false } as const;
const REASON = { reason: 'test' };
const [GOOD, BAD, NEXT] = ['16.4.6', '16.4.7', '16.4.8'];
/** No lease is taken, so any fence will do for what commits nothing. */
const FENCE = 1;

type Calls = Partial<Record<string, number>>;

/** Counts the calls to the store by verb. */
function counting(calls: Map<string, number>) {
  const counted = (verb: string, call: unknown) =>
    typeof call === 'function'
      ? (...args: unknown[]) => {
          calls.set(verb, (calls.get(verb) ?? 0) + 1);
          return call(...args);
        }
      : call;
  return (store: Store) =>
    Object.fromEntries(Object.entries(store).map(([verb, call]) => [verb, counted(verb, call)])) as unknown as Store;
}

/**
 * What `work` asks of the store, in an installation of so many channels that serve the newest release but one; the
 * promotion of that one waits for a control plane.
 */
async function callsOf(channels: number, work: (services: Services) => Promise<unknown>): Promise<Calls> {
  const calls = new Map<string, number>();
  const names = Array.from({ length: channels }, (_, n) => `tenants/${n}`);
  const stage = { name: 'all', channels: names, controlPlanes: ['main'], accepts: ['stable'], soak: '1h' };
  const gates = { automatic: true, signOff: false, approval: false };
  const services = await openServices({ promotion: { stages: [{ ...stage, ...gates }] } }, counting(calls));
  const list = [GOOD, BAD].map((version) => ({ version, date: null, security: false }));
  await services.releases.import(list, REQUEST.actor);
  const versions = { lineage: [GOOD, BAD], target: BAD };
  await services.transfer.apply({ fairway: 1, channels: names.map((name) => ({ name, ...versions })) }, REQUEST);
  const artifacts = { controlPlane: 'published', packages: 'published' } as const;
  const cut = { commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z' };
  await services.releases.register({ version: NEXT, ...cut, artifacts }, REQUEST);
  await services.promotions.promote(NEXT, REASON, REQUEST);
  calls.clear();
  await work(services);
  return Object.fromEntries(calls);
}

it.each<[string, (services: Services) => Promise<unknown>, object]>([
  ['a pull', ({ recall }) => recall.pull(BAD, REASON, REQUEST), { counts: 1, commit: 1 }],
  [
    'a document that moves them all',
    async ({ transfer }) => {
      const { state: document } = await transfer.export(REQUEST.actor);
      const channels = document.channels.map((channel) => ({ ...channel, lineage: [GOOD], target: GOOD }));
      await transfer.apply({ fairway: 1, channels }, REQUEST);
    },
    { counts: 1, commit: 1 },
  ],
])('%s asks the store as often for 3 channels as for 60', async (_, work, expected) => {
  expect(await callsOf(3, work)).toEqual(expected);
  expect(await callsOf(60, work)).toEqual(expected);
});

it.each<[string, (services: Services) => Promise<unknown>]>([
  ['the censuses of all channels', ({ fleet }) => fleet.censuses()],
  ['the view of a promotion', ({ promotions }) => promotions.read(NEXT, REQUEST.actor)],
  ['the look of the leader at a promotion', ({ promotionDriver }) => promotionDriver.advance(FENCE)],
  ['the look of the leader at plans', ({ plans }) => plans.advance(FENCE)],
])('%s needs at most one reading of the counts for 60 channels', async (_, look) => {
  const { counts = 0, ...others } = await callsOf(60, look);
  expect(counts).toBeLessThanOrEqual(1);
  expect(others).toEqual({});
});
