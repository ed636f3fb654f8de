import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { STAGE_STATES, TRANSITIONS } from '../src/domain/promotion.ts';
import { NewerForm } from '../src/domain/schema.ts';
import { nextState, type StoreState } from '../src/domain/store-state.ts';

const PAGE = readFileSync('docs/architecture.md', 'utf8');

/** The Mermaid drawings of the page, by the heading that they stand under. */
const DRAWINGS = new Map(
  [...PAGE.matchAll(/^#+ ([^\n]*)\n(?:(?!#)[^\n]*\n)*?```mermaid\n(.*?)^```$/gms)].map(
    ([, heading = '', code = '']) => [heading, code.trimEnd().split('\n')],
  ),
);

const TEXT = '[^;#:{}"]+';

/**
 * The part of Mermaid that the drawings use. Mermaid's own parser needs a browser's document and brings a hundred
 * packages, so this test is stricter instead: a line is one of these or a fault.
 */
const LINES: Record<string, RegExp[]> = {
  'flowchart TD': [/^\w+(\[[\w, ]+\])? (-->|-\. \w+ \.->) \w+(\[[\w, ]+\])?$/],
  sequenceDiagram: [
    new RegExp(`^participant \\w+ as ${TEXT}$`),
    new RegExp(`^\\w+(->>|-->>|-\\)|--\\))\\w+: ${TEXT}$`),
    new RegExp(`^Note over \\w+: ${TEXT}$`),
    new RegExp(`^(loop|alt) ${TEXT}$`),
    new RegExp(`^else( ${TEXT})?$`),
    /^end$/,
  ],
  'stateDiagram-v2': [new RegExp(`^(\\w+|\\[\\*\\]) --> (\\w+|\\[\\*\\])(: ${TEXT})?$`)],
};

function faultsOf([kind = '', ...lines]: string[]): string[] {
  const known = LINES[kind];
  if (!known) return [`${kind} is not a kind of drawing that this test knows`];
  const faults = lines.filter((line) => !known.some((pattern) => pattern.test(line.trim())));
  let depth = 0;
  for (const line of lines.map((each) => each.trim())) {
    if (/^(loop|alt) /.test(line)) depth++;
    if (line === 'end') depth--;
    if (/^else\b/.test(line) && depth < 1) faults.push('else without alt');
    if (depth < 0) faults.push('end without a beginning');
  }
  if (depth > 0) faults.push('a beginning without end');
  if (kind !== 'sequenceDiagram') return faults;
  const declared = lines.flatMap((line) => /^ *participant (\w+)/.exec(line)?.[1] ?? []);
  const used = lines.flatMap((line) => /^ *(\w+)-+(?:>>|\))(\w+):/.exec(line)?.slice(1) ?? []);
  return [...faults, ...new Set([...declared, ...used])].filter(
    (each) => faults.includes(each) || !declared.includes(each) || !used.includes(each),
  );
}

/** The moves of a state drawing, as `from event to` or, where no event is asked for, `from to`. */
function movesOf(heading: string, withEvents: boolean): string[] {
  return (DRAWINGS.get(heading) ?? []).slice(1).flatMap((line) => {
    const [, from = '', to = '', event = ''] = /^ *(\w+) --> (\w+)(?:: (.*))?$/.exec(line) ?? [];
    const name = (state: string) => state.replaceAll('_', '-');
    return from === '' ? [] : [withEvents ? `${name(from)} ${event} ${name(to)}` : `${name(from)} ${name(to)}`];
  });
}

describe('docs/architecture.md', () => {
  it('has drawings', () => expect(DRAWINGS.size).toBeGreaterThanOrEqual(8));

  it.each([...DRAWINGS])('draws %s in Mermaid', (_, lines) => expect(faultsOf(lines)).toEqual([]));

  it.each([
    ['an arrow of another language', ['flowchart TD', '  a => b']],
    ['another kind of drawing', ['pie']],
    ['a semicolon, which ends a line', ['stateDiagram-v2', '  a --> b: one; two']],
    ['a loop without end', ['sequenceDiagram', '  participant A as a', '  loop often', '  A->>A: x']],
    ['an undeclared participant', ['sequenceDiagram', '  participant A as a', '  A->>B: x']],
  ])('would not pass with %s', (_, lines) => expect(faultsOf(lines)).not.toEqual([]));

  it('draws a stage as the table of transitions has it', () => {
    const table = STAGE_STATES.flatMap((from) =>
      Object.entries(TRANSITIONS[from]).flatMap(([event, to]) =>
        to === 'back'
          ? STAGE_STATES.filter((each) => TRANSITIONS[each].halt).map((each) => `${from} ${event} ${each}`)
          : [`${from} ${event} ${to}`],
      ),
    );
    expect(movesOf('A stage of a promotion', true).sort()).toEqual(table.sort());
  });

  it('draws the store as the table of moves has it', () => {
    const states: StoreState[] = [
      { is: 'up' },
      { is: 'away' },
      { is: 'lost', loss: { stored: 1, served: 2 } },
      { is: 'outdated', error: new NewerForm(99, 'the state in the store') },
    ];
    const table = states.flatMap((from) =>
      states.filter((to) => nextState(from, { ...to }) !== from).map((to) => `${from.is} ${to.is}`),
    );
    expect(movesOf('The store, as a server sees it', false).sort()).toEqual(table.sort());
  });

  it('has a line for each folder of src', () => {
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of folders) expect(PAGE).toContain(`\n| \`src/${name}/\` |`);
  });
});

it.each(['CONTRIBUTING.md', 'SECURITY.md', 'docs/adding-a-verb.md', 'docs/architecture.md'])(
  '%s names only files and folders that exist',
  (page) => {
    const named = readFileSync(page, 'utf8').matchAll(/`((?:src|config|scripts|k8s|bench|test|docs)\/[\w./-]*)`/g);
    const paths = [...named].map(([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  },
);
