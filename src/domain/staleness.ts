import { duration } from './duration.ts';

/** How long ago the store may have confirmed the served state. Milliseconds. */
export interface Staleness {
  /** From then on every answer carries its age. */
  saidAfter: number;
  /** From then on agents get no version, and stay where they are. */
  withheldAfter: number;
}

/** One comparison may be slow and one may fail; after this many the state counts as not confirmed. */
const MISSED_COMPARISONS = 5;

/** Both settings in milliseconds. */
export const stalenessOf = (store: { compareEvery: number; maxStaleness: number }): Staleness => ({
  saidAfter: MISSED_COMPARISONS * store.compareEvery,
  withheldAfter: store.maxStaleness,
});

/** A sentence for logs, pages and `/readyz`. `age` is in milliseconds; Infinity if the store never confirmed it. */
export const describeAge = (age: number): string =>
  Number.isFinite(age)
    ? `the state was last confirmed by the store ${duration(age / 1_000)} ago`
    : 'the state is the one saved on this machine, and the store has not confirmed it yet';

/** What follows for agents once the state is withheld. */
export const WITHHELD =
  'agents get no version and stay where they are, because the state is older than store.maxStaleness';
