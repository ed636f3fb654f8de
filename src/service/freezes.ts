import { randomBytes } from 'node:crypto';
import { type Freeze, type Holding, holdsAt, ofSettings } from '../domain/freeze.ts';
import {
  addFreeze,
  asHolding,
  endFreeze,
  FREEZES_KEY,
  type FreezeInput,
  type GlobalFreeze,
  type GlobalFreezes,
  lastingAt,
  NO_FREEZES,
} from '../domain/global-freeze.ts';
import { storedFreezes } from '../domain/snapshot.ts';
import { type ChangeRequest, commitDocument, requireRevision, retryOnConflict } from './change.ts';
import type { State } from './state.ts';

/** A freeze of all channels that holds or will. */
export interface ListedFreeze extends Freeze {
  /** Where it was set; one of the settings has neither an id nor a person. */
  set: 'settings' | 'api';
  id: string | null;
  by: string | null;
  at: string | null;
  /** Does it hold now? */
  holds: boolean;
}

/** The freezes of all channels. Those of the settings are shown, and can only be changed there. */
export interface Freezes {
  /** Those that are not over, by when they begin. */
  list(): ListedFreeze[];
  /** Those that hold now, as the gate names them. */
  holding(): Holding[];
  /** Adds one; the same one again changes nothing. Throws `invalid` and `already_exists`. */
  add(
    input: Omit<FreezeInput, 'id'> & { id?: string | undefined },
    request: ChangeRequest,
  ): Promise<{ freeze: ListedFreeze; created: boolean }>;
  /** Ends one early. Throws `not_found`. */
  remove(id: string, reason: string, request: ChangeRequest): Promise<void>;
}

export interface FreezesOptions {
  state: State;
  /** Those of the settings. */
  configured: readonly Freeze[];
  now: () => Date;
}

export function createFreezes({ state, configured, now }: FreezesOptions): Freezes {
  const listed = (freeze: GlobalFreeze): ListedFreeze => ({ ...freeze, set: 'api', holds: holdsAt(freeze, now()) });
  const fixed = (freeze: Freeze): ListedFreeze => {
    return { ...freeze, set: 'settings', id: null, by: null, at: null, holds: holdsAt(freeze, now()) };
  };

  /** Stores what `change` makes of the freezes; null: they stay. */
  async function store(
    action: 'freeze' | 'unfreeze',
    reason: string,
    { actor, ifMatch, dryRun }: ChangeRequest,
    change: (known: GlobalFreezes, at: Date) => GlobalFreezes | null,
  ): Promise<GlobalFreezes | null> {
    return retryOnConflict({ ifMatch }, async () => {
      const before = storedFreezes(state.snapshot());
      requireRevision(FREEZES_KEY, before, ifMatch);
      const at = now();
      const after = change(before ?? NO_FREEZES, at);
      if (after && !dryRun) await commitDocument(state, { key: FREEZES_KEY, before, after, action, reason, actor, at });
      return after;
    });
  }

  return {
    list() {
      const at = now();
      const stored = lastingAt(storedFreezes(state.snapshot()) ?? NO_FREEZES, at).map(listed);
      const ours = configured.filter(({ until }) => Date.parse(until) > at.getTime()).map(fixed);
      return [...ours, ...stored].sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
    },

    holding() {
      const all = [...ofSettings(configured), ...asHolding(storedFreezes(state.snapshot()) ?? NO_FREEZES)];
      return all.filter((freeze) => holdsAt(freeze, now()));
    },

    async add({ id = randomBytes(4).toString('hex'), ...input }, request) {
      const find = ({ freezes }: GlobalFreezes) => listed(freezes.find((freeze) => freeze.id === id) as GlobalFreeze);
      const after = await store('freeze', input.reason, request, (known, at) =>
        addFreeze(known, { id, ...input }, { by: request.actor.name, at, reason: input.reason }),
      );
      if (after) return { freeze: find(after), created: true };
      return { freeze: find(storedFreezes(state.snapshot()) ?? NO_FREEZES), created: false };
    },

    async remove(id, reason, request) {
      await store('unfreeze', reason, request, (known, at) => endFreeze(known, id, at));
    },
  };
}
