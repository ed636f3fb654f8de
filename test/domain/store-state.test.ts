import { describe, expect, it } from 'vitest';
import { NewerForm } from '../../src/domain/schema.ts';
import { nextState, refusalOf, type StoreState } from '../../src/domain/store-state.ts';

const STATES: Record<StoreState['is'], StoreState> = {
  up: { is: 'up' },
  away: { is: 'away' },
  lost: { is: 'lost', loss: { served: 7, stored: 5 } },
  outdated: { is: 'outdated', error: new NewerForm(9, 'the state in the store') },
};

describe('the state of the store', () => {
  it.each<[from: StoreState['is'], found: StoreState['is'], to: StoreState['is']]>([
    ['up', 'up', 'up'],
    ['up', 'away', 'away'],
    ['up', 'lost', 'lost'],
    ['up', 'outdated', 'outdated'],
    ['away', 'up', 'up'],
    ['away', 'away', 'away'],
    ['away', 'lost', 'lost'],
    ['away', 'outdated', 'outdated'],
    ['lost', 'up', 'up'],
    ['lost', 'away', 'lost'],
    ['lost', 'lost', 'lost'],
    ['lost', 'outdated', 'outdated'],
    ['outdated', 'up', 'outdated'],
    ['outdated', 'away', 'outdated'],
    ['outdated', 'lost', 'outdated'],
    ['outdated', 'outdated', 'outdated'],
  ])('%s, then found %s: %s', (from, found, to) => {
    expect(nextState(STATES[from], STATES[found])).toBe(STATES[to]);
  });

  it('follows the figures of a loss', () => {
    const worse: StoreState = { is: 'lost', loss: { served: 7, stored: 6 } };
    expect(nextState(STATES.lost, worse)).toBe(worse);
  });

  it('keeps the first reason of being outdated', () => {
    const again: StoreState = { is: 'outdated', error: new NewerForm(10, 'the state in the store') };
    expect(nextState(STATES.outdated, again)).toBe(STATES.outdated);
  });
});

describe('changes', () => {
  it.each(['up', 'away'] as const)('are tried while the store is %s', (is) => {
    expect(refusalOf(STATES[is])).toBeNull();
  });

  it('are refused after a loss, with both revisions and what an admin can do', () => {
    const refusal = refusalOf(STATES.lost);
    expect(refusal?.code).toBe('store_unavailable');
    expect(refusal?.message).toMatch(/revision 5 of another history.* revision 7 .*fairway recover/);
  });

  it('are refused by an outdated server, with what to do', () => {
    const refusal = refusalOf(STATES.outdated);
    expect(refusal?.code).toBe('store_unavailable');
    expect(refusal?.message).toMatch(/form 9, written by a newer Fairway.* docs\/upgrading\.md/);
  });
});
