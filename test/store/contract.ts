import { afterEach, beforeEach, describe } from 'vitest';
import type { FleetLimits, Store } from '../../src/domain/store.ts';
import { controlContract } from './control-contract.ts';
import { fleetContract } from './fleet-contract.ts';
import { leaseContract } from './lease-contract.ts';
import { seriesContract } from './series-contract.ts';

/** How the suite gets at a kind of store. */
export interface Harness {
  /** An empty store that answers. */
  fresh(limits?: FleetLimits): Promise<Store>;
  /** Another instance on the data of the last fresh one, as a second server or after a restart. */
  again(): Promise<Store>;
}

/** What every kind of store does alike. */
export function storeContract(kind: Store['kind'], harness: Harness): void {
  describe(`a store (${kind})`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await harness.fresh();
    });
    afterEach(() => store.close());

    controlContract(() => store, harness);
    fleetContract(() => store, harness);
    leaseContract(() => store, harness);
    seriesContract(() => store);
  });
}
