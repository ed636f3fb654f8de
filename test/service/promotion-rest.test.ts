import { expect, it } from 'vitest';
import type { Stage } from '../../src/domain/promotion.ts';
import { untraced } from '../../src/domain/tracer.ts';
import { createPromotionDriver } from '../../src/service/promotion-driver.ts';
import { createFacts } from '../../src/service/promotion-facts.ts';
import { openServices } from '../support/services.ts';

const REQUEST = { actor: { name: 'token:ann', role: 'admin' }, ifMatch: null, dryRun: false } as const;
const CHANNELS = Array.from({ length: 100 }, (_, n) => `tenants/${n}`);
const NEXT = '16.4.8';
/** Nothing is committed here, so no lease is needed. */
const FENCE = 1;

it('judges a stage of many channels again only after a rest, or when the promotion or its release changed', async () => {
  const gates = { automatic: true, signOff: false, approval: false, conditions: [] };
  const stage: Stage = {
    ...{ name: 'all', channels: CHANNELS, controlPlanes: ['main'], accepts: ['stable'], soak: 3_600_000 },
    ...gates,
  };
  const services = await openServices({ promotion: { stages: [{ ...stage, soak: '1h' }] } });
  const { state, gate, fleet, recall, controlPlanes, releases, transfer, promotions } = services;
  await transfer.apply({ fairway: 1, channels: CHANNELS.map((name) => ({ name, target: '16.4.7' })) }, REQUEST);
  const artifacts = { controlPlane: 'published', packages: 'published' } as const;
  const cut = { commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z' };
  await releases.register({ version: NEXT, ...cut, artifacts }, REQUEST);
  // Now it waits for the control plane.
  await promotions.promote(NEXT, { reason: 'test' }, REQUEST);

  const now = () => new Date();
  const conditions = { check: () => Promise.reject(new Error('there are no conditions')) };
  const gather = createFacts({ gate, controlPlanes, conditions, stagesAt: () => [stage], now });
  let judged = 0;
  const driver = createPromotionDriver({
    ...{ state, gate, fleet, recall, stagesAt: () => [stage], tracer: untraced, now },
    facts(...asked) {
      judged++;
      return gather(...asked);
    },
    observer: { targetChanged() {}, strandingAccepted() {} },
  });
  const began = performance.now();
  for (let round = 0; round < 50; round++) await driver.advance(FENCE);
  // A millisecond for each channel that is judged, and for each that was counted.
  const rests = Math.floor((performance.now() - began) / (2 * CHANNELS.length));
  expect(judged).toBeGreaterThan(0);
  expect(judged).toBeLessThanOrEqual(1 + rests);

  judged = 0;
  await releases.publish(NEXT, { helm: 'published' }, REQUEST);
  await driver.advance(FENCE);
  expect(judged).toBe(1);
});
