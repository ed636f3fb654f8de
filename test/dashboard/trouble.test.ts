import { expect, it } from 'vitest';
import type { DashboardServices } from '../../src/dashboard/frame.ts';
import { NewerForm } from '../../src/domain/schema.ts';
import { takeSnapshot } from '../../src/domain/snapshot.ts';
import type { StoreState } from '../../src/domain/store-state.ts';
import type { State } from '../../src/service/state.ts';
import { describeTrouble } from '../../src/service/status.ts';

const snapshot = takeSnapshot({ revision: 3, hash: null, documents: [] });
const SHORTFALL = { revision: 3, wanted: 2, reached: 1 };

/** A state whose snapshot agreed with the store `age` milliseconds ago, unless `over` says otherwise. */
const stateWhere = (storeState: StoreState, age = 0, over: Partial<DashboardServices['state']> = {}) =>
  ({
    peek: () => snapshot,
    storeState: () => storeState,
    shortfall: () => null,
    refusal: () => null,
    age: () => age,
    isWithheld: () => age > 86_400_000,
    ...over,
  }) as State;

it.each<[state: string, RegExp | null, State]>([
  ['all is well', null, stateWhere({ is: 'up' })],
  ['nothing was ever loaded', /nothing to show yet/, stateWhere({ is: 'away' }, 0, { peek: () => null })],
  ['the store is away', /away.*as it was 30 s ago.*until it is back/, stateWhere({ is: 'away' }, 30_000)],
  [
    'the store is away for days',
    /away\. Agents get no version.*maxStaleness.*2 d/,
    stateWhere({ is: 'away' }, 2 * 86_400_000),
  ],
  [
    'another history is there for days',
    /has lost changes.*Agents get no version/,
    stateWhere({ is: 'lost', loss: { served: 3, stored: 2 } }, 2 * 86_400_000),
  ],
  ['only the saved state is known', /as it was saved/, stateWhere({ is: 'away' }, Number.POSITIVE_INFINITY)],
  ['changes were lost', /has lost changes/, stateWhere({ is: 'lost', loss: { served: 3, stored: 2 } })],
  [
    'a newer release upgraded the state',
    /refused: .*newer Fairway/,
    stateWhere({ is: 'outdated', error: new NewerForm(9, 'the state') }),
  ],
  ['the state is old', /may be out of date/, stateWhere({ is: 'up' }, 30_000)],
  [
    'the store is full',
    /refuses changes: the disk is full/,
    stateWhere({ is: 'up' }, 0, { refusal: () => 'the disk is full' }),
  ],
  ['replicas are missing', /not yet replicated: 1 of 2/, stateWhere({ is: 'up' }, 0, { shortfall: () => SHORTFALL })],
])('the banner when %s', (_, words, state) => {
  const trouble = describeTrouble(state);
  if (words) expect(trouble).toMatch(words);
  else expect(trouble).toBeNull();
});
