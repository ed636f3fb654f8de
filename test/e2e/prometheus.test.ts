import { expect, it } from 'vitest';
import { hasPrometheus, startPrometheus } from '../support/prometheus.ts';
import { openStage, startStages } from '../support/promotion.ts';

// Needs Debian's package prometheus, which the test installs as root.
it.skipIf(!hasPrometheus)(
  'a real Prometheus holds a release back until its condition is met',
  { timeout: 90_000 },
  async () => {
    const url = await startPrometheus();
    const conditions = [
      { name: 'up', query: 'up{job="self"} == 1' },
      { name: 'errors', query: 'sum(up) < 2' },
      { name: 'nonsense', query: 'sum(' },
    ];
    const stage = openStage('canary', { automatic: false, conditions });
    const { register, read, act } = await startStages([stage], { promotion: { prometheus: { url } } });
    await register();
    const { gates } = (await read()).stages[0];
    const [up, errors, nonsense] = conditions.map(({ name }) =>
      gates.find(({ gate }: { gate: string }) => gate === `condition:${name}`),
    );
    expect(up).toMatchObject({ passed: true });
    expect(errors).toMatchObject({ passed: true });
    expect(nonsense).toMatchObject({ passed: false, reason: expect.stringContaining('parse error') });
    expect((await act('promote')).body.detail).toContain('condition:nonsense');
  },
);
