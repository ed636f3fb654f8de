import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AuditDraft, type AuditEntry, type AuditHead, chain, follows, GENESIS } from '../../src/domain/audit.ts';

const draft = (reason: string): AuditDraft => ({
  at: '2026-03-01T12:00:00.000Z',
  actor: 'token:ann',
  action: 'roll-forward',
  subject: 'channel/stable/cloud',
  reason,
  before: { target: '16.4.6' },
  after: { target: '16.4.7', lineage: ['16.4.6', '16.4.7'] },
});

function log(reasons: string[]): AuditEntry[] {
  const entries: AuditEntry[] = [];
  for (const reason of reasons) entries.push(chain(entries.at(-1) ?? GENESIS, draft(reason)));
  return entries;
}

/** Do all entries follow one another from the beginning to `head`? */
function isIntact(entries: AuditEntry[], head: AuditHead): boolean {
  let last: AuditHead = GENESIS;
  for (const entry of entries) {
    if (!follows(last, entry)) return false;
    last = entry;
  }
  return last.id === head.id && last.hash === head.hash;
}

it('numbers entries from 1, and the number is the revision', () => {
  expect(log(['a', 'b', 'c']).map(({ id, revision }) => [id, revision])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
});

it('is the SHA-256 of the previous hash and the entry', () => {
  // Computed apart from the code: a log that exists must stay verifiable.
  const [entry] = log(['a']);
  expect(entry?.hash).toBe('ddcd95b371b562eac96ca734825d2b028de4be979aa242598fea36f446feeead');
});

it('survives JSON, which is how it is stored', () => {
  const entries = log(['a', 'b']);
  expect(isIntact(JSON.parse(JSON.stringify(entries)), entries[1] as AuditEntry)).toBe(true);
});

describe('any log', () => {
  const reasons = fc.array(fc.string(), { minLength: 2, maxLength: 8 });

  it('is intact as it was written', () => {
    fc.assert(
      fc.property(reasons, (texts) => {
        const entries = log(texts);
        expect(isIntact(entries, entries.at(-1) as AuditEntry)).toBe(true);
      }),
    );
  });

  it('shows that an entry was removed', () => {
    fc.assert(
      fc.property(reasons, fc.nat(), (texts, n) => {
        const entries = log(texts);
        expect(isIntact(entries.toSpliced(n % entries.length, 1), entries.at(-1) as AuditEntry)).toBe(false);
      }),
    );
  });

  it('shows that two entries were swapped', () => {
    fc.assert(
      fc.property(reasons, fc.nat(), (texts, n) => {
        const entries = log(texts);
        const at = n % (entries.length - 1);
        const [first, second] = entries.slice(at, at + 2) as [AuditEntry, AuditEntry];
        expect(isIntact(entries.toSpliced(at, 2, second, first), entries.at(-1) as AuditEntry)).toBe(false);
        const renumbered = [
          { ...second, id: first.id, revision: first.id },
          { ...first, id: second.id, revision: second.id },
        ];
        expect(isIntact(entries.toSpliced(at, 2, ...renumbered), entries.at(-1) as AuditEntry)).toBe(false);
      }),
    );
  });

  it('shows that an entry was inserted', () => {
    fc.assert(
      fc.property(reasons, fc.nat(), (texts, n) => {
        const entries = log(texts);
        const at = n % entries.length;
        const forged = chain(entries[at - 1] ?? GENESIS, draft('forged'));
        expect(isIntact(entries.toSpliced(at, 0, forged), entries.at(-1) as AuditEntry)).toBe(false);
      }),
    );
  });

  const changes: { [K in keyof AuditEntry]: AuditEntry[K] } = {
    id: 99,
    revision: 99,
    at: '2026-03-01T12:00:00.001Z',
    actor: 'token:eve',
    action: 'roll-back',
    subject: 'channel/other',
    reason: 'another reason',
    before: null,
    after: { target: '16.4.7', lineage: ['16.4.7'] },
    hash: 'f'.repeat(64),
  };
  it.each(Object.entries(changes))('shows that the %s of an entry was changed', (field, value) => {
    const entries = log(['a', 'b', 'c']);
    for (const at of [0, 1, 2]) {
      const changed = { ...entries[at], [field]: value } as AuditEntry;
      expect(isIntact(entries.toSpliced(at, 1, changed), entries[2] as AuditEntry)).toBe(false);
    }
  });
});
