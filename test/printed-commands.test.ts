import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FOLLOWED } from './support/page.ts';

const PAGES = [
  ...['README.md', 'CONTRIBUTING.md'],
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].sort();

/** Pages whose consoles a test of their own follows, and the languages of the blocks that it runs. */
const FOLLOWED_ALONE: Record<string, { by: string; runs: readonly string[] }> = {
  'README.md': { by: 'test/e2e/readme.test.ts', runs: ['sh'] },
  'docs/cli.md': { by: 'test/cli/docs.test.ts', runs: ['console', 'console asked'] },
  'docs/releases.md': { by: 'test/cli/releases-docs.test.ts', runs: ['console'] },
};

/** Why no test follows a block as it is printed: by the page, and what all lines of the block match. */
const NOT_FOLLOWED: readonly { page: RegExp; line: RegExp; why: string }[] = [
  { page: /kubernetes/, line: /^(kubectl|docker|curl) /, why: 'for a cluster or an image' },
  { page: /adding-|dashboard/, line: /npx vitest|^git diff /, why: 'it runs tests, which run anyway' },
  { page: /docs\/cli/, line: /^source <\(/, why: 'test/cli/completion.test.ts sources it in bash and zsh' },
  {
    page: /docs\/releases/,
    line: /stages\.yaml npm start$|^export FAIRWAY_TOKEN=/,
    why: 'its test starts that server',
  },
];

/** Fences that start a block of commands in any shell. */
const COMMANDS = /^ *```((?:console|sh|bash|zsh|fish|shell|powershell|pwsh|ps1)\b[^\n]*)\n(.*?)\n *```$/gms;

interface Block {
  page: string;
  language: string;
  lines: string[];
}

const blocks = PAGES.flatMap((page): Block[] =>
  [...readFileSync(page, 'utf8').matchAll(COMMANDS)].map(([, language = '', content = '']) => ({
    ...{ page, language, lines: content.split('\n').map((line) => line.trim()) },
  })),
);

const isFollowed = ({ page, language }: Block): boolean =>
  FOLLOWED_ALONE[page]?.runs.includes(language) || (FOLLOWED.includes(page) && language === 'console');

/** Blocks whose fence says that they are an example. */
const isExample = ({ page, language }: Block): boolean => FOLLOWED.includes(page) && language === 'console example';

const reasonsFor = ({ page, lines }: Block) =>
  NOT_FOLLOWED.filter((each) => each.page.test(page) && lines.every((line) => each.line.test(line)));

it('every block of commands on a page is followed by a test, or has a reason why not', () => {
  expect(blocks.length).toBeGreaterThan(80);
  const left = blocks.filter((block) => !isFollowed(block) && !isExample(block) && reasonsFor(block).length === 0);
  expect(left).toEqual([]);
});

it('no reason outlives its blocks', () => {
  const open = blocks.filter((block) => !isFollowed(block));
  for (const reason of NOT_FOLLOWED) {
    expect(open.filter((block) => reasonsFor(block).includes(reason)).length, reason.why).toBeGreaterThan(0);
  }
});

it.each(Object.entries(FOLLOWED_ALONE))('%s is followed by the test that is named for it', (page, { by }) => {
  expect(readFileSync(by, 'utf8')).toContain(page);
});
