import { type AgentRecord, NO_PAST, type Past, type Sighting, UPDATER_KINDS, UPDATER_STATES } from '../domain/agent.ts';

/** What stands before the channel of a check-in that is not enrolled. No channel's name begins with it. */
export const STRANGER = '!';
/** What stands before the channel of a check-in that anybody could have sent; after `!`, if both do. */
export const UNPROVEN = '~';
/** Stands for an updater version that is the agent's own. */
export const SAME = '=';
/**
 * Ends a check-in whose time decides at what the agent counts, so that the next one is never stored without counting.
 */
export const FLAG = '*';
/** Stands after the letter of the updater's state. */
export const EXPIRED = 'x';
/** The letter of the updater's state, its error code, and whether the instance had expired. */
const STATE = /^([a-wyz]?)(\d*)(x?)$/;
/** Up to so many bytes, Redis packs a value beside others without any overhead. */
export const MAX_PACKED = 64;

/** The three parts of an agent's record, each as a store keeps it; null where there is none. */
export interface Packed {
  checkIn: string | null;
  inventory: string | null;
  past: string | null;
}

export function packRecord(record: AgentRecord): Packed {
  const { checkIn, inventory, past } = record;
  return {
    checkIn: checkIn && (isFlagged(record) ? `${packFields(checkInFields(checkIn))} ${FLAG}` : packCheckIn(checkIn)),
    inventory: inventory && packInventory(inventory),
    past: packPast(past) || null,
  };
}

export function unpackRecord(id: string, { checkIn, inventory, past }: Packed): AgentRecord {
  return {
    checkIn: checkIn ? unpackCheckIn(id, checkIn) : null,
    inventory: inventory ? unpackInventory(id, inventory) : null,
    past: past ? unpackPast(past) : NO_PAST,
  };
}

/**
 * `channel version at updater updaterVersion group`: `at` in base 36, the updater by its letter, nulls empty and cut
 * off at the end.
 */
export const packCheckIn = (sighting: Sighting): string => packFields(checkInFields(sighting)).trimEnd();

function checkInFields(sighting: Sighting): string[] {
  const place = (sighting.enrolled ? '' : STRANGER) + (sighting.proven ? '' : UNPROVEN) + sighting.channel;
  return [place, ...fieldsOf(sighting)];
}

function fieldsOf({ version, at, updater, updaterVersion, group }: Sighting): string[] {
  const runs = updaterVersion === version ? SAME : (updaterVersion ?? '');
  return [version, at.toString(36), updater?.[0] ?? '', runs, group ?? ''];
}

const packFields = (fields: string[]): string => fields.join(' ');

/**
 * What `packCheckIn` gives, and ` *` where it is flagged: where the record has a past, or an inventory sighting that
 * says something else. Whatever writes one of the three parts keeps the flag right.
 */
function isFlagged({ checkIn, inventory, past }: AgentRecord): boolean {
  if (past.reverted || past.contested || past.elsewhere.length > 0) return true;
  if (!checkIn || !inventory) return false;
  return (
    inventory.expired ||
    inventory.channel !== checkIn.channel ||
    inventory.version !== checkIn.version ||
    differs(inventory.group, checkIn.group) ||
    differs(inventory.updater, checkIn.updater)
  );
}

const differs = (a: string | null, b: string | null): boolean => a !== null && b !== null && a !== b;

export function unpackCheckIn(id: string, packed: string): Sighting {
  const [place = '', ...fields] = packed.split(' ');
  const [, stranger, unproven, channel = ''] = /^(!?)(~?)(.*)$/.exec(place) ?? [];
  const sighting = sightingOf(id, channel, fields);
  sighting.enrolled = stranger !== STRANGER;
  sighting.proven = unproven !== UNPROVEN;
  return sighting;
}

/**
 * `channel version at updater updaterVersion group state listedAt scope host updateId`: state is the letter of the
 * updater's state, its error code, then `x` if the instance had expired; scope is empty where it is the channel. A host
 * is kept if it has no white space and the whole up to it stays within `MAX_PACKED`. Few agents have an `updateId`, so
 * that one is always kept. What an inventory lists is enrolled and proven.
 */
export function packInventory(sighting: Sighting): string {
  const { channel, at, updaterState, updaterError, updateId, expired, host } = sighting;
  const listing = sighting.listing ?? { at, scope: channel };
  const state = `${updaterState?.[0] ?? ''}${updaterError ?? ''}${expired ? EXPIRED : ''}`;
  const scope = listing.scope === channel ? '' : listing.scope;
  const packed = packFields([channel, ...fieldsOf(sighting), state, listing.at.toString(36), scope]);
  const full = `${packed} ${host}`;
  const hasRoom = host && !/\s/.test(host) && Buffer.byteLength(full) <= MAX_PACKED;
  if (updateId) return `${hasRoom ? full : `${packed} `} ${updateId}`;
  return hasRoom ? full : packed.trimEnd();
}

export function unpackInventory(id: string, packed: string): Sighting {
  const fields = packed.split(' ');
  const channel = fields[0] ?? '';
  const sighting = sightingOf(id, channel, fields.slice(1));
  const [, letter = '', code = '', end] = STATE.exec(fields[6] ?? '') ?? [];
  sighting.updaterState = UPDATER_STATES.find((each) => each.charAt(0) === letter) ?? null;
  if (code) sighting.updaterError = Number(code);
  sighting.expired = end === EXPIRED;
  sighting.host = fields[9] || null;
  if (fields[10]) sighting.updateId = fields[10];
  sighting.listing = { at: fields[7] ? readTime(fields[7]) : sighting.at, scope: fields[8] || channel };
  return sighting;
}

/** The scope of the inventory that a packed sighting was listed by. */
export function scopeOfPacked(packed: string): string {
  const fields = packed.split(' ', 9);
  return fields[8] || (fields[0] ?? '');
}

/** An enrolled and proven sighting that no inventory listed. */
function sightingOf(id: string, channel: string, fields: string[]): Sighting {
  const version = fields[0] ?? '';
  const updaterVersion = fields[3] ?? '';
  return {
    id,
    channel,
    version,
    at: readTime(fields[1] ?? ''),
    updater: updaterOf(fields[2] ?? ''),
    updaterVersion: updaterVersion === SAME ? version : updaterVersion || null,
    group: fields[4] || null,
    enrolled: true,
    proven: true,
    updaterState: null,
    host: null,
    listing: null,
    expired: false,
  };
}

const readTime = (text: string): number => Number.parseInt(text, 36);

export const updaterOf = (letter: string) =>
  UPDATER_KINDS.find((kind) => letter !== '' && kind.startsWith(letter)) ?? null;

/**
 * `from was at version at`, of `reverted` and then of `contested`, then channel and time of each `elsewhere`; '' for
 * none. What is contested has `version>high` where it has both.
 */
export function packPast({ reverted, contested, elsewhere }: Past): string {
  if (!reverted && !contested && elsewhere.length === 0) return '';
  const back = reverted ? [reverted.from, reverted.was.toString(36), reverted.at.toString(36)] : ['', '', ''];
  const low = contested ? [packVersions(contested), contested.at.toString(36)] : ['', ''];
  return packFields([...back, ...low, ...elsewhere.flatMap(({ channel, at }) => [channel, at.toString(36)])]);
}

const packVersions = ({ version, high }: { version: string; high: string | null }) =>
  high === null ? version : `${version}>${high}`;

export function unpackPast(packed: string): Past {
  const [from = '', was = '', at = '', versions = '', lowAt = '', ...others] = packed.split(' ');
  const [version = '', high = null] = versions.split('>');
  return {
    reverted: from ? { from, was: readTime(was), at: readTime(at) } : null,
    contested: version ? { version, at: readTime(lowAt), high } : null,
    elsewhere: Array.from({ length: others.length / 2 }, (_, n) => ({
      channel: others[2 * n] ?? '',
      at: readTime(others[2 * n + 1] ?? ''),
    })),
  };
}
