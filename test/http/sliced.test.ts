import fc from 'fast-check';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jsonInSlices, yamlInSlices } from '../../src/http/sliced.ts';

const answersOf = (value: object) =>
  new Hono().get('/json', (c) => jsonInSlices(c, value) as Response).get('/yaml', (c) => yamlInSlices(c, value));

describe('an answer in slices', () => {
  it('is the document, whatever is in it', async () => {
    const documents = fc.dictionary(
      fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
      fc.oneof(fc.array(fc.jsonValue(), { maxLength: 4 }), fc.jsonValue()),
      { maxKeys: 4 },
    );
    await fc.assert(
      fc.asyncProperty(documents, async (value) => {
        const json = await answersOf(value).request('/json');
        expect(await json.json()).toEqual(JSON.parse(JSON.stringify(value)));
        expect(json.headers.get('content-type')).toBe('application/json');
      }),
      { numRuns: 200 },
    );
  });

  const items = Array.from({ length: 1_000 }, (_, n) => ({ name: `item ${n}`, list: [n, null], text: 'a: "b"\n- c' }));
  const value = { fairway: 1, items, none: [], next: null, left: undefined };

  it('is the document as YAML', async () => {
    const { left: _, ...rest } = value;
    expect(parse(await (await answersOf(value).request('/yaml')).text())).toEqual(rest);
  });

  it('comes piece by piece, at the pace of the reader, with turns in between', async () => {
    const reader = (await answersOf(value).request('/json')).body?.getReader();
    const sizes: number[] = [];
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
      sizes.push(piece.value.byteLength);
    }
    isDone = true;
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThan(40_000);
    expect(turns).toBeGreaterThanOrEqual(sizes.length - 2);
  });
});
