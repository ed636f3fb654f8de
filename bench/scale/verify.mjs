import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { ask } from '../operator.mjs';
import { startFairway } from '../peers.mjs';
import { anonymousMiB, untilAnswers } from '../processes.mjs';
import { quantile } from '../statistics.mjs';
import { milliseconds, urlOf, watchPolls } from './world.mjs';

export const title = 'GET /audit/verify, by the length of the log (embedded store)';

const SIZES = [10_000, 1_000_000];
const AT_ONCE = 10_000;

export async function run(print) {
  for (const size of SIZES) {
    const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-'));
    const first = await startFairway('0,1', { dir });
    await untilAnswers(urlOf(first), 'v16.4.6');
    await first.stop();
    await fillLog(join(dir, 'store'), size);
    const server = await startFairway('0,1', { dir });
    await untilAnswers(urlOf(server), 'v16.4.6');
    await untilAnswers(`http://127.0.0.1:${server.operatorPort}/healthz`, 'ok');
    const before = anonymousMiB(server.pid);
    let most = before;
    const sampler = setInterval(() => {
      most = Math.max(most, anonymousMiB(server.pid));
    }, 100);
    const polls = watchPolls(server);
    const begun = performance.now();
    const { intact, entries } = await ask(server, 'GET', '/audit/verify');
    const took = performance.now() - begun;
    const waits = await polls.stop();
    clearInterval(sampler);
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
    if (!intact || entries < size) throw new Error(`the log is ${intact ? 'short' : 'not intact'}: ${entries} entries`);
    print({
      entries,
      took: `${(took / 1_000).toFixed(1)} s`,
      'more memory': `${(most - before).toFixed(0)} MiB`,
      'p99 of polls': milliseconds(quantile(waits, 0.99)),
      'longest poll': milliseconds(Math.max(...waits)),
    });
  }
}

/** Appends entries that write nothing, as the server would chain them, until there are `size`. */
async function fillLog(path, size) {
  const root = open({ path, noSubdir: false, maxDbs: 32 });
  const log = root.openDB('audit', { encoding: 'json' });
  let { id, hash } = [...log.getRange({ reverse: true, limit: 1 })][0].value;
  const rest = { actor: 'token:bench', action: 'settings', subject: 'channel/stable/cloud', reason: 'bench' };
  const value = { name: 'stable/cloud', description: 'x'.repeat(100), target: '16.4.6', lineage: ['16.4.6'] };
  while (id < size) {
    const end = Math.min(id + AT_ONCE, size);
    await root.transaction(() => {
      while (id < end) {
        id++;
        const at = new Date(id * 1_000).toISOString();
        const entry = { id, at, ...rest, before: value, after: value, revision: id, writes: {} };
        hash = createHash('sha256')
          .update(`${hash}\n${JSON.stringify(entry)}`)
          .digest('hex');
        log.put(id, { ...entry, hash });
      }
    });
  }
  await root.close();
}
