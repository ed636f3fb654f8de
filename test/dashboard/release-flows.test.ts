import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../support/packages.ts';
import { operatorClient } from '../support/server.ts';
import { launchBrowser, openContext, signIn } from './browser.ts';
import { BEFORE, RELEASE, startSampleReleases } from './sample-releases.ts';

const chromium = findProgram('chromium-headless-shell');
let browser: Browser;
beforeAll(async () => {
  if (chromium) browser = await launchBrowser(chromium);
});
afterAll(() => browser?.close());

describe.skipIf(!chromium).each([true, false])('in a browser (JavaScript: %s)', (javaScriptEnabled) => {
  it('promotes a release once its gates pass, and pulls it after a preview', { timeout: 60_000 }, async () => {
    const server = await startSampleReleases();
    const api = operatorClient(server);
    const page = await signIn(await openContext(browser, server, { javaScriptEnabled }), 'mara-token');
    const outcome = page.locator('#outcome');
    const preview = async (reason: string) => {
      await page.getByLabel('Reason').fill(reason);
      await page.getByRole('button', { name: 'Preview' }).click();
    };
    const confirm = async (name: string) => {
      await outcome.getByRole('button', { name }).click();
      await page.waitForURL(`**/releases/${RELEASE}`);
    };
    const internal = page.locator('.stage').filter({ hasText: 'cloud/internal' });

    await page.getByRole('link', { name: 'Releases' }).click();
    const promotion = page.locator(`[id="promotion-${RELEASE}"]`);
    await promotion.getByText('Next: internal: waits: not signed off: 4711').waitFor();
    expect(await promotion.locator('.stage').count()).toBe(4);
    expect(await promotion.locator('.stage').first().innerText()).toMatch(/complete[\s\S]+37 of 40 agents/);
    await promotion.getByRole('link', { name: RELEASE, exact: true }).click();

    await page.getByRole('link', { name: 'Promote' }).click();
    await preview('soaked');
    await outcome.getByText('may not go to internal yet').waitFor();
    expect(await outcome.getByRole('listitem').allInnerTexts()).toEqual([
      expect.stringContaining('not signed off: 4711'),
      expect.stringContaining('no release manager other than'),
    ]);
    expect(await outcome.getByRole('button').count()).toBe(0);

    await page.getByRole('link', { name: RELEASE }).click();
    await page.getByRole('link', { name: 'Sign off #4711' }).click();
    await preview('tested on staging');
    await confirm('Sign off #4711');
    await page.getByRole('row').filter({ hasText: '#4711' }).getByText('by token mara').waitFor();
    await page.getByRole('link', { name: 'Approve internal' }).click();
    await preview('tested on staging');
    await confirm('Approve internal');

    await page.getByRole('link', { name: 'Promote' }).click();
    await preview('soaked');
    await outcome.getByText('awaiting control plane').waitFor();
    expect(await internal.count(), 'the form shows no stages').toBe(0);
    await confirm(`Promote ${RELEASE}`);
    await internal.getByText('awaiting control plane', { exact: true }).waitFor();

    await page.getByRole('link', { name: 'Pull' }).click();
    await preview('it leaks sessions');
    const move = outcome.getByRole('listitem').filter({ hasText: 'cloud/canary' });
    expect(await move.innerText()).toMatch(new RegExp(`${RELEASE}\\s*→\\s*to\\s+${BEFORE}\\s+back to ${BEFORE}`));
    const target = async () => (await api('GET', '/channels/cloud%2Fcanary')).body.target;
    expect(await target(), 'a preview changes nothing').toBe(RELEASE);
    await confirm(`Pull ${RELEASE}`);
    await page.getByText(/Pulled by token mara .*: it leaks sessions/).waitFor();
    await internal.getByText('halted', { exact: true }).waitFor();
    expect(await target()).toBe(BEFORE);
    expect(await page.getByRole('link', { name: 'Promote' }).count()).toBe(0);
  });
});
