import type { ControlState } from './store.ts';

/** Where the last decision on a loss is kept. */
export const RECOVERY_KEY = 'recovery';

/** The store holds another history than the one that is served: a failover or an old backup has lost changes. */
export interface Loss {
  /** Revision that is served. */
  served: number;
  /** Revision that the store is at. */
  stored: number;
}

/** What an operator decided: the state that is served was put back, or the store's was taken. */
export interface Recovery {
  keep: 'served' | 'stored';
  /** What was served: a server at this revision or below need not be asked again. */
  revision: number;
  by: string;
  at: string;
  reason: string;
}

/** The same words everywhere. */
export const describeLoss = ({ served, stored }: Loss): string =>
  `the store has lost changes: it is at revision ${stored} of another history, and revision ${served} is served; changes are refused until an admin decides, with fairway recover or POST /api/v1/recovery, to put back what is served or to take what is stored`;

/** The decision in a state, or null. */
export const recoveryOf = ({ documents }: Pick<ControlState, 'documents'>): Recovery | null =>
  (documents.find(({ key }) => key === RECOVERY_KEY)?.value as Recovery | undefined) ?? null;
