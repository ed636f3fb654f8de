import type { Context, TypedResponse } from 'hono';
import type { JSONParsed } from 'hono/utils/types';
import { stringify } from 'yaml';
import { nextTurn } from '../process/turns.ts';

/** Characters that are written at a stretch: some tenths of a millisecond of work. */
const AT_ONCE = 32_768;

type Answer<T> = Response & TypedResponse<JSONParsed<T>, 200, 'json'>;

/**
 * Answers JSON whose lists are written slice by slice, at the pace of the client and with a turn for others after each,
 * so that a large answer neither keeps polls waiting nor is in memory as a whole.
 */
export const jsonInSlices = <T extends object>(c: Context, value: T): Answer<T> =>
  answer(c, 'application/json', joined(jsonParts(value))) as Answer<T>;

/** The same as YAML. */
export const yamlInSlices = (c: Context, value: object): Response =>
  answer(c, 'application/yaml', joined(yamlParts(value)));

/** Answers texts one after the other, each as `mask` makes it, in the same way. */
export const textInSlices = (c: Context, type: string, texts: Iterable<string>, mask: (text: string) => string) =>
  answer(c, type, joined(masked(texts, mask)));

function* masked(texts: Iterable<string>, mask: (text: string) => string): Generator<string> {
  for (const text of texts) yield mask(text);
}

function* jsonParts(value: object): Generator<string> {
  let lead = '{';
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue;
    yield `${lead}${JSON.stringify(key)}:`;
    lead = ',';
    if (!Array.isArray(field)) yield JSON.stringify(field);
    else {
      yield '[';
      for (const [index, item] of field.entries()) yield `${index > 0 ? ',' : ''}${JSON.stringify(item)}`;
      yield ']';
    }
  }
  yield lead === '{' ? '{}' : '}';
}

/** Without aliases: two marks that happen to be equal are not one mark. */
const OPTIONS = { aliasDuplicateObjects: false };

function* yamlParts(value: object): Generator<string> {
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue;
    if (!Array.isArray(field) || field.length === 0) yield stringify({ [key]: field }, OPTIONS);
    else {
      yield `${key}:\n`;
      for (const item of field) yield stringify([item], OPTIONS);
    }
  }
}

/** The parts in pieces that are worth sending. */
function* joined(parts: Iterable<string>): Generator<string> {
  let piece = '';
  for (const part of parts) {
    piece += part;
    if (piece.length < AT_ONCE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/** A short answer is sent at once. */
function answer(c: Context, type: string, pieces: Generator<string>): Response {
  const first = pieces.next().value ?? '';
  const second = pieces.next();
  const headers = { 'Content-Type': type };
  if (second.done) return c.body(first, 200, headers);
  const encoder = new TextEncoder();
  const begun = [first, second.value];
  return c.body(
    new ReadableStream({
      async pull(controller) {
        const piece = begun.shift() ?? pieces.next().value;
        if (piece === undefined) return controller.close();
        controller.enqueue(encoder.encode(piece));
        await nextTurn();
      },
    }),
    200,
    headers,
  );
}
