import { type AgentRecord, NO_PAST, type Past, type Sighting } from '../domain/agent.ts';
import type { PruneQuery } from '../domain/store.ts';
import { KINDS } from './counters.ts';

/** What stays of a record, and how many sightings do not. The Lua script keeps to the same. */
export function pruned(record: AgentRecord, query: PruneQuery): { record: AgentRecord; dropped: number } {
  const elsewhere = record.past.elsewhere.filter((other) => !isOld(other, query));
  const seen = pruneCheckIn(record.checkIn, elsewhere, query);
  const inventory = record.inventory && isUnlisted(record.inventory, query) ? null : record.inventory;
  const dropped =
    record.past.elsewhere.length - elsewhere.length + Number(seen.dropped) + Number(record.inventory !== inventory);
  const past = seen.checkIn || inventory ? { ...record.past, elsewhere: seen.elsewhere } : NO_PAST;
  return { record: { checkIn: seen.checkIn, inventory, past }, dropped };
}

const isOld = ({ channel, at }: { channel: string; at: number }, { checkIns }: PruneQuery): boolean =>
  at < (checkIns?.get(channel) ?? Number.NEGATIVE_INFINITY);

/**
 * Where the present check-in goes and the agent was seen elsewhere later than that channel's bound, that takes its
 * place.
 */
function pruneCheckIn(checkIn: Sighting | null, elsewhere: Past['elsewhere'], query: PruneQuery) {
  if (!checkIn) return { checkIn, elsewhere, dropped: false };
  if (!checkIn.enrolled) {
    const dropped = checkIn.at < (query.unenrolledBefore ?? Number.NEGATIVE_INFINITY);
    return { checkIn: dropped ? null : checkIn, elsewhere, dropped };
  }
  if (!isOld(checkIn, query)) return { checkIn, elsewhere, dropped: false };
  const [first, ...others] = elsewhere;
  const next = first && others.reduce((newest, other) => (other.at > newest.at ? other : newest), first);
  return {
    checkIn: next ? { ...checkIn, channel: next.channel, at: next.at } : null,
    elsewhere: elsewhere.filter((other) => other !== next),
    dropped: true,
  };
}

function isUnlisted({ channel, listing, at }: Sighting, { unlisted }: PruneQuery): boolean {
  if (!unlisted || !listing) return false;
  const { scope, before, seenUntil = Number.POSITIVE_INFINITY, only, except } = unlisted;
  if (at > seenUntil) return false;
  return (
    listing.scope === scope && listing.at < before && (only === undefined || only === channel) && !except?.has(channel)
  );
}

/** Is this counter a time that goes? */
export function isOldTime(field: string, value: number, query: PruneQuery): boolean {
  const [, channel = '', kind] = /^(\S+) (\w+:)/.exec(field) ?? [];
  return (kind === KINDS.latest || kind === KINDS.uncounted) && isOld({ channel, at: value }, query);
}
