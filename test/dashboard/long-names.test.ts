import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findProgram } from '../support/packages.ts';
import { TOKENS } from '../support/server.ts';
import { launchBrowser, openContext, signIn } from './browser.ts';
import { CLOUD, LONG_CHANNEL, startLargeFleet } from './large-fleet.ts';
import { layoutFaults } from './layout.ts';

/** Kept as CI's output; git ignores it. */
const OUTPUT = 'test-output/pictures';
const NEWEST = CLOUD.at(-1) ?? '';

const PAGES: Record<string, string> = {
  fleet: '/',
  channel: LONG_CHANNEL,
  agents: `${LONG_CHANNEL}/agents`,
  agent: '/agents/agent-of-a-tenant-with-a-long-name-16-4-7-0001',
  history: `${LONG_CHANNEL}/history`,
  'roll-forward': `/channels/tenant%2Fv9/roll-forward?version=${NEWEST}`,
  'roll-back': '/channels/tenant%2Fv32/roll-back',
  check: `${LONG_CHANNEL}/check?version=${NEWEST}`,
  settings: `${LONG_CHANNEL}/settings`,
  'control-planes': '/control-planes',
  'control-plane': `/control-planes/main?version=${CLOUD[2]}`,
  releases: '/releases',
  release: `/releases/${NEWEST}`,
  pull: `/releases/${NEWEST}/pull`,
  audit: '/audit',
};
/** Forms that are shown with their preview. */
const PREVIEWED = new Set(['roll-forward', 'roll-back', 'pull', 'settings']);

const WIDTHS = [1440, 1024, 390];

const chromium = findProgram('chromium-headless-shell');
let browser: Browser;
beforeAll(async () => {
  if (chromium) browser = await launchBrowser(chromium);
  mkdirSync(OUTPUT, { recursive: true });
});
afterAll(() => browser?.close());

it.skipIf(!chromium)(
  'holds 100 channels, 40 releases, cloud versions and long texts at every width, in light and dark',
  { timeout: 240_000 },
  async () => {
    const page = await signIn(await openContext(browser, await startLargeFleet()), TOKENS.admin);
    for (const [name, path] of Object.entries(PAGES)) {
      await page.goto(path);
      if (PREVIEWED.has(name)) await preview(page);
      for (const width of WIDTHS) await inspect(page, name, width);
    }
  },
);

async function preview(page: Page): Promise<void> {
  await page.getByLabel('Reason').fill('change 4712');
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.locator('#outcome h2').waitFor();
}

async function inspect(page: Page, name: string, width: number): Promise<void> {
  await page.setViewportSize({ width, height: 900 });
  // A chart follows the width in a frame of its own.
  await expect.poll(() => layoutFaults(page), { message: `${name} at ${width}` }).toEqual([]);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${OUTPUT}/long-${name}-${colorScheme}-${width}.png` });
  }
}

it.skipIf(!chromium).each([
  ['a page that scrolls sideways', '<p style="width: 1000px">wide</p>', /scrolls sideways/],
  [
    'text that leaves its box',
    '<ul><li style="width: 20px; white-space: nowrap">too long for it</li></ul>',
    /leaves its LI/,
  ],
  ['text on other text', '<p>one</p><p style="margin-top: -36px">two</p>', /lies on/],
])('finds %s', async (_, html, fault) => {
  const page = await browser.newPage({ viewport: { width: 390, height: 900 } });
  await page.setContent(`<main>${html}</main>`);
  expect((await layoutFaults(page)).join()).toMatch(fault);
  await page.setContent('<main><p>one</p><p>two</p></main>');
  expect(await layoutFaults(page)).toEqual([]);
  await page.close();
});

it.skipIf(!chromium)('shows the whole cloud version on hover and focus, and copies it', async () => {
  const page = await signIn(await openContext(browser, await startLargeFleet()), TOKENS.admin);
  const target = page.locator('#channel-tenant\\/v9 .served .version');
  const full = target.locator('span');
  const isShown = () =>
    page.evaluate(
      `getComputedStyle(document.getElementById('channel-tenant/v9').querySelector('.version > span')).clipPath === 'none'`,
    );
  expect(await full.textContent()).toBe(NEWEST);
  expect(await target.getAttribute('data-short')).toMatch(/^18\.0\.0-cloud\s· 12\sNov\s10:15\s· f00d027$/);
  expect(await isShown()).toBe(false);
  await target.hover();
  expect(await isShown()).toBe(true);
  await page.mouse.move(0, 0);
  await target.focus();
  expect(await isShown()).toBe(true);
  expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0);
  const copied = await page.evaluate(`
    getSelection().selectAllChildren(document.getElementById('channel-tenant/v9'));
    getSelection().toString();`);
  expect(copied).toContain(NEWEST);
  expect(copied).not.toContain('12 Nov');
});
