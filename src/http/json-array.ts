import { FairwayError } from '../domain/errors.ts';

/** What one element of the array may be. */
export interface ElementBounds {
  /** Bytes. */
  size: number;
  /** Levels of arrays and objects. */
  depth: number;
}

const [SPACE, TAB, LINE_FEED, RETURN] = [0x20, 0x09, 0x0a, 0x0d];
const [QUOTE, BACKSLASH, COMMA, LESS] = [0x22, 0x5c, 0x2c, 0x3c];
const [LEFT_BRACKET, RIGHT_BRACKET, LEFT_BRACE, RIGHT_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

const UNCHANGED = 'nothing was changed';
const NO_ARRAY = `the body is not the JSON array that \`tctl inventory ls --format=json\` prints; ${UNCHANGED}`;

/**
 * The elements of the JSON array (RFC 8259) that the chunks are the bytes of, one after the other. It keeps one element
 * at a time, so the memory that it takes is that of the longest element, whatever comes. A byte order mark is skipped.
 * Throws `malformed` for anything but one array, and `too_large` or `invalid` for an element beyond the bounds.
 */
export async function* readJsonArray(
  chunks: AsyncIterable<Uint8Array>,
  bounds: ElementBounds,
): AsyncGenerator<unknown, void, void> {
  const cut = createCutter(bounds);
  for await (const chunk of withoutMark(chunks)) yield* cut.elements(chunk);
  cut.end();
}

/** How many of the first bytes say what a body is. */
const HEAD = 4;

/** The chunks without a byte order mark. Throws `malformed` for what is easily recognised as something else. */
async function* withoutMark(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | null = new Uint8Array();
  for await (const chunk of chunks) {
    if (head === null) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < HEAD) continue;
    yield readHead(head);
    head = null;
  }
  if (head !== null) yield readHead(head);
}

function readHead(head: Uint8Array): Uint8Array {
  const [first = 0x20, second = 0x20, third] = head;
  if (head.length === 0) {
    throw malformed('the body is empty; send the JSON array that `tctl inventory ls --format=json` prints');
  }
  if (first === 0x1f && second === 0x8b) {
    throw malformed('the body is compressed with gzip; send the JSON array itself: gunzip it first');
  }
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || first === 0 || second === 0) {
    const command = 'iconv -f UTF-16 -t UTF-8 inventory.json';
    throw malformed(`the body is UTF-16, as PowerShell writes it; send the JSON array in UTF-8: ${command}`);
  }
  return first === 0xef && second === 0xbb && third === 0xbf ? head.subarray(3) : head;
}

type Place = 'before' | 'first' | 'next' | 'inside' | 'between' | 'after';

/** Finds where elements begin and end: by brackets and strings alone, `JSON.parse` judges the rest. */
function createCutter({ size, depth }: ElementBounds) {
  const element = Buffer.allocUnsafe(size);
  let length = 0;
  let index = 0;
  let place: Place = 'before';
  let levels = 0;
  let inString = false;
  let escaped = false;

  function keep(chunk: Uint8Array, from: number, to: number): void {
    if (length + to - from > size) {
      const message = `entry ${index} of the inventory is larger than ${size / 1024} KiB; leave it out`;
      throw new FairwayError('too_large', `${message}; ${UNCHANGED}`);
    }
    element.set(chunk.subarray(from, to), length);
    length += to - from;
  }

  function take(): unknown {
    try {
      return JSON.parse(element.toString('utf8', 0, length));
    } catch (cause) {
      throw malformed(`entry ${index} of the inventory is not valid JSON, so the body is not a JSON array`, cause);
    } finally {
      length = 0;
      index++;
      place = 'between';
    }
  }

  /** Does the byte end the element? `own` where it is the last of it, `next` where it is the first that is not. */
  function step(byte: number): 'own' | 'next' | null {
    if (inString) {
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) {
        inString = false;
        return levels === 0 ? 'own' : null;
      }
      return null;
    }
    if (levels === 0 && (isSpace(byte) || byte === COMMA || byte === RIGHT_BRACKET)) return 'next';
    if (byte === QUOTE) inString = true;
    else if (byte === LEFT_BRACE || byte === LEFT_BRACKET) {
      if (++levels > depth) {
        const message = `entry ${index} of the inventory is nested more than ${depth} levels deep; leave it out`;
        throw new FairwayError('invalid', `${message}; ${UNCHANGED}`);
      }
    } else if (byte === RIGHT_BRACE || byte === RIGHT_BRACKET) {
      if (levels <= 1) {
        levels = 0;
        return 'own';
      }
      levels--;
    }
    return null;
  }

  /** A byte outside of the elements, at a place in a chunk. */
  function pass(byte: number, chunk: Uint8Array, at: number): void {
    if (isSpace(byte)) return;
    if (place === 'before' && byte === LEFT_BRACKET) place = 'first';
    else if (place === 'before' && byte === LESS) {
      throw malformed('the body is HTML, such as the page of a proxy or of a sign-in, and not a JSON array');
    } else if (place === 'before' && isLetter(byte)) {
      const words = Buffer.from(chunk.subarray(at, at + MAX_WORDS))
        .toString('latin1')
        .split(/[^\x20-\x7e]/, 1)[0];
      throw malformed(`the body is no JSON array: it begins with "${words}", as an error message does`);
    } else if (place === 'between' && byte === COMMA) place = 'next';
    else if ((place === 'between' || place === 'first') && byte === RIGHT_BRACKET) place = 'after';
    else throw new FairwayError('malformed', NO_ARRAY);
  }

  const begins = (byte: number): boolean =>
    place === 'next' ? !isSpace(byte) : place === 'first' && !isSpace(byte) && byte !== RIGHT_BRACKET;

  return {
    *elements(chunk: Uint8Array): Generator<unknown, void, void> {
      let from = 0;
      for (let at = 0; at < chunk.length; at++) {
        const byte = chunk[at] as number;
        if (place !== 'inside') {
          if (!begins(byte)) {
            pass(byte, chunk, at);
            continue;
          }
          // An empty place between two commas, or before the end.
          if (byte === COMMA || byte === RIGHT_BRACKET) throw new FairwayError('malformed', NO_ARRAY);
          place = 'inside';
          from = at;
        }
        const end = step(byte);
        if (end === null) continue;
        keep(chunk, from, end === 'own' ? at + 1 : at);
        yield take();
        if (end === 'next') pass(byte, chunk, at);
      }
      if (place === 'inside') keep(chunk, from, chunk.length);
    },

    /** Throws unless the array is complete. */
    end(): void {
      if (place === 'after') return;
      if (place === 'before') {
        throw malformed('the body is empty; send the JSON array that `tctl inventory ls --format=json` prints');
      }
      throw malformed('the body ends in the middle of the JSON array; send it again');
    },
  };
}

/** Bytes of an error message that the refusal repeats. */
const MAX_WORDS = 60;

const isLetter = (byte: number): boolean => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);

const isSpace = (byte: number): boolean => byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB;

const malformed = (message: string, cause?: unknown) =>
  new FairwayError('malformed', `${message}; ${UNCHANGED}`, { cause });
