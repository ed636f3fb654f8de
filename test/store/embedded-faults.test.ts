import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../src/domain/audit.ts';
import { openStore } from '../../src/store/open.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Inside the repository, where programs find lmdb. */
const PROGRAMS = join(ROOT, 'node_modules/.cache');

const directories: string[] = [];
afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))));

async function newDirectory(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  const directory = await mkdtemp(join(parent, 'fairway-store-'));
  directories.push(directory);
  return directory;
}

/** Bundles a program with an embedded `store` in the directory given as its argument, and an audit `draft`. */
async function bundle(body: string): Promise<string> {
  const outfile = join(await newDirectory(PROGRAMS), 'program.mjs');
  const contents = `
    import { writeSync } from 'node:fs';
    import { openStore } from './open.ts';
    const log = { info() {}, warn() {} };
    const store = await openStore({ redis: null, dataDir: process.argv[2] ?? '', deadline: 10_000, log });
    const draft = { at: '', actor: '', action: '', subject: '', reason: '', before: null, after: null };
    ${body}`;
  const stdin = { contents, resolveDir: resolve(ROOT, 'src/store'), loader: 'ts' as const };
  await build({ stdin, outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external' });
  return outfile;
}

interface Ended {
  signal: NodeJS.Signals | null;
  output: string;
}

const run = (command: string, args: string[]) =>
  new Promise<Ended>((ended) => {
    execFile(command, args, (error, output) => ended({ signal: error?.signal ?? null, output }));
  });

describe('an embedded store', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await newDirectory(tmpdir());
  });

  const reopen = () => openStore({ redis: null, dataDir, deadline: 10_000, log: { info() {}, warn() {} } });

  describe('whose process is killed at the moment of an answer', () => {
    let program: string;
    beforeAll(async () => {
      program = await bundle(`
        const sighting = { id: 'a', channel: 'c', version: '1.0.0', at: 1, updater: null, updaterVersion: null, group: null, enrolled: true, proven: true, updaterState: null, host: null, listing: null, expired: false };
        await store.recordSightings('check-ins', [sighting], { now: 1, contestedFor: 1, targets: new Map() });
        let ifRevision = (await store.load()).documents[0]?.revision ?? 0;
        for (let n = 0; n < 10; n++) {
          const result = await store.commit({ writes: [{ key: 'channel/a', ifRevision, value: { n } }], audit: draft });
          if ('entry' in result) ifRevision = result.entry.id;
        }
        writeSync(1, String(ifRevision));
        process.kill(process.pid, 'SIGKILL');`);
    });

    it('keeps what it acknowledged', async () => {
      for (const revision of [10, 20, 30]) {
        expect(await run(process.execPath, [program, dataDir])).toEqual({ signal: 'SIGKILL', output: `${revision}` });
        const store = await reopen();
        expect(await store.load()).toMatchObject({ revision, documents: [{ value: { n: 9 } }] });
        expect(await store.audit({ limit: 100 })).toHaveLength(revision);
        expect((await store.agent('a'))?.sightings).toHaveLength(1);
        await store.close();
      }
    });
  });

  describe('whose disk is full', () => {
    let program: string;
    beforeAll(async () => {
      program = await bundle(`
        const audit = { ...draft, reason: 'x'.repeat(20_000) };
        let made = 0;
        let code = '';
        for (let n = 0; n < 100; n++) {
          await store.commit({ writes: [{ key: 'channel/' + n, ifRevision: 0, value: {} }], audit }).then(
            () => made++,
            (error) => { code = error.code; },
          );
        }
        const { revision, documents } = await store.load();
        await store.close();
        writeSync(1, JSON.stringify({ made, code, revision, documents: documents.length }));`);
    });

    it('refuses changes, keeps what it acknowledged, and works again when there is room', async () => {
      // Files may not grow beyond 1,000 blocks of 512 or 1,024 bytes, as on a full disk.
      const limited = ['-c', 'ulimit -f 1000; exec "$0" "$@"', process.execPath, program, dataDir];
      const { signal, output } = await run('sh', limited);
      expect(signal).toBeNull();
      const { made, code, revision, documents } = JSON.parse(output) as Record<string, unknown>;
      expect(made).toBeGreaterThan(5);
      expect(made).toBeLessThan(100);
      expect({ code, revision, documents }).toEqual({ code: 'store_unavailable', revision: made, documents: made });

      const store = await reopen();
      const result = await store.commit({ writes: [], audit: (await store.audit({ limit: 1 }))[0] as AuditEntry });
      expect(result).toHaveProperty('entry.id', Number(made) + 1);
      await store.close();
    });
  });
});
