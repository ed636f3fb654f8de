import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { applyWrites, type Snapshot, stateOf, takeSnapshot } from '../../src/domain/snapshot.ts';
import { createSavedState } from '../../src/store/saved-state.ts';
import { temporaryDirectory } from '../support/server.ts';

const log = pino({ level: 'silent' });
const WRITTEN = { timeout: 10_000, interval: 5 };

const hashOf = (revision: number) => String(revision).padStart(64, '0');
const first = takeSnapshot({
  revision: 1,
  hash: hashOf(1),
  documents: Array.from({ length: 250 }, (_, n) => ({ key: `channel/c${n}`, revision: 1, value: { name: `c${n}` } })),
});

/** The state after a change of one document, and of another one that goes. */
function next(state: Snapshot, n: number): Snapshot {
  const revision = state.revision + 1;
  const writes = [
    { key: `channel/c${n}`, ifRevision: 1, value: { name: `c${n}`, target: '16.4.6' } },
    { key: `channel/c${n + 100}`, ifRevision: 1, value: null },
  ];
  return applyWrites(state, writes, { revision, hash: hashOf(revision) });
}

function open() {
  const dir = temporaryDirectory();
  const [file, journal] = [join(dir, 'state.json'), join(dir, 'state.json.journal')];
  const saved = createSavedState(dir, log);
  const read = () => createSavedState(dir, log).read();
  const lines = () => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length - 1 : 0);
  /** Writes a first state whole, then others to the journal, a line each. */
  async function write(changes: number): Promise<Snapshot[]> {
    const states = [first];
    saved.write(first);
    await vi.waitFor(() => expect(read()).toEqual(stateOf(first)), WRITTEN);
    for (let n = 0; n < changes; n++) {
      states.push(next(states.at(-1) as Snapshot, n));
      saved.write(states.at(-1) as Snapshot);
      await vi.waitFor(() => expect(lines()).toBe(n + 1), WRITTEN);
    }
    return states;
  }
  return { file, journal, saved, read, lines, write };
}

describe('the saved state', () => {
  it('is a whole copy and the changes since then', async () => {
    const { file, journal, read, write } = open();
    const states = await write(3);
    expect(read()).toEqual(stateOf(states[3] as Snapshot));
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(stateOf(first));
    // A line has what changed, not all of the 250 documents.
    expect(statSync(journal).size).toBeLessThan(3 * 500);
  });

  it('is one file when the server has stopped, in the form of earlier releases', async () => {
    const { file, journal, saved, write } = open();
    const states = await write(2);
    await saved.close();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(stateOf(states[2] as Snapshot));
    expect(statSync(journal).size).toBe(0);
  });

  it('writes what came in a short time together', async () => {
    const { saved, read, lines, write } = open();
    await write(0);
    let state = first;
    for (let n = 0; n < 50; n++) {
      state = next(state, n);
      saved.write(state);
    }
    await vi.waitFor(() => expect(read()).toEqual(stateOf(state)), WRITTEN);
    expect(lines()).toBeLessThan(5);
  });

  it('is that of some moment before, wherever a crash has cut off the journal', async () => {
    const { journal, read, write } = open();
    const states = await write(2);
    const { length: ends } = `${readFileSync(journal, 'utf8').split('\n')[0]}\n`;
    for (let size = statSync(journal).size; size >= 0; size -= 37) {
      truncateSync(journal, size);
      const whole = size < ends ? 0 : size < ends * 2 ? 1 : 2;
      const found = read();
      expect(states.map(stateOf)).toContainEqual(found);
      if (whole < 2) expect(found).toEqual(stateOf(states[whole] as Snapshot));
    }
  });

  it('leaves out changes that are in the copy already: a crash came before the journal was emptied', async () => {
    const { file, read, write } = open();
    const states = await write(3);
    writeFileSync(file, JSON.stringify(stateOf(states[2] as Snapshot)));
    expect(read()).toEqual(stateOf(states[3] as Snapshot));
    writeFileSync(file, JSON.stringify(stateOf(states[3] as Snapshot)));
    expect(read()).toEqual(stateOf(states[3] as Snapshot));
  });

  it('does not take a journal for the changes of another copy', async () => {
    const { file, journal, read, write } = open();
    await write(2);
    const other = { ...stateOf(first), hash: 'f'.repeat(64) };
    writeFileSync(file, JSON.stringify(other));
    expect(read()).toEqual(other);
    appendFileSync(journal, 'not a line\n');
    expect(read()).toEqual(other);
  });

  it('writes a whole copy again when the journal has grown', async () => {
    const { file, journal, saved, read, write } = open();
    await write(1);
    const large = (n: number) =>
      applyWrites(first, [{ key: 'large', ifRevision: 0, value: { text: 'x'.repeat(300_000) + n } }], {
        revision: n,
        hash: hashOf(n),
      });
    for (const n of [3, 4]) {
      saved.write(large(n));
      await vi.waitFor(() => expect(read()).toEqual(stateOf(large(n))), WRITTEN);
    }
    await vi.waitFor(() => expect(statSync(journal).size).toBe(0), WRITTEN);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(stateOf(large(4)));
  });
});
