import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { openState } from '../../src/service/state.ts';
import { openStore } from '../../src/store/open.ts';
import { unsaved } from '../../src/store/saved-state.ts';
import { temporaryDirectory } from '../support/server.ts';

const log = pino({ level: 'silent' });
const COMPARE_EVERY_MS = 2;

it('a refresh waits for at most one comparison that started after the call', async () => {
  const store = await openStore({ redis: null, dataDir: temporaryDirectory(), deadline: 10_000, log });
  let begun = 0;
  const slow = {
    ...store,
    async since(...asked: Parameters<typeof store.since>) {
      begun++;
      await sleep(10 * COMPARE_EVERY_MS);
      return store.since(...asked);
    },
  };
  const state = await openState({
    store: slow,
    saved: unsaved,
    compareEvery: COMPARE_EVERY_MS,
    now: () => new Date(),
    log,
  });
  onTestFinished(async () => {
    await state.close();
    await store.close();
  });
  for (let round = 0; round < 5; round++) {
    const before = begun;
    await state.refresh();
    expect([1, 2]).toContain(begun - before);
  }
});
