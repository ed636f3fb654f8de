import { expect, it, onTestFinished } from 'vitest';
import type { Sighting } from '../../src/domain/agent.ts';
import { type EmbeddedFiles, openFiles, type Table } from '../../src/store/embedded-files.ts';
import { embeddedFleet } from '../../src/store/embedded-fleet.ts';
import { openRecords } from '../../src/store/embedded-records.ts';
import { temporaryDirectory } from '../support/server.ts';

const NOW = Date.UTC(2026, 0, 1);
const OPTIONS = { now: NOW, contestedFor: 0, targets: new Map() };
const LIMITS = { agents: 100_000, unenrolled: 100 };

const listed = (id: string, scope: string): Sighting => ({
  ...{ id, channel: scope, version: '16.4.6', at: NOW - 5, updater: 'unit', updaterVersion: null, group: null },
  ...{ enrolled: true, proven: true, updaterState: null, host: null, expired: false },
  listing: { at: NOW - 5, scope },
});

/** The fleet on new files, and how many rows were read so far. */
function openFleet() {
  const files = openFiles(temporaryDirectory());
  onTestFinished(files.close);
  let rows = 0;
  function count<T>(read: readonly T[]): T[] {
    rows += read.length;
    return [...read];
  }
  const counted = <V, K>(table: Table<V, K>): Table<V, K> => ({
    ...table,
    get: (key) => count([table.get(key)])[0],
    entries: (options) => count(table.entries(options)),
    keys: (options) => count(table.keys(options)),
  });
  const watched: EmbeddedFiles = { ...files, table: (name) => counted(files.table(name)) };
  const carried = { require: async () => {}, close: async () => {} };
  const open = () => embeddedFleet(watched, openRecords(watched), files.table('evidence'), LIMITS, carried);
  return { files, open, rows: () => rows };
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

it('an import forgets what it no longer lists at the cost of its own size', async () => {
  const { open, rows } = openFleet();
  const fleet = open();
  const unlisted = { scope: 'small', before: NOW };
  await fleet.prune({ unlisted });
  async function cost(others: string[]): Promise<number> {
    await fleet.recordSightings(
      'inventory',
      others.map((id) => listed(id, 'large')),
      OPTIONS,
    );
    await fleet.recordSightings(
      'inventory',
      names('small-', 10).map((id) => listed(id, 'small')),
      OPTIONS,
    );
    const before = rows();
    expect(await fleet.prune({ unlisted })).toBe(10);
    return rows() - before;
  }
  const few = await cost(names('few-', 100));
  const many = await cost(names('many-', 3_000));
  expect(many).toBeLessThan(1.5 * few);
  expect(await fleet.agent('many-0')).not.toBeNull();
});

it('agents of a release that had no index are found by the first import, and by each sweep', async () => {
  const { files, open } = openFleet();
  const fleet = open();
  const index = files.table<true, string>('listed-in');
  const record = (id: string, scope: string) => fleet.recordSightings('inventory', [listed(id, scope)], OPTIONS);
  const forgetIndex = (...more: string[]) =>
    files.write(() => {
      for (const key of index.keys()) if (key !== 'complete') index.remove(key);
      for (const key of more) index.remove(key);
    });
  await record('a', 'first');
  await forgetIndex('complete');
  expect(await fleet.prune({ unlisted: { scope: 'first', before: NOW } }), 'the first import looks everywhere').toBe(1);

  await record('b', 'second');
  await forgetIndex();
  expect(await fleet.prune({ unlisted: { scope: 'second', before: NOW } })).toBe(0);
  await fleet.prune({ unenrolledBefore: 1 });
  expect(await fleet.prune({ unlisted: { scope: 'second', before: NOW } }), 'after a sweep').toBe(1);
  expect(index.keys()).toEqual(['complete']);
});
