import type { ControlState } from './store.ts';

/** The key of the document that keeps the last decision on a loss. */
export const RECOVERY_KEY = 'recovery';

/** The store holds another history than the served one: a failover or an old backup has lost changes. */
export interface Loss {
  /** The served revision. */
  served: number;
  /** The revision of the store. */
  stored: number;
  /** Is it another store, whose log begins with another entry? Left out if it is not. */
  other?: true;
}

/** An admin's decision on a loss: the served state was put back, or the stored one was accepted. */
export interface Recovery {
  keep: 'served' | 'stored';
  /** The revision served by the server that recorded the decision. Servers at this revision or below follow it. */
  revision: number;
  by: string;
  /** ISO 8601. */
  at: string;
  reason: string;
}

/** A sentence for errors, logs, pages and `/readyz`. */
export const describeLoss = ({ served, stored, other }: Loss): string => {
  const what = other
    ? `this is another store than the one that revision ${served} of this server comes from: its log begins with ` +
      `another entry, and is at revision ${stored}; check redisUrl and dataDir`
    : `the store has lost changes: it is at revision ${stored} of another history, and revision ${served} is served`;
  return (
    `${what}; changes are refused until an admin decides, with fairway recover, whether to put back this server's ` +
    'state or to accept the stored one'
  );
};

/** The decision in a state, or null. */
export const recoveryOf = ({ documents }: Pick<ControlState, 'documents'>): Recovery | null =>
  (documents.find(({ key }) => key === RECOVERY_KEY)?.value as Recovery | undefined) ?? null;
