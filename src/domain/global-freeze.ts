import type { Act } from './channel.ts';
import { FARTHEST } from './duration.ts';
import { FairwayError } from './errors.ts';
import { type Freeze, freezeFault, type Holding, MAX_FREEZES } from './freeze.ts';
import { clock, who } from './words.ts';

/** The key of the document that holds the freezes of all channels that people added. */
export const FREEZES_KEY = 'freezes/all';

/** A freeze of all channels that a person added, and did not write into the settings. */
export interface GlobalFreeze extends Freeze {
  /** `FREEZE_ID`. */
  id: string;
  /** Who added it. */
  by: string;
  /** When it was added, ISO 8601. */
  at: string;
}

/** In the order in which they were added; those that are over leave it with the next change. */
export interface GlobalFreezes {
  freezes: GlobalFreeze[];
}

export const NO_FREEZES: GlobalFreezes = { freezes: [] };

export const FREEZE_ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** What a person asks for. */
export interface FreezeInput extends Omit<Freeze, 'from'> {
  id: string;
  /** ISO 8601; unset: from now. */
  from?: string | undefined;
}

/** Those that hold at `at` or will. */
export const lastingAt = ({ freezes }: GlobalFreezes, at: Date): GlobalFreeze[] =>
  freezes.filter(({ until }) => Date.parse(until) > at.getTime());

/** Freezes as the gate asks for them. */
export const asHolding = ({ freezes }: GlobalFreezes): Holding[] =>
  freezes.map((freeze) => ({
    ...freeze,
    by: `freeze ${freeze.id} of ${who(freeze.by)}`,
    end: `fairway freezes remove ${freeze.id}`,
  }));

/**
 * Adds a freeze. Null: the same one is there already. Throws `invalid` for times that are none or one too many, and
 * `already_exists` if another one has the id.
 */
export function addFreeze(known: GlobalFreezes, input: FreezeInput, act: Act): GlobalFreezes | null {
  const lasting = lastingAt(known, act.at);
  const same = lasting.find(({ id }) => id === input.id);
  const from = input.from ?? same?.from ?? act.at.toISOString();
  const freeze = { ...input, from, by: act.by, at: act.at.toISOString() };
  requireTimes(freeze, act.at);
  if (same && isSame(same, freeze)) return null;
  if (same) {
    const what = `there is another freeze ${same.id}, ${describeTimes(same)}`;
    throw new FairwayError('already_exists', `${what}; choose another id, or: fairway freezes remove ${same.id}`);
  }
  if (lasting.length >= MAX_FREEZES) {
    throw new FairwayError('invalid', `there are ${MAX_FREEZES} freezes already; to remove one: fairway freezes`);
  }
  return { freezes: [...lasting, freeze] };
}

/** Ends a freeze early, or takes away one that has not begun. Throws `not_found`. */
export function endFreeze(known: GlobalFreezes, id: string, at: Date): GlobalFreezes {
  const lasting = lastingAt(known, at);
  const rest = lasting.filter((freeze) => freeze.id !== id);
  if (rest.length < lasting.length) return { freezes: rest };
  throw new FairwayError('not_found', `there is no freeze ${id}; to list them: fairway freezes`);
}

/** The freezes with those of a document, which replace others of their ids. Throws `invalid`. */
export function conformFreezes(known: GlobalFreezes, wanted: readonly GlobalFreeze[], at: Date): GlobalFreezes {
  const ids = new Set(wanted.map(({ id }) => id));
  const freezes = [...known.freezes.filter(({ id }) => !ids.has(id)), ...wanted];
  const lasting = lastingAt({ freezes }, at);
  if (lasting.length <= MAX_FREEZES) return { freezes: lasting };
  throw new FairwayError('invalid', `there would be ${lasting.length} freezes, and ${MAX_FREEZES} is the most`);
}

function requireTimes(freeze: Freeze, at: Date): void {
  const fault = freezeFault(freeze);
  const until = Date.parse(freeze.until);
  if (fault) throw new FairwayError('invalid', fault);
  if (until <= at.getTime()) {
    throw new FairwayError('invalid', `until must lie in the future, and ${freeze.until} does not`);
  }
  if (until - at.getTime() > FARTHEST) throw new FairwayError('invalid', 'a freeze must end within a year from now');
}

const isSame = (a: Freeze, b: Freeze) =>
  Date.parse(a.from) === Date.parse(b.from) &&
  Date.parse(a.until) === Date.parse(b.until) &&
  a.reason === b.reason &&
  [...a.except].sort().join() === [...b.except].sort().join();

const describeTimes = ({ from, until, by }: GlobalFreeze) =>
  `from ${clock(from)} until ${clock(until)}, which ${who(by)} added`;
