import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { FIRST_STATE, intoFiles } from '../support/first-state.ts';
import { runFairway } from '../support/process.ts';
import { temporaryDirectory } from '../support/server.ts';
import { PATIENT, silent } from './redis-harness.ts';

const PAGE = 4096;
const open = (dataDir: string) => openStore({ redis: null, dataDir, deadline: PATIENT, log: silent });

/** The data directory of a store whose file was damaged. */
function damaged(damage: (file: Buffer) => Buffer): string {
  const dataDir = temporaryDirectory();
  intoFiles(dataDir);
  const file = join(dataDir, 'store/data.mdb');
  writeFileSync(file, damage(readFileSync(file)));
  return dataDir;
}

describe('a damaged file', () => {
  it.each<[string, (file: Buffer) => Buffer]>([
    ['begins with zeros', (file) => file.fill(0, 0, 2 * PAGE)],
    ['lacks its first page', (file) => file.fill(0, 0, PAGE)],
    ['ends after its first page', (file) => file.subarray(0, PAGE)],
    ['ends within its first page', (file) => file.subarray(0, 100)],
    ['is another program’s', () => randomBytes(100_000)],
    ['holds nothing but its first pages', (file) => file.subarray(0, 3 * PAGE)],
    // Not with arbitrary bytes: if they look like a leaf of its tree, LMDB ends the process (SIGABRT).
    ['is overwritten', (file) => file.fill('overwritten ', 3 * PAGE)],
  ])('that %s is refused, with the next step', async (_, damage) => {
    await expect(open(damaged(damage))).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/store.*damaged.*restore it from a backup$/),
    });
  });

  it('that was cut short says so when it is opened, and does not end the process', async () => {
    await expect(open(damaged((file) => file.subarray(0, file.length / 2)))).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('restore it from a backup'),
    });
  });

  it('stops the server at its start, with the next step', async () => {
    const program = runFairway({ env: { FAIRWAY_DATA_DIR: damaged(() => randomBytes(10_000)) } });
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.stderr).toMatch(/^fairway cannot start: .*data\.mdb is damaged.*restore it from a backup$/m);
  });
});

it.each<[string, (file: Buffer) => Buffer]>([
  ['is as it was', (file) => file],
  // LMDB does not write a last page that was freed in the same transaction that allocated it.
  ['has no last page, which holds nothing', (file) => file.subarray(0, -PAGE)],
])('a sound file that %s is opened', async (_, change) => {
  const dataDir = damaged(change);
  const store = await open(dataDir);
  expect((await store.load()).documents).toHaveLength(FIRST_STATE.documents.length);
  await store.close();
  expect(statSync(join(dataDir, 'store/data.mdb')).size).toBeGreaterThan(0);
});
