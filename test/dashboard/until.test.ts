import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findProgram } from '../support/packages.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';
import { launchBrowser, openContext, signIn } from './browser.ts';
import { createPerson } from './person.ts';

const PIN = '/channels/stable%2Fcloud/pin';
const NOON = new Date('2026-11-22T12:00:00Z');

const chromium = findProgram('chromium-headless-shell');
let browser: Browser;
beforeAll(async () => {
  if (chromium) browser = await launchBrowser(chromium);
});
afterAll(() => browser?.close());

async function atPin() {
  const server = await startServer(QUICKSTART, { now: () => NOON });
  const person = createPerson(server);
  await person.signIn();
  const submit = (form: Record<string, string>) => person.submit(PIN, { reason: 'incident 12', ...form });
  const pinned = async () => (await operatorClient(server)('GET', '/channels/stable%2Fcloud')).body.pin?.until;
  return { server, submit, pinned };
}

it.each([
  [{ ends: '1h' }, '2026-11-22T13:00:00.000Z', '2026-11-22 14:00 Europe/Berlin (2026-11-22 13:00 UTC)'],
  [{ ends: 'tomorrow 08:00' }, '2026-11-23T07:00:00.000Z', '2026-11-23 08:00 Europe/Berlin (2026-11-23 07:00 UTC)'],
  [{ until: '18:00' }, '2026-11-22T17:00:00.000Z', '2026-11-22 18:00 Europe/Berlin (2026-11-22 17:00 UTC)'],
  [{ until: '2026-12-01' }, '2026-11-30T23:00:00.000Z', '2026-12-01 00:00 Europe/Berlin (2026-11-30 23:00 UTC)'],
])('shows the moment of %j in both zones, and does that one', async (end, expected, shown) => {
  const { submit, pinned } = await atPin();
  const preview = await submit({ ...end, zone: 'Europe/Berlin' });
  expect(preview.text).toContain(shown);
  expect(await pinned()).toBeUndefined();
  // The form that confirms carries the moment itself.
  const [, until = ''] = /type="hidden" name="until" value="([^"]+)"/.exec(preview.text) ?? [];
  expect(until).toBe(expected);
  await submit({ until, zone: 'Europe/Berlin', confirm: 'true', revision: '1' });
  expect(await pinned()).toBe(expected);
});

it.each([
  [{ until: '2027-02-30' }, 'there is no day 2027-02-30'],
  [{ until: '2027-03-28T02:30' }, 'does not exist in Europe/Berlin'],
  [{ until: '5' }, 'is not a valid time'],
  [{ until: '18:00', ends: '1h' }, 'two ends were given'],
])('refuses %j and keeps what was typed', async (end, fault) => {
  const { submit, pinned } = await atPin();
  const { status, text } = await submit({ ...end, zone: 'Europe/Berlin', confirm: 'true', revision: '1' });
  expect(status).toBe(422);
  expect(text).toContain(fault);
  expect(text).toMatch(new RegExp(`name="until" type="text" value="${end.until}`));
  expect(await pinned()).toBeUndefined();
});

it.skipIf(!chromium)('reads times in the zone of the browser', async () => {
  const { server, pinned } = await atPin();
  const page = await signIn(await openContext(browser, server, { timezoneId: 'Asia/Tokyo' }));
  await page.goto(PIN);
  await page.getByLabel('Reason').fill('incident 12');
  await page.getByLabel('Tomorrow 08:00').check();
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByText('2026-11-23 08:00 Asia/Tokyo (2026-11-22 23:00 UTC)').waitFor();
  await page.getByRole('button', { name: 'Pin at 16.4.6' }).click();
  await page.waitForURL('**/channels/stable%2Fcloud');
  expect(await pinned()).toBe('2026-11-22T23:00:00.000Z');
});
