import { afterEach, beforeEach, describe } from 'vitest';
import type { FleetLimits, Store } from '../../src/domain/store.ts';
import { controlContract } from './control-contract.ts';
import { fleetContract } from './fleet-contract.ts';
import { historiesContract } from './histories.ts';
import { leaseContract } from './lease-contract.ts';
import { seriesContract } from './series-contract.ts';

/** How the suite opens a kind of store. */
export interface Harness {
  /** Opens an empty store that answers. */
  fresh(limits?: FleetLimits): Promise<Store>;
  /** Opens another instance on the data of the last fresh store, as a second server or after a restart. */
  again(): Promise<Store>;
}

/** The behaviour that every kind of store has in common. */
export function storeContract(kind: Store['kind'], harness: Harness): void {
  describe(`a store (${kind})`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await harness.fresh();
    });
    afterEach(() => store.close());

    controlContract(() => store, harness);
    fleetContract(() => store, harness);
    historiesContract(harness);
    leaseContract(() => store, harness);
    seriesContract(() => store);
  });
}
