import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const PAGES = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const withoutCode = (page: string): string => page.replaceAll(/^ *```.*?^ *```/gms, '');

/** Where the links of a page lead, but for other hosts. */
const linksOf = (page: string): string[] =>
  [...withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, to = '']) => (/^[a-z]+:/.test(to) ? [] : to));

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  [...withoutCode(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

function faultOf(page: string, link: string): string | null {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(target)) return `${link}: there is no ${target}`;
  if (anchor === undefined || statSync(target).isDirectory()) return null;
  return anchorsOf(readFileSync(target, 'utf8')).includes(anchor) ? null : `${link}: ${target} has no such heading`;
}

describe('the documents', () => {
  it.each(PAGES)('%s links to what is there', (page) => {
    const links = linksOf(readFileSync(page, 'utf8'));
    expect(links.map((link) => faultOf(page, link)).filter(Boolean)).toEqual([]);
  });

  it('are all within reach of the README', () => {
    const reached = new Set<string>();
    const follow = (page: string): void => {
      if (reached.has(page) || !existsSync(page)) return;
      reached.add(page);
      if (statSync(page).isDirectory()) for (const name of readdirSync(page)) follow(join(page, name));
      else if (page.endsWith('.md'))
        for (const link of linksOf(readFileSync(page, 'utf8'))) follow(join(dirname(page), link.split('#')[0] ?? ''));
    };
    follow('README.md');
    expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
  });
});
