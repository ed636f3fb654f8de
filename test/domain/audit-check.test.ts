import { describe, expect, it } from 'vitest';
import { type AuditEntry, type AuditHead, chain, digestsOf, GENESIS } from '../../src/domain/audit.ts';
import { ARCHIVE_ACTION, checkLog } from '../../src/domain/audit-check.ts';

const draft = { at: '2026-03-01T12:00:00.000Z', actor: 'token:ann', action: 'pin', subject: 'channel/a', reason: '' };
const A = { name: 'a', n: 1 };

/** Entries, oldest first: each writes the documents, or says nothing of documents, or records an archive. */
function log(...changes: (Record<string, object | null> | 'silent' | AuditHead)[]): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (const change of changes) {
    const head = entries.at(-1) ?? GENESIS;
    if (change === 'silent') entries.push(chain(head, { ...draft, before: null, after: null }));
    else if ('hash' in change && typeof change.hash === 'string')
      entries.push(chain(head, { ...draft, action: ARCHIVE_ACTION, before: null, after: change }, {}));
    else {
      const writes = Object.entries(change).map(([key, value]) => ({ key, value: value as object | null }));
      entries.push(chain(head, { ...draft, before: null, after: null }, digestsOf(writes)));
    }
  }
  return entries;
}

function check(entries: AuditEntry[], anchor: AuditHead = GENESIS, expected: AuditHead[] = []) {
  const checked = checkLog(anchor, expected);
  entries.toReversed().forEach(checked.add);
  return checked.result();
}
const headOf = (entries: AuditEntry[], id: number): AuditHead => ({ id, hash: entries[id - 1]?.hash ?? '' });

describe('a log that goes on from an archive', () => {
  const first = log({ a: A }, { b: A });
  const entries = [...log({ a: A }, { b: A }, headOf(first, 2), { a: null })];

  it('is intact if an entry records the archive', () => {
    expect(check(entries.slice(2), headOf(entries, 2)).brokenAt).toBeNull();
  });

  it('is broken if none does', () => {
    const silent = log({ a: A }, { b: A }, { a: null });
    expect(check(silent.slice(2), headOf(silent, 2)).brokenAt).toBe(2);
  });

  it('is broken if more is gone than was archived', () => {
    expect(check(entries.slice(3), headOf(entries, 3)).brokenAt).toBe(3);
  });

  it('is broken where the archive recorded another entry', () => {
    const other = log({ a: A }, { b: A }, { id: 2, hash: 'f'.repeat(64) });
    expect(check(other.slice(2), headOf(other, 2)).brokenAt).toBe(2);
  });

  it('is intact while the archive is under way', () => {
    expect(check(entries.slice(1), headOf(entries, 1)).brokenAt).toBeNull();
    expect(check(entries).brokenAt).toBeNull();
  });
});

describe('an entry that was seen before', () => {
  const entries = log({ a: A }, { b: A }, { c: A });
  it.each<[string, AuditHead, number | null]>([
    ['is in the log', headOf(entries, 2), null],
    ['is another one', { id: 2, hash: 'f'.repeat(64) }, 2],
    ['is beyond the end', { id: 5, hash: 'f'.repeat(64) }, 4],
  ])('%s', (_, expected, brokenAt) => {
    expect(check(entries, GENESIS, [expected]).brokenAt).toBe(brokenAt);
  });
});

describe('a document', () => {
  it.each<[string, AuditEntry[], number, object | null, unknown]>([
    ['as it was written', log({ a: A }), 1, A, 'same'],
    ['as it was written last', log({ a: A }, { a: { n: 2 } }, { b: A }), 2, { n: 2 }, 'same'],
    ['that was edited', log({ a: A }), 1, { ...A, n: 2 }, /not what entry 1 wrote/],
    ['that was put back', log({ a: A }, { a: { n: 2 } }), 1, A, /older than entry 2/],
    ['that was added', log({ b: A }), 1, A, /did not write it/],
    ['that was removed', log({ a: A }), 0, null, /missing, and entry 1 wrote it/],
    ['that was deleted', log({ a: A }, { a: null }), 0, null, 'same'],
    ['that rose again', log({ a: A }, { a: null }), 1, A, /older than entry 2/],
    ['of an older release', log('silent', { b: A }), 1, A, 'unknown'],
    ['that an older release may have deleted', log({ a: A }, 'silent'), 0, null, 'unknown'],
    ['that was written since', log({ a: A }), 2, { n: 2 }, 'newer'],
  ])('%s', (_, entries, revision, value, expected) => {
    const compared = check(entries).documents.compare('a', value && { key: 'a', revision, value });
    if (expected instanceof RegExp) expect(compared).toEqual({ key: 'a', fault: expect.stringMatching(expected) });
    else expect(compared).toBe(expected);
  });
});
