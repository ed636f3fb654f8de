import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHANNELS, openHistories } from '../support/fleet-history.ts';
import { assertHistories, beginning, silence } from '../support/histories.ts';
import { DAY } from '../support/store-services.ts';

const TARGETS = ['16.4.7', '17.0.1', '18.0.1'];
/** About 30 ms of CPU time each. HISTORIES=3000 looks farther, SEED=2 elsewhere. */
const numRuns = Number(process.env.HISTORIES ?? 150);
/** A verdict that only a presumption refuses turns when that is over, so it outlasts every history. */
const presumed = 3_650 * DAY;

describe.each([
  { mode: 'token', kind: 'embedded', numRuns },
  { mode: 'open', kind: 'embedded', numRuns },
  { mode: 'token', kind: 'redis', numRuns: Math.ceil(numRuns / 20) },
  { mode: 'open', kind: 'redis', numRuns: Math.ceil(numRuns / 20) },
] as const)('with enrolment $mode on the $kind store', ({ mode, kind, numRuns }) => {
  let histories: Awaited<ReturnType<typeof openHistories>>;
  beforeAll(async () => {
    histories = await openHistories(mode, [kind], { presumed });
  });
  afterAll(() => histories.close());

  const concernsAgents = (reason: string) => !reason.startsWith('target_');

  it('time, failures, restarts, late messages and strangers never turn a refusal into an allowance', async () => {
    let refusals = 0;
    const property = fc.asyncProperty(beginning(mode), silence(mode), async (steps, quiet) => {
      const { take, check, paper, named } = await histories.begin();
      for (const step of steps) await take(step);
      await take({ sweep: true });
      fc.pre(!paper.knowsTheFuture());
      const refused: string[] = [];
      const all = CHANNELS.filter((name) => paper.channels.has(named(name))).flatMap((name) =>
        TARGETS.map((target) => [name, target] as const),
      );
      for (const [name, target] of all) {
        const [verdict] = await check(name, target);
        if (verdict?.reasons.some(concernsAgents)) refused.push(`${name} to ${target}`);
      }
      for (const step of quiet) await take(step);
      const turned: string[] = [];
      for (const [name, target] of all.filter(([name, target]) => refused.includes(`${name} to ${target}`))) {
        const [verdict] = await check(name, target);
        if (!verdict?.reasons.some(concernsAgents)) turned.push(`${name} to ${target}`);
      }
      refusals += refused.length;
      expect(turned).toEqual([]);
    });
    await assertHistories(property, numRuns);
    expect(refusals).toBeGreaterThan(numRuns);
  }, 600_000);
});
