import { styleText } from 'node:util';
import stringWidth from 'string-width';
import { count, number } from '../domain/words.ts';

export type Style = Parameters<typeof styleText>[0];

/** Where text goes: the width in columns (Infinity unless it is a terminal), and whether it shows colours. */
export interface Screen {
  width: number;
  colours: boolean;
}

/** A cell of a table; null is shown as a dash. */
export type Cell = string | number | null | { text: string; style: Style; whole?: boolean; numeric?: boolean };

export const painted = (text: string, style: Style): Cell => ({ text, style });

/** A command to copy, which does not wrap. */
export const command = (text: string): Cell => ({ text, style: 'cyan', whole: true });

/** The last column needs this much room; with less, each row becomes a block. */
const MIN_COLUMN = 24;
const GAP = 2;

export function screenOf(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Screen {
  return {
    width: stream.isTTY ? stream.columns || 80 : Infinity,
    // hasColors() knows NO_COLOR, FORCE_COLOR and TERM=dumb, and only terminals have it.
    colours: stream.isTTY ? stream.hasColors() : forcesColours(env),
  };
}

/** Does a person ask for colours where there is no terminal? NO_COLOR wins. */
const forcesColours = ({ FORCE_COLOR, NO_COLOR }: NodeJS.ProcessEnv): boolean =>
  FORCE_COLOR !== undefined && !['0', 'false'].includes(FORCE_COLOR) && !NO_COLOR;

export function paint({ colours }: Screen, text: string, style: Style): string {
  return colours ? styleText(style, text, { validateStream: false }) : text;
}

/** Control characters, and characters that change the direction of writing. */
const STEERING = /[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu;

/** Text from elsewhere must neither control the terminal nor look like something else. */
export const plain = (text: string): string => text.replace(STEERING, ' ');

const textOf = (cell: Cell): string => {
  if (cell === null || cell === '') return '–';
  return plain(typeof cell === 'object' ? cell.text : typeof cell === 'number' ? number(cell) : cell);
};

export const agents = (amount: number): string => count(amount, 'agent');

/**
 * Rows under headings. Numbers are right-aligned; the last column wraps, and if there is no room for it, each row
 * becomes a block.
 */
export function table(screen: Screen, headings: string[], rows: Cell[][]): string {
  const last = headings.length - 1;
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => length(textOf(row[column] ?? null)))),
  );
  const left = widths.slice(0, last).reduce((sum, width) => sum + width + GAP, 0);
  const room = screen.width - left;
  if (room < Math.min(widths[last] ?? 0, MIN_COLUMN)) {
    return rows
      .map((row) =>
        pairs(
          screen,
          headings.map((heading, column) => [heading, row[column] ?? null]),
        ),
      )
      .join('\n\n');
  }
  const line = (row: Cell[]) => {
    const cells = row.slice(0, last).map((cell, column) => {
      const text = fill(textOf(cell), widths[column] ?? 0, isNumeric(cell));
      return styled(screen, text, cell) + ' '.repeat(GAP);
    });
    return cells.join('') + block(screen, row[last] ?? null, left, widths[last] ?? 0);
  };
  const head = headings.map((heading, column) => {
    const numeric = rows.length > 0 && rows.every((row) => isNumeric(row[column] ?? null));
    return fill(heading.toUpperCase(), column === last && !numeric ? 0 : (widths[column] ?? 0), numeric);
  });
  return [paint(screen, head.join(' '.repeat(GAP)).trimEnd(), 'dim'), ...rows.map(line)].join('\n');
}

/** Labels with their values; a value may have several lines. */
export function pairs(screen: Screen, rows: [label: string, value: Cell | Cell[]][]): string {
  const width = Math.max(...rows.map(([label]) => label.length)) + GAP;
  return rows
    .flatMap(([label, value]) =>
      (Array.isArray(value) ? value : [value]).map((cell, index) => {
        return paint(screen, (index === 0 ? label : '').padEnd(width), 'dim') + block(screen, cell, width, 0);
      }),
    )
    .join('\n');
}

/** Text that wraps between words. */
export const sentence = (screen: Screen, text: string): string => wrap(plain(text), screen.width).join('\n');

/** A sentence in a list. */
export const item = (screen: Screen, text: string): string =>
  `  - ${wrap(plain(text), screen.width - 4).join('\n    ')}`;

/** A cell whose further lines are indented under its first. */
function block(screen: Screen, cell: Cell, indent: number, width: number): string {
  const lines = wrap(textOf(cell), isWhole(cell) ? Infinity : screen.width - indent).map((line) => {
    return styled(screen, isNumeric(cell) ? line.padStart(width) : line, cell);
  });
  return lines.join(`\n${' '.repeat(indent)}`);
}

const isNumeric = (cell: Cell): boolean =>
  typeof cell === 'number' || (typeof cell === 'object' && cell?.numeric === true);

const isWhole = (cell: Cell): boolean => typeof cell === 'object' && cell?.whole === true;

const styled = (screen: Screen, text: string, cell: Cell): string =>
  typeof cell === 'object' && cell !== null ? paint(screen, text, cell.style) : text;

const fill = (text: string, width: number, toTheRight: boolean): string => {
  const padding = ' '.repeat(Math.max(0, width - length(text)));
  return toTheRight ? padding + text : text + padding;
};

/** Columns on a screen: a wide character takes two, and marks that combine take none. */
const length = (text: string): number => stringWidth(text);

/** Lines of at most `width`; a word that is longer stays whole, so that it can be copied. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && length(line) + 1 + length(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  return [...lines, line];
}
