import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import { type Channel, createChannel, DEFAULT_SETTINGS } from '../../src/domain/channel.ts';
import { channelKey } from '../../src/domain/snapshot.ts';
import { requireVersion } from '../../src/domain/version.ts';
import { createAnswers } from '../../src/http/answers.ts';
import { issueClearance } from '../../src/service/cleared.ts';
import { openState, type State } from '../../src/service/state.ts';
import { unsaved } from '../../src/store/saved-state.ts';
import { openRedis } from '../store/redis-harness.ts';
import { startRedis } from '../support/redis-server.ts';

const log = pino({ level: 'silent' });
const ACT = { by: 'test', at: new Date('2026-11-27T12:00:00Z'), reason: '' };
const AT_ONCE = 250;
const CHANGES = 20;
const nameOf = (n: number) => `many/c${n}`;

/** Creates or changes channels in one commit. */
async function put(state: State, names: readonly string[], description: string): Promise<void> {
  const { documents } = state.snapshot();
  const channels = names.map((name) =>
    createChannel(name, { ...DEFAULT_SETTINGS, description }, requireVersion('16.4.6'), ACT),
  );
  const writes = channels.map((value: Channel) => {
    const key = channelKey(value.name);
    return { key, ifRevision: documents.get(key)?.revision ?? 0, value };
  });
  const audit = { at: '', actor: 'test', action: 'test', subject: 'state', reason: '', before: null, after: null };
  await state.commit(writes, audit, { cleared: channels.map(issueClearance) });
}

it('a change costs no more with a thousand channels than with ten', async () => {
  const redis = await startRedis({ args: ['--appendonly', 'no'] });
  onTestFinished(redis.stop);
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  const open = async () => {
    const store = await openRedis(redis.url);
    const state = await openState({ store, saved: unsaved, compareEvery: 3_600_000, now: () => ACT.at, log });
    onTestFinished(async () => {
      await state.close();
      await store.close();
    });
    return state;
  };
  const [writer, reader] = [await open(), await open()];
  const answers = createAnswers({
    state: reader,
    staleness: { saidAfter: 86_400_000, withheldAfter: 86_400_000 },
    cluster: { clusterName: 'test', edition: null, fips: false, toolsAutoUpdate: false },
    membership: { defaultChannel: nameOf(0), groups: {} },
    now: () => ACT.at,
  });
  onTestFinished(answers.close);
  const reached = () => vi.waitFor(() => expect(reader.peek()?.revision).toBe(writer.snapshot().revision));

  /** What some changes of one channel cost, while there are `size`. */
  async function measure(size: number) {
    const all = Array.from({ length: size }, (_, n) => nameOf(n)).filter(
      (name) => !writer.snapshot().channels.has(name),
    );
    for (let done = 0; done < all.length; done += AT_ONCE) await put(writer, all.slice(done, done + AT_ONCE), '');
    await reached();
    const rendered = Array.from({ length: size }, (_, n) => answers.find(nameOf(n), 'find'));
    await admin.config('RESETSTAT');
    const calls = async () => {
      const stats = await admin.info('commandstats');
      return [...stats.matchAll(/cmdstat_(?!info|config)[^:]+:calls=(\d+)/g)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    };
    const sent = async () => Number(/total_net_output_bytes:(\d+)/.exec(await admin.info('stats'))?.[1]);
    const before = await sent();
    for (let n = 0; n < CHANGES; n++) {
      await put(writer, [nameOf(3)], String(n));
      await reached();
    }
    const cost = { bytes: (await sent()) - before, calls: await calls() };
    return { ...cost, rendered: rendered.filter((answer, n) => answers.find(nameOf(n), 'find') !== answer).length };
  }

  const few = await measure(10);
  const many = await measure(1_000);
  expect([few.rendered, many.rendered]).toEqual([1, 1]);
  expect(many.bytes, 'bytes out of Redis').toBeLessThan(1.5 * few.bytes);
  expect(many.calls, 'commands of Redis').toBeLessThan(1.5 * few.calls);
});
