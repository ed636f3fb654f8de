import type { Snapshot } from './snapshot.ts';
import type { ControlState } from './store.ts';

/** The last moment at which a store held what a server served. */
export interface Confirmation {
  /** Which store it was: the hash of its first audit entry. Null if it is not known. */
  store: string | null;
  /** The newest revision that was saved at that moment. */
  revision: number;
  /** Epoch milliseconds. */
  at: number;
}

/** Keeps the last state on this machine, for a start while the store is away. A full disk stops nothing. */
export interface SavedState {
  /** Null if there is none, or if it is older than the one that was confirmed last: a copy was put back. */
  read(): ControlState | null;
  /** Writes the state soon, or a later one. */
  write(state: Snapshot): void;
  /** Resolves when the last state is written, whole: an earlier release, or a copy of the file, needs no journal. */
  close(): Promise<void>;
  /** Null without a saved state. */
  confirmation(): Confirmation | null;
  /** Never rejects. A state that is not written yet is confirmed later. */
  confirm(confirmation: Confirmation): Promise<void>;
}
