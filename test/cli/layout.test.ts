import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { screenOf, table } from '../../src/cli/layout.ts';

const WIDE = { width: Number.POSITIVE_INFINITY, colours: false };
const pipe = { isTTY: false } as NodeJS.WriteStream;

it('aligns columns by what is seen: wide characters, marks that combine, and emoji', () => {
  const names = ['abc', '日本', 'n\u0303o', '👩‍🚀x'];
  const lines = table(
    WIDE,
    ['name', 'x'],
    names.map((name) => [name, 'end']),
  ).split('\n');
  expect(lines.slice(1)).toEqual(['abc   end', '日本  end', 'n\u0303o    end', '👩‍🚀x   end']);
});

it.each([
  [{}, false],
  [{ FORCE_COLOR: '1' }, true],
  [{ FORCE_COLOR: '' }, true],
  [{ FORCE_COLOR: '0' }, false],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false],
])('shows colours in a pipe with %j: %s', (env, colours) => {
  const screen = screenOf(pipe, env);
  expect(screen.colours).toBe(colours);
  const head = table(screen, ['name'], [['x']]);
  expect(head !== stripVTControlCharacters(head)).toBe(colours);
});
