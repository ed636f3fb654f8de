import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findProgram } from '../support/packages.ts';
import { TOKENS } from '../support/server.ts';
import { launchBrowser, openContext, seriousViolations, signIn } from './browser.ts';
import { layoutFaults } from './layout.ts';
import { startSampleFleet } from './sample-fleet.ts';
import { RELEASE, startSampleReleases } from './sample-releases.ts';
import { startSampleRollouts } from './sample-rollout.ts';

/** Kept as CI's output; git ignores it. */
const OUTPUT = 'test-output/pictures';

const PAGES: Record<string, string> = {
  fleet: '/',
  channel: '/channels/stable%2Fcloud',
  'channel-empty': '/channels/lab',
  history: '/channels/stable%2Fcloud/history',
  check: '/channels/stable%2Fcloud/check?version=17.0.1',
  agents: '/channels/stable%2Fcloud/agents?version=15.4.7',
  agent: '/agents/tenant-15-4-7-0001',
  'roll-forward': '/channels/stable%2Fcloud/roll-forward?version=16.4.7',
  refusal: '/channels/stable%2Fcloud/roll-forward?version=17.0.1',
  stepped: '/channels/stable%2Fcloud/roll-forward?version=17.0.1&stepped=true',
  'roll-back': '/channels/stable%2Fcloud/roll-back',
  pin: '/channels/stable%2Fcloud/pin',
  critical: '/channels/stable%2Fcloud/critical',
  'control-planes': '/control-planes',
  'control-plane': '/control-planes/main?version=17.0.1',
  'delete-control-plane': '/control-planes/main/delete',
  evidence: '/channels/stable%2Fcloud/evidence/inventory/forget',
  settings: '/channels/stable%2Fcloud/settings',
  'stranding-channel': '/channels/edge',
  'stranding-agents': '/channels/edge/agents',
  releases: '/releases',
  audit: '/audit',
  docs: '/docs',
  'new-channel': '/new-channel',
  'not-found': '/channels/nowhere',
};

/** The pages of the server that promotes releases. */
const RELEASE_PAGES: Record<string, string> = {
  promotions: '/releases',
  release: `/releases/${RELEASE}`,
  promote: `/releases/${RELEASE}/promote`,
  approve: `/releases/${RELEASE}/approve?stage=internal`,
  'sign-off': `/releases/${RELEASE}/sign-off?pr=4711`,
  pull: `/releases/${RELEASE}/pull`,
  'lift-embargo': '/releases/17.0.2/lift-embargo',
};

/** The pages of the server with rollouts. */
const ROLLOUT_PAGES: Record<string, string> = {
  'rollout-fleet': '/',
  rollout: '/channels/stable%2Fcloud',
  'rollout-many': '/channels/tenants%2Fcloud',
  'rollout-none': '/channels/quiet',
  'rollout-start': '/channels/stable%2Fcloud/rollout/start?group=prod',
  'rollout-back': '/channels/stable%2Fcloud/rollout/roll-back',
  'rollout-settings': '/channels/stable%2Fcloud/rollout/settings',
  'rollout-settings-many': '/channels/tenants%2Fcloud/rollout/settings',
};

/** Forms that are shown with their preview. */
const PREVIEWED = new Set([
  ...['roll-forward', 'refusal', 'stepped', 'pin', 'evidence', 'settings'],
  ...['rollout-start', 'rollout-back', 'rollout-settings'],
  ...['promote', 'approve', 'sign-off', 'pull', 'lift-embargo'],
]);

const WIDTHS = { wide: 1440, narrow: 390 };

const chromium = findProgram('chromium-headless-shell');
let browser: Browser;
beforeAll(async () => {
  if (chromium) browser = await launchBrowser(chromium);
  mkdirSync(OUTPUT, { recursive: true });
});
afterAll(() => browser?.close());

it.skipIf(!chromium)(
  'looks right and is accessible on every page, in light and dark, wide and narrow',
  { timeout: 120_000 },
  async () => {
    const server = await startSampleFleet();
    const context = await openContext(browser, server);
    const signedOut = await context.newPage();
    await signedOut.goto('/sign-in');
    await inspect(signedOut, 'sign-in');
    const page = await signIn(context, 'mara-token');
    if (process.env.UPDATE_PICTURES) {
      await page.setViewportSize({ width: 1280, height: 768 });
      await page.screenshot({ path: 'docs/dashboard.png' });
    }
    await inspectAll(page, PAGES);
  },
);

it.skipIf(!chromium)('looks right and is accessible on the pages of releases, too', { timeout: 120_000 }, async () => {
  const context = await openContext(browser, await startSampleReleases());
  await inspectAll(await signIn(context, 'mara-token'), RELEASE_PAGES);
});

it.skipIf(!chromium)('looks right and is accessible on the pages of rollouts, too', { timeout: 120_000 }, async () => {
  const context = await openContext(browser, await startSampleRollouts());
  const page = await signIn(context, TOKENS.admin);
  await inspectAll(page, ROLLOUT_PAGES);
  for (const [name, path] of Object.entries(ROLLOUT_PAGES)) {
    await page.goto(path);
    for (const width of Object.values(WIDTHS)) {
      await page.setViewportSize({ width, height: 900 });
      // The chart follows the width in a frame of its own.
      await expect.poll(() => layoutFaults(page), { message: `${name} at ${width}` }).toEqual([]);
    }
  }
});

async function inspectAll(page: Page, pages: Record<string, string>): Promise<void> {
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(path);
    if (PREVIEWED.has(name)) {
      await page.getByLabel('Reason').fill('change 4712');
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.locator('#outcome h2').waitFor();
      for (const fold of await page.locator('.fold > summary').all()) await fold.click();
    }
    await inspect(page, name);
  }
}

async function inspect(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [width, pixels] of Object.entries(WIDTHS)) {
      await page.setViewportSize({ width: pixels, height: 900 });
      await page.screenshot({ path: `${OUTPUT}/${name}-${colorScheme}-${width}.png`, fullPage: name !== 'docs' });
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect.soft(overflow, `${name} scrolls sideways at ${pixels}`).toBe(0);
    }
    // The themes differ only in their colours.
    const found = await seriousViolations(page, colorScheme === 'dark' ? 'color-contrast' : undefined);
    expect.soft(found, `${name}, ${colorScheme}`).toEqual([]);
  }
}
