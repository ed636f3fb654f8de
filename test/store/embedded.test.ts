import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FleetLimits } from '../../src/domain/store.ts';
import { openStore } from '../../src/store/open.ts';
import { storeContract } from './contract.ts';
import { PATIENT } from './redis-harness.ts';

const log = { info() {}, warn() {} };
const directories: string[] = [];
afterAll(() => Promise.all(directories.map((dir) => rm(dir, { recursive: true, force: true }))));

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'fairway-store-'));
  directories.push(directory);
  return directory;
}

const open = (dataDir: string, limits?: FleetLimits) =>
  openStore({ redis: null, dataDir, deadline: PATIENT, limits, log });

let latest = '';
storeContract('embedded', {
  fresh: async (limits) => {
    latest = await newDirectory();
    return open(latest, limits);
  },
  again: () => open(latest),
});

describe('an embedded store', () => {
  it('is unavailable in a directory that cannot be used', async () => {
    const file = join(await newDirectory(), 'file');
    await writeFile(file, '');
    await expect(open(file)).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  it('forgets the time series of a channel that gets no more points', async () => {
    const store = await open(await newDirectory());
    const fence = (await store.acquireLease('one', 60_000)) ?? 0;
    const begin = Date.UTC(2026, 0, 2);
    const day = 24 * 60 * 60 * 1_000;
    const save = (channel: string, at: number) =>
      store.savePoint(channel, { at, agents: 5, atTarget: 3, behind: 2, stranded: 1 }, fence);
    for (const channel of ['a', 'gone', 'z']) await save(channel, begin);
    for (const days of [2, 3, 4]) for (const channel of ['a', 'z']) await save(channel, begin + days * day);
    expect(await store.series('gone', 'minute')).toEqual([]);
    expect(await store.series('gone', 'hour')).toHaveLength(1);
    for (const days of [95, 96, 97]) for (const channel of ['a', 'z']) await save(channel, begin + days * day);
    expect(await store.series('gone', 'hour')).toEqual([]);
    expect((await store.series('a', 'hour')).length).toBeGreaterThan(1);
    await store.close();
  });

  it('is unavailable once it is closed', async () => {
    const store = await open(await newDirectory());
    await store.close();
    await store.close();
    const calls = [
      store.load(),
      store.commit({ writes: [], audit: draft }),
      store.agents({ limit: 1 }),
      store.forget('a'),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  it('finishes the commits that were under way when it was closed', async () => {
    const dataDir = await newDirectory();
    const store = await open(dataDir);
    const commits = Array.from({ length: 5 }, () => store.commit({ writes: [], audit: draft }));
    await store.close();
    const results = await Promise.all(commits);
    expect(results.every((result) => 'entry' in result)).toBe(true);
    const again = await open(dataDir);
    expect(await again.revision()).toBe(5);
    await again.close();
  });
});

const draft = { at: '', actor: '', action: '', subject: '', reason: '', before: null, after: null };
