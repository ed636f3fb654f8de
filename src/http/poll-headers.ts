import { IncomingMessage } from 'node:http';
import type { RawCheckIn } from '../service/check-ins.ts';
import { isHost } from './host.ts';

/** The headers of a poll that Fairway uses, unchecked. */
export interface PollHeaders extends RawCheckIn {
  ifNoneMatch?: string;
  /** `Fairway-Max-Age`: the seconds that the state may be old, from a proxy that can ask another server instead. */
  maxAge?: string;
}

/** By name in lower case. */
export const POLL_FIELDS = new Map<string, keyof PollHeaders>([
  ['if-none-match', 'ifNoneMatch'],
  ['agent-id', 'id'],
  ['agent-version', 'version'],
  ['updater-kind', 'updater'],
  ['updater-version', 'updaterVersion'],
  ['agent-group', 'group'],
  // Never read from the query, because addresses end up in logs.
  ['agent-token', 'token'],
  ['fairway-max-age', 'maxAge'],
]);

/** Also the headers that node:http itself reads. */
interface KnownHeaders extends PollHeaders {
  host?: string;
  /** Are there several hosts? */
  ambiguous?: boolean;
  expect?: string;
}
const FIELDS = new Map<string, Exclude<keyof KnownHeaders, 'ambiguous'>>([
  ...POLL_FIELDS,
  ['host', 'host'],
  ['expect', 'expect'],
]);
const LENGTHS = new Set([...FIELDS.keys()].map(({ length }) => length));

/**
 * A request that reads only the headers in use; if one is repeated, the first counts. node:http looks up `host` and
 * `expect` in `headers`, and would build an object of all headers for that: a tenth of the cost of a poll.
 */
export class PollRequest extends IncomingMessage {
  #known: KnownHeaders | null = null;

  get poll(): Readonly<PollHeaders> {
    this.#known ??= readHeaders(this.rawHeaders);
    return this.#known;
  }

  /** Does it name at most one host, which can be one? */
  get hasSoundHost(): boolean {
    const { host = '', ambiguous = false }: KnownHeaders = this.poll;
    return !ambiguous && isHost(host);
  }

  static {
    // `headers` is declared as a property, so a class accessor could not replace it.
    Object.defineProperty(PollRequest.prototype, 'headers', {
      get(this: PollRequest) {
        return this.poll;
      },
    });
  }
}

function readHeaders(raw: readonly string[]): KnownHeaders {
  const known: KnownHeaders = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!LENGTHS.has(name.length)) continue;
    const field = FIELDS.get(name.toLowerCase());
    if (field === undefined) continue;
    if (field === 'host' && known.host !== undefined) known.ambiguous = true;
    known[field] ??= raw[i + 1] as string;
  }
  return known;
}

/** Reads the check-in in the query of a poll. */
export function readPollQuery(query: URLSearchParams): RawCheckIn {
  const checkIn: RawCheckIn = {};
  for (const [name, field] of QUERY) {
    const value = query.get(name);
    if (value !== null) checkIn[field] = value;
  }
  return checkIn;
}

// Both names mean the same id; the RFD says `host`, and updaters send `update_id`.
const QUERY: [string, keyof RawCheckIn][] = [
  ['host', 'id'],
  ['update_id', 'id'],
  ['agent_version', 'version'],
  ['updater', 'updater'],
  ['updater_version', 'updaterVersion'],
  ['group', 'group'],
];
