import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import type { Store } from '../../src/domain/store.ts';
import { untraced } from '../../src/domain/tracer.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { shareCounts } from '../../src/service/shared-counts.ts';
import { openState } from '../../src/service/state.ts';
import { createServices, type Services } from '../../src/services.ts';
import { openStore } from '../../src/store/open.ts';
import { unsaved } from '../../src/store/saved-state.ts';
import { temporaryDirectory, testSettings } from './server.ts';

const log = pino({ level: 'silent' });

/**
 * All services over an embedded store in a temporary directory, without a listener; closed with the test. `watch` may
 * look at the calls to the store.
 */
export async function openServices(overrides: Raw = {}, watch = (store: Store) => store): Promise<Services> {
  const settings = testSettings(merge({ dataDir: temporaryDirectory() }, overrides));
  const { deadline, compareEvery } = settings.store;
  const store = shareCounts(watch(await openStore({ redis: null, dataDir: settings.dataDir, deadline, log })));
  const now = () => new Date();
  const state = await openState({ store, saved: unsaved, compareEvery, now, log });
  onTestFinished(async () => {
    await state.close();
    await store.close();
  });
  return createServices({ store, state, settings, observer: createMetrics().observer, tracer: untraced, now, log });
}
