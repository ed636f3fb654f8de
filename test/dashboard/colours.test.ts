import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../support/packages.ts';
import { launchBrowser, openContext, seriousViolations, signIn } from './browser.ts';
import { startSampleFleet } from './sample-fleet.ts';

const chromium = findProgram('chromium-headless-shell');
let browser: Browser;
beforeAll(async () => {
  if (chromium) browser = await launchBrowser(chromium);
});
afterAll(() => browser?.close());

const styleOf = (page: Page, selector: string, property: string) =>
  page.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`);

const variable = (page: Page, name: string) =>
  page.evaluate(`getComputedStyle(document.documentElement).getPropertyValue('${name}').trim()`);

describe.skipIf(!chromium)('colours', () => {
  it('mean one thing each, and charts have a name and their lines a dash of their own', async () => {
    const page = await signIn(await openContext(browser, await startSampleFleet()), 'mara-token');
    await page.goto('/channels/stable%2Fcloud');
    await page.locator('.chart canvas').waitFor();
    const name = 'Agents of stable/cloud over the last day, at target 0 % at first and';
    expect(await page.getByRole('img', { name }).count()).toBe(1);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const names = ['--at-target', '--ahead', '--behind', '--major-behind', '--out-of-support', '--warn', '--bad'];
      const colours = await Promise.all(names.map((each) => variable(page, each)));
      expect(new Set(colours).size, colorScheme).toBe(names.length);
    }
  });

  it('are those that the reader has chosen, where there are such', async () => {
    const page = await signIn(await openContext(browser, await startSampleFleet()), 'mara-token');
    await page.emulateMedia({ forcedColors: 'active' });
    await page.goto('/channels/stable%2Fcloud');
    await page.locator('.chart canvas').waitFor();
    expect(await variable(page, '--at-target')).toBe('Highlight');
    expect(await seriousViolations(page)).toEqual([]);
  });

  it('are dark on white in print, with the plain drawing of a chart', async () => {
    const page = await signIn(await openContext(browser, await startSampleFleet()), 'mara-token');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.goto('/channels/stable%2Fcloud');
    await page.locator('.chart canvas').waitFor();
    await page.emulateMedia({ colorScheme: 'dark', media: 'print' });
    expect(await styleOf(page, '.panel', 'backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await styleOf(page, 'h1', 'color')).toBe('rgb(23, 34, 43)');
    expect(await page.locator('.chart canvas').first().isVisible()).toBe(false);
    expect(await page.locator('.chart > svg').isVisible()).toBe(true);
  });
});
