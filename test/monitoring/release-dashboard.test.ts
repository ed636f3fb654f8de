import { expect, it } from 'vitest';
import { scrape } from '../support/scrape.ts';
import { startServer } from '../support/server.ts';
import { releaseDashboard, releasePanels } from './dashboard.ts';
import { metricsOf } from './rule-file.ts';

const queries = [
  ...releasePanels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ...releaseDashboard.annotations.list.map(({ expr }) => ['annotation', expr] as const),
];
const variables = new Map(releaseDashboard.templating.list.map((each) => [each.name, each]));

it('has only metrics that Fairway exports', async () => {
  const { text } = await scrape(await startServer());
  const exported = new Set([...text.matchAll(/^# HELP (\w+)/gm)].map(([, name]) => name));
  const asked = releaseDashboard.templating.list.map(({ query }) => JSON.stringify(query));
  for (const name of metricsOf([...queries.map(([, expr]) => expr), ...asked].join(' '))) {
    expect(exported, name).toContain(name);
  }
});

/** What is no metric: aggregations, functions and words of PromQL. */
const WORDS = new Set(['max', 'sum', 'by', 'on', 'and', 'rate', 'increase']);

it.each(queries)('has names of the deployer in variables only: %s: %s', (_, expr) => {
  const names = expr
    .replaceAll(/\[[^\]]*\]|\$__\w+/g, '')
    .replaceAll(/\$(\w+)/g, (_match, name: string) => {
      expect(variables.has(name), name).toBe(true);
      return '';
    })
    .replaceAll(/\{[^}]*\}|\b(?:by|on) \([^)]*\)|\bfairway_\w+/g, '')
    .match(/[a-z_]\w*/gi);
  expect((names ?? []).filter((name) => !WORDS.has(name))).toEqual([]);
});

it('lets the deployer name error rates, requests, stages and a condition', () => {
  const own = releaseDashboard.templating.list.filter(({ type }) => type === 'textbox').map(({ name }) => name);
  expect(own).toEqual(['errors', 'requests', 'stage_label', 'condition']);
  for (const name of own)
    expect(
      queries.some(([, expr]) => expr.includes(`$${name}`)),
      name,
    ).toBe(true);
});
