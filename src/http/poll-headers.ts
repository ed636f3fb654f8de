import type { RawCheckIn } from '../service/check-ins.ts';

/** The headers of a poll that mean something, as they came. */
export interface PollHeaders extends RawCheckIn {
  ifNoneMatch?: string;
}

/** By name in lower case. */
export const POLL_FIELDS = new Map<string, keyof PollHeaders>([
  ['if-none-match', 'ifNoneMatch'],
  ['agent-id', 'id'],
  ['agent-version', 'version'],
  ['updater-kind', 'updater'],
  ['updater-version', 'updaterVersion'],
  ['agent-group', 'group'],
  // Never from the query: addresses end up in logs.
  ['agent-token', 'token'],
]);
const LENGTHS = new Set([...POLL_FIELDS.keys()].map(({ length }) => length));
const NONE: Readonly<PollHeaders> = Object.freeze({});

/**
 * Picks the headers of a poll out of `IncomingMessage.rawHeaders`; of one that is repeated the first counts.
 * `IncomingMessage.headers` would make an object of all headers first, which costs a tenth of a whole poll.
 */
export function readPollHeaders(raw: readonly string[]): Readonly<PollHeaders> {
  let found: PollHeaders | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!LENGTHS.has(name.length)) continue;
    const field = POLL_FIELDS.get(name.toLowerCase());
    if (field === undefined) continue;
    found ??= {};
    found[field] ??= raw[i + 1] as string;
  }
  return found ?? NONE;
}

/** The check-in in the query of a poll. */
export function readPollQuery(query: URLSearchParams): RawCheckIn {
  const checkIn: RawCheckIn = {};
  for (const [name, field] of QUERY) {
    const value = query.get(name);
    if (value !== null) checkIn[field] = value;
  }
  return checkIn;
}

const QUERY: [string, keyof RawCheckIn][] = [
  ['host', 'id'],
  ['agent_version', 'version'],
  ['updater', 'updater'],
  ['updater_version', 'updaterVersion'],
  ['group', 'group'],
];
