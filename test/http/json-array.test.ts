import { execFileSync } from 'node:child_process';
import { buildSync } from 'esbuild';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonArray } from '../../src/http/json-array.ts';

const BOUNDS = { size: 64 * 1024, depth: 20 };

async function* cut(bytes: Uint8Array, ...sizes: number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function read(body: string | Uint8Array, ...sizes: number[]): Promise<unknown[]> {
  const elements: unknown[] = [];
  for await (const element of readJsonArray(cut(Buffer.from(body as string), ...sizes), BOUNDS)) elements.push(element);
  return elements;
}

/** Every way to write the same: nested at most `BOUNDS.depth` levels deep. */
const values = fc.jsonValue({ maxDepth: 10 });
const spaces = fc.constantFrom('', ' ', '\n\t', '\r\n');

describe('a JSON array', () => {
  it('is read as JSON.parse reads it, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(values, { maxLength: 8 }),
        spaces,
        fc.constantFrom(undefined, 1),
        fc.boolean(),
        fc.array(fc.nat(12), { maxLength: 60 }),
        async (array, space, indent, mark, sizes) => {
          const elements = array.map((value) => space + JSON.stringify(value, null, indent) + space);
          const text = `${mark ? '\uFEFF' : ''}${space}[${elements.join(',') || space}]${space}`;
          expect(await read(text, ...sizes)).toEqual(JSON.parse(text.replace('\uFEFF', '')));
        },
      ),
    );
  });

  it('is accepted where JSON.parse accepts it, and only there', async () => {
    const texts = fc.string({
      unit: fc.constantFrom(...'[]{}",:\\ 1ea-.tu\n'.split(''), 'true', '"a"', '{"b":1}'),
      maxLength: 14,
    });
    await fc.assert(
      fc.asyncProperty(texts, fc.array(fc.nat(3), { maxLength: 12 }), async (inner, sizes) => {
        const text = `[${inner}]`;
        const parsed = await Promise.resolve(text)
          .then(JSON.parse)
          .catch(() => 'malformed');
        const found = await read(text, ...sizes).catch(({ code }) => code);
        expect(found).toEqual(parsed);
      }),
      { numRuns: 2_000 },
    );
  });

  it('may hold a character that is cut in the middle', async () => {
    const text = '["ä€😀"]';
    expect(await read(text, ...Array.from(Buffer.from(text), () => 1))).toEqual(['ä€😀']);
  });

  it('may have elements up to the bounds', async () => {
    const long = 'a'.repeat(BOUNDS.size - 2);
    const deep = '['.repeat(BOUNDS.depth) + ']'.repeat(BOUNDS.depth);
    expect(await read(JSON.stringify([long, long]))).toEqual([long, long]);
    expect(await read(`[${deep},${deep}]`)).toHaveLength(2);
  });
});

describe('a body is refused', () => {
  const utf16 = (text: string) => Buffer.from(text, 'utf16le');

  it.each<[what: string, body: string | Uint8Array, code: string, message: RegExp]>([
    ['without a byte', '', 'malformed', /is empty/],
    ['of white space', ' \n', 'malformed', /is empty/],
    ['of a byte order mark alone', '\uFEFF', 'malformed', /is empty/],
    ['in UTF-16 with a mark', utf16('\uFEFF[]'), 'malformed', /UTF-16.*iconv/],
    ['in UTF-16 of the other order', utf16('\uFEFF[]').swap16(), 'malformed', /UTF-16/],
    ['in UTF-16 without a mark', utf16('[1]'), 'malformed', /UTF-16/],
    ['that is compressed', Uint8Array.of(0x1f, 0x8b, 8, 0, 0), 'malformed', /gzip/],
    ['that is a page', ' <!doctype html>', 'malformed', /HTML/],
    ['that is an object', '{"a":[]}', 'malformed', /JSON array/],
    ['that is a word', 'tctl: not found', 'malformed', /JSON array/],
    ['that is cut off', '[{"a":1},', 'malformed', /ends in the middle/],
    ['that is cut off in a string', '["a', 'malformed', /ends in the middle/],
    ['that is cut off in a number', '[1', 'malformed', /ends in the middle/],
    ['with a comma too many', '[1,]', 'malformed', /JSON array/],
    ['with a comma first', '[,1]', 'malformed', /JSON array/],
    ['without a comma', '[{} {}]', 'malformed', /JSON array/],
    ['with something after it', '[1] x', 'malformed', /JSON array/],
    ['with a second array', '[1][2]', 'malformed', /JSON array/],
    ['with an entry that is not JSON', '[1,{"a":}]', 'malformed', /entry 1 /],
    ['with brackets that do not match', '[{"a":1],2]', 'malformed', /entry 0 /],
    ['with an entry too long', `[1,"${'a'.repeat(BOUNDS.size)}"]`, 'too_large', /entry 1 .*64 KiB/],
    ['with an entry too deep', `[1,2,${'['.repeat(21)}`, 'invalid', /entry 2 .*20 levels/],
  ])('%s', async (_, body, code, message) => {
    await expect(read(body)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(read(body, 1, 1, 1)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('nothing was changed'),
    });
  });
});

describe('memory', () => {
  const [reader] = buildSync({
    entryPoints: ['src/http/json-array.ts'],
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
  }).outputFiles;

  it.each<[what: string, body: string]>([
    ['nested arrays', "'[[]],'.repeat(3e6) + '[]'"],
    ['levels', "'['.repeat(18e6)"],
    ['numbers', "'1,'.repeat(4e6) + '1'"],
    ['one string', `'"' + 'a'.repeat(18e6)`],
  ])(
    'stays bounded whatever comes: 18 MB of %s',
    (_, body) => {
      const script = `${reader?.text}
      const bytes = Buffer.from('[' + ${body} + ']');
      async function* chunks() { for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536); }
      let last = 'read';
      try { for await (const each of readJsonArray(chunks(), { size: 65536, depth: 20 })) last = 'read'; }
      catch ({ code }) { last = code; }
      console.log(last);`;
      // Twice the text itself; a tree of the body takes far more.
      const node = ['--max-old-space-size=48', '--input-type=module', '-e', script];
      expect(execFileSync(process.execPath, node, { encoding: 'utf8' })).toMatch(/^(read|invalid|too_large)$/m);
    },
    60_000,
  );
});
