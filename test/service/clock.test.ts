import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createStoreClock, MAX_OFFSET, type StoreClockOptions, systemClock } from '../../src/service/clock.ts';

const HOUR = 3_600_000;
/** Milliseconds that a test may take between two looks at a clock. */
const NEAR = 500;

/** A clock over a store and a system whose clocks the test sets, each in milliseconds from the real time. */
function openClock({ measureEvery = HOUR, ...options }: Partial<StoreClockOptions> = {}) {
  const set = { system: 0, store: 0, isAway: false };
  const lines: { level: number; msg: string }[] = [];
  const clock = createStoreClock({
    store: {
      async time() {
        if (set.isAway) throw new Error('away');
        return Date.now() + set.store;
      },
    },
    now: () => new Date(Date.now() + set.system),
    deadline: 1_000,
    measureEvery,
    log: pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) }),
    ...options,
  });
  onTestFinished(clock.stop);
  /** Milliseconds from the real time. */
  const ahead = () => clock.now().getTime() - Date.now();
  return { clock, set, lines, ahead };
}

describe('the clock of a server', () => {
  it("is the system's until the store has answered", async () => {
    const { clock, set, ahead } = openClock();
    set.system = HOUR;
    set.isAway = true;
    await clock.measure();
    expect(Math.abs(ahead() - HOUR)).toBeLessThan(NEAR);
    expect(clock.offset()).toBe(0);
    expect(clock.isTrusted()).toBe(true);
  });

  it.each([
    ['ahead', 90_000],
    ['behind', -90_000],
  ])("goes by the store's time if the system's clock is %s", async (_, system) => {
    const { clock, set, ahead } = openClock();
    set.system = system;
    await clock.measure();
    expect(Math.abs(ahead())).toBeLessThan(NEAR);
    expect(clock.offset()).toBeCloseTo(system / 1_000, 0);
  });

  it("is not moved when the system's clock is set, and shows the difference at once", async () => {
    const { clock, set, ahead } = openClock();
    await clock.measure();
    set.system = HOUR;
    expect(Math.abs(ahead())).toBeLessThan(NEAR);
    expect(clock.offset()).toBeCloseTo(3_600, 0);
    expect(clock.isTrusted()).toBe(false);
  });

  it('keeps the last correction while the store is away', async () => {
    const { clock, set, ahead } = openClock();
    set.system = HOUR;
    await clock.measure();
    set.isAway = true;
    await clock.measure();
    expect(Math.abs(ahead())).toBeLessThan(NEAR);
    expect(clock.offset()).toBeCloseTo(3_600, 0);
  });

  it('follows the store within one measurement when its time has changed', async () => {
    const { clock, set, ahead } = openClock();
    for (let times = 0; times < 3; times++) await clock.measure();
    set.store = HOUR;
    await clock.measure();
    expect(Math.abs(ahead() - HOUR)).toBeLessThan(NEAR);
  });

  it('does not believe one answer that is odd', async () => {
    // The very first one may be the odd one: the connection is being made then.
    const odd = [HOUR];
    const { clock, ahead } = openClock({ store: { time: async () => Date.now() + (odd.pop() ?? 0) } });
    await clock.measure();
    expect(Math.abs(ahead())).toBeLessThan(NEAR);
    odd.push(HOUR);
    await clock.measure();
    expect(Math.abs(ahead())).toBeLessThan(NEAR);
  });

  it('ignores an answer that took longer than the deadline', async () => {
    const { clock, set, ahead } = openClock({ deadline: -1 });
    set.system = HOUR;
    await clock.measure();
    expect(Math.abs(ahead() - HOUR)).toBeLessThan(NEAR);
  });

  it('measures again and again', async () => {
    const { set, ahead } = openClock({ measureEvery: 5 });
    set.store = -HOUR;
    await vi.waitFor(() => expect(Math.abs(ahead() + HOUR)).toBeLessThan(NEAR));
  });

  it('is trusted up to 30 s, and logs once when it goes too far and once when it comes back', async () => {
    const { clock, set, lines } = openClock();
    for (const [system, isTrusted] of [
      [MAX_OFFSET - 1, true],
      [MAX_OFFSET + 1, false],
      [-MAX_OFFSET - 1, false],
      [1 - MAX_OFFSET, true],
    ] as const) {
      set.system = system * 1_000;
      await clock.measure();
      expect(clock.isTrusted(), `${system} s`).toBe(isTrusted);
    }
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      [50, "the clock of this machine is 31 s ahead of the store's; set it (see docs/runbooks/clock.md)"],
      [30, 'the clock of this machine agrees with the store again'],
    ]);
  });
});

it('a clock without a store is the one it is given', () => {
  const at = new Date(0);
  const clock = systemClock(() => at);
  expect([clock.now(), clock.offset(), clock.isTrusted()]).toEqual([at, 0, true]);
});
