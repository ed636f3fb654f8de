import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPrometheusText } from '../../src/domain/prometheus-text.ts';
import { readRegisteredServers } from '../../src/domain/teleport-metrics.ts';
import { AUTH_METRICS } from '../support/teleport.ts';

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

describe("auth servers' metrics", () => {
  it('are summed over labels, and only enrolled agents count', () => {
    expect(readRegisteredServers([AUTH_METRICS])).toEqual({
      versions: { '16.4.6': 120, '16.4.3': 60, '16.3.0': 25, '16.1.8': 10, '15.4.9': 14, '15.4.7': 6 },
      skipped: 0,
    });
  });

  it('are summed over servers', () => {
    const other = 'teleport_registered_servers{version="v16.4.6",automatic_updates="true"} 2\n';
    expect(readRegisteredServers([AUTH_METRICS, other])).toMatchObject({ versions: { '16.4.6': 122, '15.4.7': 6 } });
  });

  it.each([
    ['without the metric', 'up 1\n'],
    ['with a fraction of an agent', 'teleport_registered_servers{version="1.0.0",automatic_updates="true"} 1.5\n'],
    ['with a negative count', 'teleport_registered_servers{version="1.0.0",automatic_updates="true"} -1\n'],
    [
      'with a count that is not a number',
      'teleport_registered_servers{version="1.0.0",automatic_updates="true"} NaN\n',
    ],
    ['cut off', AUTH_METRICS.slice(0, 400)],
  ])('are refused %s, even next to a good answer', (_, text) => {
    expect(readRegisteredServers([AUTH_METRICS, text])).toEqual(expect.any(String));
  });

  it('count agents with an unreadable version separately', () => {
    const text = 'teleport_registered_servers{version="",automatic_updates="true"} 3\n';
    expect(readRegisteredServers([text])).toEqual({ versions: {}, skipped: 3 });
  });
});
