import { describeBad } from '../domain/documents.ts';
import { duration } from '../domain/duration.ts';
import { visibleTo } from '../domain/embargo.ts';
import { FairwayError } from '../domain/errors.ts';
import { describeEnd } from '../domain/freeze.ts';
import { describeLoss } from '../domain/recovery.ts';
import { describeShortfall } from '../domain/replication.ts';
import type { Actor } from '../domain/role.ts';
import { WITHHELD } from '../domain/staleness.ts';
import { findTroubles, type Trouble } from '../domain/status.ts';
import type { Census } from './census-view.ts';
import type { Channels } from './channels.ts';
import type { Fleet } from './fleet.ts';
import type { Freezes } from './freezes.ts';
import type { State } from './state.ts';

export interface Status {
  troubles: Trouble[];
  /** Null while the store is away. */
  censuses: ReadonlyMap<string, Census> | null;
}

export interface StatusReader {
  /** Reads what is wrong and worth knowing, the worst first, as far as `actor` may know; also without the store. */
  read(actor: Actor): Promise<Status>;
}

export interface StatusOptions {
  state: State;
  fleet: Pick<Fleet, 'censuses'>;
  channels: Pick<Channels, 'list'>;
  freezes: Pick<Freezes, 'holding'>;
  now: () => Date;
}

export function createStatus({ state, fleet, channels, freezes, now }: StatusOptions): StatusReader {
  /** Null while the store is away. */
  async function takeCensuses(): Promise<Status['censuses']> {
    try {
      return new Map((await fleet.censuses()).map((census) => [census.channel, census]));
    } catch (error) {
      if (error instanceof FairwayError && error.code === 'store_unavailable') return null;
      throw error;
    }
  }

  return {
    async read(actor) {
      const censuses = await takeCensuses();
      const snapshot = state.peek();
      const store = describeTrouble(state);
      if (!snapshot) {
        const nothing = {
          at: now(),
          channels: [],
          freezes: [],
          controlPlanes: new Map(),
          releases: new Map(),
          promotions: new Map(),
        };
        return { troubles: findTroubles({ store, censuses, ...nothing }), censuses };
      }
      const { controlPlanes, promotions } = snapshot;
      const releases = visibleTo(snapshot.releases, actor);
      const sentences = freezes.holding().map(describeEnd);
      const facts = {
        store,
        at: now(),
        channels: channels.list(),
        freezes: sentences,
        censuses,
        controlPlanes,
        releases,
        promotions,
      };
      return { troubles: findTroubles(facts), censuses };
    },
  };
}

/** The snapshot is compared with the store every few seconds; older than this it may be out of date. */
const STALE_MS = 15_000;

/** What may be wrong with the store, or with the state that it gave. */
export interface StoreTrouble {
  is: 'empty' | 'lost' | 'outdated' | 'away' | 'stale' | 'refused' | 'bad' | 'short';
  /** What an operator must know before trusting what is shown, in a sentence. */
  text: string;
}

/** What is wrong with the store; null if all is well. */
export function storeTrouble(state: State): StoreTrouble | null {
  const age = state.age();
  const since = Number.isFinite(age) ? `as it was ${duration(age / 1000)} ago` : 'as it was saved on this machine';
  if (!state.peek()) {
    const text = 'The store has not answered since the start, and nothing was saved: there is nothing to show yet.';
    return { is: 'empty', text };
  }
  const store = state.storeState();
  const isWithheld = state.isWithheld();
  const served = isWithheld ? `${capital(WITHHELD)}: it is ${since}` : `Agents are served the state ${since}`;
  if (store.is === 'lost') {
    return { is: 'lost', text: `Warning: ${describeLoss(store.loss)}.${isWithheld ? ` ${capital(WITHHELD)}.` : ''}` };
  }
  if (store.is === 'outdated') {
    return { is: 'outdated', text: `${served}; changes are refused: ${store.error.message}.` };
  }
  if (store.is === 'away') {
    return { is: 'away', text: `The store is away. ${served}; changes are refused until it is back.` };
  }
  if (isWithheld) return { is: 'stale', text: `${served}.` };
  if (age > STALE_MS) return { is: 'stale', text: `The state is shown ${since}; it may be out of date.` };
  const refusal = state.refusal();
  if (refusal !== null) return { is: 'refused', text: `Warning: the store refuses changes: ${refusal}.` };
  const bad = state.peek()?.bad;
  if (bad && bad.size > 0) return { is: 'bad', text: `Warning: ${describeBad(bad.values())}.` };
  const shortfall = state.shortfall();
  return shortfall && { is: 'short', text: `The last change is ${describeShortfall(shortfall)}.` };
}

/** The sentence of `storeTrouble`. */
export const describeTrouble = (state: State): string | null => storeTrouble(state)?.text ?? null;

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
