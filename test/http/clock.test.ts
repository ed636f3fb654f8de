import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createChannel, DEFAULT_SETTINGS, pin, setCritical } from '../../src/domain/channel.ts';
import { channelKey, takeSnapshot } from '../../src/domain/snapshot.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { createAnswers } from '../../src/http/answers.ts';
import { createStoreClock } from '../../src/service/clock.ts';

const MINUTE = 60_000;
const NAME = 'stable/cloud';

/** The answers of a channel that is critical for a minute, by a clock that a test sets. */
function openAnswers(now: () => Date) {
  const act = { by: 'test', at: now(), reason: 'test' };
  const end = new Date(act.at.getTime() + MINUTE);
  const channel = createChannel(NAME, DEFAULT_SETTINGS, requireVersion('16.4.6'), act);
  const value = setCritical(pin(channel, null, end, act), true, end, act);
  const snapshot = takeSnapshot({
    revision: 1,
    hash: null,
    documents: [{ key: channelKey(NAME), revision: 1, value }],
  });
  const answers = createAnswers({
    staleness: { saidAfter: 10_000, withheldAfter: 86_400_000 },
    state: { peek: () => snapshot, onNext: () => () => {}, age: () => 0 },
    cluster: { clusterName: 'test', edition: 'ent', fips: false, toolsAutoUpdate: false },
    membership: { defaultChannel: NAME, groups: {} },
    now,
  });
  onTestFinished(answers.close);
  return { critical: () => answers.find(NAME, 'critical')?.body };
}

describe('a critical mark that has an end', () => {
  it('ends in polls when the clock is set beyond it, and is there again when the clock is set back', async () => {
    let set = 0;
    const { critical } = openAnswers(() => new Date(Date.now() + set));
    expect(critical()).toBe('yes');
    set = 2 * MINUTE;
    await vi.waitFor(() => expect(critical()).toBe('no'), { timeout: 10_000 });
    set = 0;
    await vi.waitFor(() => expect(critical()).toBe('yes'), { timeout: 10_000 });
  });

  it("ends in polls by the store's time, whatever the clock of the machine is set to", async () => {
    const set = { system: 0, store: 0 };
    const clock = createStoreClock({
      store: { time: async () => Date.now() + set.store },
      now: () => new Date(Date.now() + set.system),
      deadline: 1_000,
      measureEvery: 5,
      log: pino({ level: 'silent' }),
    });
    onTestFinished(clock.stop);
    await clock.measure();
    let looks = 0;
    const { critical } = openAnswers(() => {
      looks++;
      return clock.now();
    });
    set.system = 60 * MINUTE;
    const before = looks;
    await vi.waitFor(() => expect(looks).toBeGreaterThan(before), { timeout: 10_000 });
    expect(critical()).toBe('yes');
    set.store = 2 * MINUTE;
    await vi.waitFor(() => expect(critical()).toBe('no'), { timeout: 10_000 });
  });
});
