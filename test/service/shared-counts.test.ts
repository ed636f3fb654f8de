import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import type { Sighting } from '../../src/domain/agent.ts';
import { unreadSurvey } from '../../src/domain/survey.ts';
import { shareCounts } from '../../src/service/shared-counts.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryDirectory } from '../support/server.ts';

/** Milliseconds that no test takes. */
const LONG = 3_600_000;
const NOW = Date.UTC(2026, 0, 2);
const CHANNEL = 'stable/cloud';

const agent: Sighting = {
  ...{ id: 'a', channel: CHANNEL, version: '17.4.2', at: NOW, updater: null, updaterVersion: null, group: null },
  ...{ enrolled: true, proven: true, updaterState: null, host: null, listing: null, expired: false },
};

it('lets those who only look share a reading until this server records something', async () => {
  const log = pino({ level: 'silent' });
  const store = shareCounts(await openStore({ redis: null, dataDir: temporaryDirectory(), deadline: LONG, log }));
  onTestFinished(() => store.close());

  const first = await store.counts();
  expect(await store.counts(LONG)).toBe(first);
  expect(await store.counts()).not.toBe(first);
  await store.recordSightings('check-ins', [agent], { now: NOW, contestedFor: LONG, targets: new Map() });
  expect((await store.counts(LONG)).known).toHaveLength(1);
  await store.saveSurvey(unreadSurvey(CHANNEL, NOW));
  expect((await store.counts(LONG)).surveys).toHaveLength(1);
  await store.dropSurvey(CHANNEL, 'teleport-metrics');
  await store.noteUncounted([{ channel: CHANNEL, line: '16.x', at: NOW }]);
  await store.forget('a');
  expect(await store.counts(LONG)).toMatchObject({ surveys: [], known: [], uncounted: [{ line: '16.x' }] });
});
