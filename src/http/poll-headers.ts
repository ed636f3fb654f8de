import { IncomingMessage } from 'node:http';
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

/** With what node:http itself wants to know of a request. */
interface KnownHeaders extends PollHeaders {
  host?: string;
  expect?: string;
}
const FIELDS = new Map<string, keyof KnownHeaders>([...POLL_FIELDS, ['host', 'host'], ['expect', 'expect']]);
const LENGTHS = new Set([...FIELDS.keys()].map(({ length }) => length));

/**
 * A request that reads those headers only which mean something; of one that is repeated the first counts. node:http looks for
 * `host` and `expect` in the `headers` of each request, for which it would make an object of all of them: a tenth of a poll.
 */
export class PollRequest extends IncomingMessage {
  #known: KnownHeaders | null = null;

  get poll(): Readonly<PollHeaders> {
    this.#known ??= readHeaders(this.rawHeaders);
    return this.#known;
  }

  static {
    // A property by its type, which an accessor could not replace.
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
    if (field !== undefined) known[field] ??= raw[i + 1] as string;
  }
  return known;
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
