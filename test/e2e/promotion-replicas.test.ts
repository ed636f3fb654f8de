import { expect, it, onTestFinished } from 'vitest';
import type { AuditEntry } from '../../src/domain/audit.ts';
import { openStage, RELEASE, release, startStages } from '../support/promotion.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, startServer } from '../support/server.ts';

it('replicas that drive the same promotion take each step once, even as one after another stops', {
  timeout: 90_000,
}, async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const time = { now: Date.parse('2024-11-12T10:30:00Z') };
  const options = { now: () => new Date(time.now) };
  const names = ['one', 'two', 'three', 'four'];
  const stages = names.map((name) => openStage(name));
  const first = await startStages(stages, { redisUrl: redis.url, promotion: { advanceEvery: '5ms' } }, options);
  const replica = () => startServer({ redisUrl: redis.url, promotion: { stages, advanceEvery: '5ms' } }, options);
  const others = [await replica(), await replica()];
  await first.register();
  let witness = release(operatorClient(first.server, 'release-manager'));
  for (const [index, name] of names.entries()) {
    await witness.until(name, 'soaking');
    const dying = index === 0 ? first.server : others[index - 1];
    if (index < 2) {
      await dying?.close();
      witness = release(operatorClient(others[index] ?? first.server, 'release-manager'));
    }
    time.now += 3_600_000;
    await witness.until(name, 'complete');
  }
  const { entries } = (await witness.api('GET', '/audit?limit=500')).body;
  const taken = entries
    .filter((entry: AuditEntry) => entry.subject === `promotion/${RELEASE}`)
    .map(({ action, after }: AuditEntry) => `${(after as { stage: string }).stage} ${action}`);
  const steps = ['start', 'control-planes-ready', 'channels-serve', 'soaked'];
  expect(taken.reverse()).toEqual(names.flatMap((name) => steps.map((step) => `${name} ${step}`)));
  expect((await witness.api('GET', '/audit/verify')).body).toMatchObject({ intact: true });
});
