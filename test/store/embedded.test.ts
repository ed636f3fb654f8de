import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { storeContract } from './contract.ts';

const log = { info() {}, warn() {} };
const directories: string[] = [];
afterAll(() => Promise.all(directories.map((dir) => rm(dir, { recursive: true, force: true }))));

async function newDirectory(parent = tmpdir()): Promise<string> {
  await mkdir(parent, { recursive: true });
  const directory = await mkdtemp(join(parent, 'fairway-store-'));
  directories.push(directory);
  return directory;
}

const open = (dataDir: string) => openStore({ redisUrl: null, dataDir, deadline: 800, log });

let latest = '';
storeContract('embedded', {
  fresh: async () => {
    latest = await newDirectory();
    return open(latest);
  },
  again: () => open(latest),
});

describe('an embedded store', () => {
  it('holds what it answered for when the process is killed right then', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    // Within the tree, where the program finds lmdb.
    const program = join(await newDirectory(join(root, 'node_modules/.cache')), 'commit.mjs');
    await build({
      stdin: { contents: PROGRAM, resolveDir: resolve(root, 'src/store'), loader: 'ts' },
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
    const dataDir = await newDirectory();
    for (const round of [1, 2, 3]) {
      expect(await runUntilKilled(program, dataDir)).toBe(String(10 * round));
      const store = await open(dataDir);
      expect(await store.load()).toMatchObject({ revision: 10 * round, documents: [{ value: { n: 9 } }] });
      expect(await store.audit({ limit: 100 })).toHaveLength(10 * round);
      expect((await store.agent('a'))?.sightings).toHaveLength(1);
      await store.close();
    }
  });

  it('is unavailable in a directory that cannot be used', async () => {
    const file = join(await newDirectory(), 'file');
    await writeFile(file, '');
    await expect(open(file)).rejects.toMatchObject({ code: 'store_unavailable' });
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

/** What `program` had answered on `dataDir` when it killed itself. */
const runUntilKilled = (program: string, dataDir: string) =>
  new Promise<string>((answer, reject) => {
    execFile(process.execPath, [program, dataDir], (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL') answer(stdout);
      else reject(new Error(`it ended by itself: ${stderr}`));
    });
  });

/** Commits ten times and kills itself in the moment of the last answer. */
const PROGRAM = `
import { writeSync } from 'node:fs';
import { openStore } from './open.ts';

const log = { info() {}, warn() {} };
const store = await openStore({ redisUrl: null, dataDir: process.argv[2] ?? '', deadline: 800, log });
await store.recordSightings('check-ins', [
  { id: 'a', channel: 'c', version: '1.0.0', at: 1, updater: null, updaterVersion: null, group: null },
]);
const audit = { at: '', actor: '', action: '', subject: '', reason: '', before: null, after: null };
let ifRevision = (await store.load()).documents[0]?.revision ?? 0;
for (let n = 0; n < 10; n++) {
  const result = await store.commit({ writes: [{ key: 'channel/a', ifRevision, value: { n } }], audit });
  if ('entry' in result) ifRevision = result.entry.id;
}
writeSync(1, String(ifRevision));
process.kill(process.pid, 'SIGKILL');
`;
