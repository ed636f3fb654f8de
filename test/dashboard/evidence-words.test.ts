import { describe, expect, it } from 'vitest';
import { describeBasis, describeSource, doubtsOf, freshness } from '../../src/dashboard/parts/evidence-words.ts';
import type { EvidenceSummary } from '../../src/domain/compatibility.ts';

const HOUR = 3_600;
const source = (change: Partial<EvidenceSummary>): EvidenceSummary => ({
  ...{ source: 'inventory', complete: true, fresh: true, at: null, age: 3 * HOUR, settling: null, failing: null },
  ...{ agents: 60, skipped: 0, oldest: { version: '15.4.7', count: 1 } },
  ...change,
});
const inventory = source({});
const old = source({ fresh: false, age: 72 * HOUR });
const metrics = source({ source: 'teleport-metrics', age: 20 });
const checkIns = source({ source: 'check-ins', complete: false, age: 5, agents: 3 });
const presumed = source({ source: 'presumed', complete: false, age: null, agents: 2 });
const nobody = source({ source: 'presumed', complete: false, age: null, agents: 0, oldest: null });
const settling = source({ settling: { from: 60, to: 12, since: '2026-11-22T18:00:00Z' } });

describe('what a verdict rests on', () => {
  it.each([
    ['Verdicts rest on the inventory (3 h old), which knows every agent.', [inventory]],
    [
      'Verdicts rest on the inventory (3 h old) and the metrics of Teleport (20 s old), which each know every agent.',
      [inventory, metrics],
    ],
    [
      'Verdicts rest on the metrics of Teleport (20 s old), which knows every agent. It takes the inventory (3 d old) and check-ins (5 s old) into account as well.',
      [metrics, old, checkIns],
    ],
    [
      'Verdicts rest on the inventory (3 h old), which knows every agent. The figures before its fall count as well.',
      [settling],
    ],
    [
      'No fresh source knows every agent, so verdicts rest on the strictest of what is known: the inventory (3 d old), check-ins (5 s old) and recently served versions.',
      [old, checkIns, presumed],
    ],
    [
      'Not every agent could be counted, so verdicts rest on the strictest of what is known: the inventory (3 h old) and recently served versions.',
      [inventory, presumed],
    ],
    [
      'No fresh source knows every agent, and no agent is known, so only rules that concern no agent were checked.',
      [nobody],
    ],
  ])('%s', (words, evidence) => {
    expect(describeBasis(evidence)).toBe(words);
  });
});

describe('what is to know about a source', () => {
  it.each<[string[], EvidenceSummary, EvidenceSummary[]]>([
    [[], inventory, []],
    [['It is too old to confirm a version; its agents can still refuse one.'], old, [metrics]],
    [
      [
        'It is too old to confirm a version; its agents can still refuse one. Plans and promotions wait for a fresh source.',
      ],
      old,
      [presumed],
    ],
    [
      [
        'It is dated in the future, so a clock was wrong; its agents can still refuse one. Plans and promotions wait for a fresh source.',
      ],
      source({ fresh: false, age: 0 }),
      [],
    ],
    [
      [
        'It fell from 60 to 12 agents at 2026-11-22 18:00 UTC. Both figures count, and plans and promotions wait, until a later reading or a person confirms the fall.',
      ],
      settling,
      [],
    ],
    [
      ['It cannot be read since 2026-11-22 18:00 UTC: it answered 500.', 'The version of 2 agents cannot be read.'],
      source({ skipped: 2, failing: { since: '2026-11-22T18:00:00Z', fault: 'it answered 500' } }),
      [],
    ],
    [
      ['Versions that the channel served recently count as one agent each, until a fresh source knows every agent.'],
      presumed,
      [],
    ],
  ])('%o', (words, one, others) => {
    expect(describeSource(one, [one, ...others])).toEqual(words);
  });

  it('is marked where it is in doubt', () => {
    expect([inventory, old, settling, checkIns].map(doubtsOf)).toEqual([[], ['old'], ['settling'], []]);
    const failing = { since: '2026-11-22T18:00:00Z', fault: 'it answered 500' };
    expect(doubtsOf(source({ fresh: false, failing }))).toEqual(['old', 'failing']);
  });

  it.each([
    [{ basis: 'inventory', age: '3 h old' }, [inventory]],
    [{ basis: 'too old', age: 'renew it' }, [old, checkIns, presumed]],
    [{ basis: 'check-ins', age: 'only some agents' }, [checkIns, presumed]],
    [{ basis: 'none', age: 'presumed' }, [presumed]],
  ])('is %o on a card', (words, evidence) => {
    const sources = evidence.map((each) => ({ ...each, versions: [] }));
    expect(freshness({ sources })).toEqual(words);
  });
});
