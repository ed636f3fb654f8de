import { setImmediate as nextTurn } from 'node:timers/promises';
import { FairwayError } from '../domain/errors.ts';
import type { StateDocument, WantedState } from '../service/transfer.ts';
import * as schemas from './schemas/transfer.ts';
import { validated } from './validation.ts';

/** Bytes of a line, and of all lines together. */
const MAX_LINE = 4 * 1024 * 1024;
const MAX_LINES = 512 * 1024 * 1024;
/** Documents in a line. */
const AT_ONCE = 50;
const LINE_FEED = 0x0a;

const PARTS = ['controlPlanes', 'releases', 'channels', 'promotions', 'freezes'] as const;

/**
 * A state document as lines, each of which is a small state document in JSON: what is too large for one body is sent and
 * read a line at a time.
 */
export function* stateLines(state: StateDocument): Generator<string> {
  const { fairway } = state;
  yield `${JSON.stringify({ fairway })}\n`;
  for (const part of PARTS) {
    const items = state[part] ?? [];
    for (let start = 0; start < items.length; start += AT_ONCE) {
      yield `${JSON.stringify({ fairway, [part]: items.slice(start, start + AT_ONCE) })}\n`;
    }
  }
}

/**
 * Reads the lines that `stateLines` makes, and lets the process answer others after each. Throws `malformed`, `invalid`
 * and `too_large`.
 */
export async function readStateLines(body: AsyncIterable<Uint8Array> | null): Promise<WantedState> {
  const wanted = { fairway: 1 as const, controlPlanes: [], releases: [], channels: [], promotions: [], freezes: [] };
  const names = new Set<string>();
  let count = 0;
  for await (const line of linesOf(body ?? emptyBody())) {
    count++;
    const document = validated(schemas.StateDocument, parseLine(line, count));
    for (const part of PARTS) {
      for (const item of document[part] ?? []) {
        const name = `${part} ${'name' in item ? item.name : 'id' in item ? item.id : item.version}`;
        if (names.has(name)) throw new FairwayError('invalid', `${name} is listed twice`);
        names.add(name);
        (wanted[part] as (typeof item)[]).push(item);
      }
    }
    await nextTurn();
  }
  if (count === 0) throw new FairwayError('malformed', 'the body is empty; send what GET /export answers');
  return wanted;
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

function parseLine(line: string, count: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new FairwayError('malformed', `line ${count} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** The lines of a body; empty ones are left out. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let held: Uint8Array[] = [];
  let size = 0;
  let all = 0;
  const take = (last: Uint8Array) => {
    const line = Buffer.concat([...held, last])
      .toString('utf8')
      .trim();
    held = [];
    size = 0;
    return line;
  };
  for await (const chunk of body) {
    all += chunk.length;
    if (all > MAX_LINES) throw new FairwayError('too_large', 'the document is larger than 512 MiB; apply it in parts');
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      const line = take(chunk.subarray(from, end));
      from = end + 1;
      if (line !== '') yield line;
    }
    const rest = chunk.subarray(from);
    size += rest.length;
    if (size > MAX_LINE) {
      throw new FairwayError('too_large', 'a line is larger than 4 MiB; put fewer documents on one line');
    }
    if (rest.length > 0) held.push(rest);
  }
  const last = take(new Uint8Array());
  if (last !== '') yield last;
}
