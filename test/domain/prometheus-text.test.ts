import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPrometheusText } from '../../src/domain/prometheus-text.ts';

const sample = (name: string, labels: Record<string, string>, value: number) => ({
  name,
  labels: new Map(Object.entries(labels)),
  value,
});

describe('the text format of Prometheus', () => {
  it.each([
    ['a 1\n', [sample('a', {}, 1)]],
    ['a{} 1\n', [sample('a', {}, 1)]],
    ['a{b="c"} 1\n', [sample('a', { b: 'c' }, 1)]],
    ['a{b="c",d="e",} 1.5e+01 1700000000000\n', [sample('a', { b: 'c', d: 'e' }, 15)]],
    ['  a { b = "c" }   1\n'.replace(' {', '{'), [sample('a', { b: 'c' }, 1)]],
    ['a{b="x\\"y\\\\z\\n}"} -1\n', [sample('a', { b: 'x"y\\z\n}' }, -1)]],
    ['# HELP a text\n# TYPE a gauge\n\na +Inf\nb NaN\n', [sample('a', {}, Infinity), sample('b', {}, NaN)]],
    ['a 1\r\n', [sample('a', {}, 1)]],
  ])('is read: %j', (text, samples) => {
    expect(readPrometheusText(text)).toEqual(samples);
  });

  it.each([
    '',
    'a 1',
    'a 1\nb',
    'a\n',
    'a one\n',
    'a{b="c" 1\n',
    'a{b="c} 1\n',
    'a{b=c} 1\n',
    'a{b="c" d="e"} 1\n',
    'a{,} 1\n',
    'a{b="\\x"} 1\n',
    'a 1 2 3\n',
    '1a 1\n',
    '<html>\n<body>\n',
    '{"a": 1}\n',
  ])('is refused: %j', (text) => {
    expect(readPrometheusText(text)).toEqual(expect.any(String));
  });

  it('is read or refused in short time, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a{}=",\\n 1.e+-#\n'), maxLength: 200 }), (text) => {
        const samples = readPrometheusText(text);
        expect(Array.isArray(samples) || typeof samples === 'string').toBe(true);
      }),
    );
  });
});
