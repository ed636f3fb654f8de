import { FairwayError } from './errors.ts';
import { describeLoss, type Loss } from './recovery.ts';
import type { NewerForm } from './schema.ts';

/**
 * How the store stands to the state that this server serves. Agents are served in every case.
 *
 * - `up`: the store answers and holds the served history.
 * - `away`: the store does not answer.
 * - `lost`: the store holds another history, and an admin has not decided yet which one counts.
 * - `outdated`: a newer release has upgraded the state, so this release must not change it any more.
 */
export type StoreState = { is: 'up' } | { is: 'away' } | Lost | Outdated;

export interface Lost {
  is: 'lost';
  loss: Loss;
}

export interface Outdated {
  is: 'outdated';
  error: NewerForm;
}

/**
 * Where each state can go. A store that lost changes and then falls silent has still lost them. Only a restart with the
 * right release ends `outdated`.
 */
const MOVES: Record<StoreState['is'], readonly StoreState['is'][]> = {
  up: ['away', 'lost', 'outdated'],
  away: ['up', 'lost', 'outdated'],
  lost: ['up', 'lost', 'outdated'],
  outdated: [],
};

/** The state after the store was found to be `found`; the same object if that is not a move. */
export const nextState = (state: StoreState, found: StoreState): StoreState =>
  MOVES[state.is].includes(found.is) ? found : state;

/**
 * Why changes are refused, or null if they are not. While the store is away each change is tried: the store may be back
 * already, and refuses the change itself if it is not.
 */
export function refusalOf(state: StoreState): FairwayError | null {
  switch (state.is) {
    case 'up':
    case 'away':
      return null;
    case 'lost':
      return new FairwayError('store_unavailable', describeLoss(state.loss));
    case 'outdated':
      return state.error;
  }
}
