import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../support/packages.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, QUICKSTART, startServer, type TestServer, TOKENS } from '../support/server.ts';
import { launchBrowser, openContext, signIn } from './browser.ts';
import { createPerson } from './person.ts';

const chromium = findProgram('chromium-headless-shell');
let browser: Browser;
beforeAll(async () => {
  if (chromium) browser = await launchBrowser(chromium);
});
afterAll(() => browser?.close());

const pin = (server: TestServer, reason: string) =>
  operatorClient(server)('POST', '/channels/stable%2Fcloud/pin', { reason });

const isLive = (page: Page) => page.locator('#connection[data-state=live]').waitFor({ state: 'attached' });

/** The streams that a browser has asked for. */
function countStreams(context: BrowserContext): () => number {
  let streams = 0;
  context.on('request', (request) => {
    if (new URL(request.url()).pathname === '/live') streams++;
  });
  return () => streams;
}

/** Opens streams of other clients until the server refuses more. */
async function fill(server: TestServer): Promise<{ abort(): void }> {
  const closing = new AbortController();
  const headers = { Authorization: `Bearer ${TOKENS.viewer}` };
  const streams: Response[] = [];
  for (let open = 0; open < 100; open++) {
    streams.push(await fetch(`${server.operatorUrl}/api/v1/events`, { headers, signal: closing.signal }));
  }
  // A response that nothing refers to is collected, and its stream closed.
  return { abort: () => void (streams.length > 0 && closing.abort()) };
}

describe.skipIf(!chromium)('live pages', () => {
  it('share one stream in all tabs, also when the tab that listens is closed', async () => {
    const server = await startServer(QUICKSTART);
    const context = await openContext(browser, server);
    const streams = countStreams(context);
    const first = await signIn(context);
    await isLive(first);
    const tabs = [];
    for (let more = 0; more < 7; more++) {
      const tab = await context.newPage();
      await tab.goto('/');
      tabs.push(tab);
    }
    await Promise.all(tabs.map(isLive));
    const asked = streams();
    expect(asked).toBe(1);
    await pin(server, 'for all tabs');
    for (const tab of [first, ...tabs]) await tab.getByText('for all tabs').waitFor();
    await first.close();
    await expect.poll(streams, { timeout: 20_000 }).toBe(asked + 1);
    await pin(server, 'for those that are left');
    for (const tab of tabs) await tab.getByText('for those that are left').waitFor();
  });

  it('let go of the stream while they are hidden, and catch up when they are shown', async () => {
    const server = await startServer(QUICKSTART);
    const context = await openContext(browser, server);
    const streams = countStreams(context);
    const page = await signIn(context);
    await isLive(page);
    const setHidden = (hidden: boolean) =>
      page.evaluate(`
        Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} });
        document.dispatchEvent(new Event('visibilitychange'));`);
    await setHidden(true);
    await pin(server, 'while nobody looked');
    await expect.poll(() => page.evaluate(`navigator.locks.query().then(({ held }) => held.length)`)).toBe(0);
    expect(await page.getByText('while nobody looked').count()).toBe(0);
    await setHidden(false);
    await page.getByText('while nobody looked').waitFor();
    expect(streams()).toBe(2);
  });

  it('show a change that came between the page and its stream', async () => {
    const server = await startServer(QUICKSTART);
    const context = await openContext(browser, server);
    await context.route('**/live', async (route) => {
      await pin(server, 'just before');
      await route.continue();
    });
    const page = await signIn(context);
    await page.getByText('just before').waitFor();
  });

  it('do not call the connection lost if there are too many streams', async () => {
    const server = await startServer(QUICKSTART);
    const closing = await fill(server);
    const page = await signIn(await openContext(browser, server));
    await page.getByText('Too many people watch this server').waitFor();
    expect(await page.getByText('Connection lost').count()).toBe(0);
    closing.abort();
  });

  it('show at once that the store is away, and that it is back', async () => {
    const redis = await startRedis();
    const server = await startServer({ ...QUICKSTART, redisUrl: redis.url, store: { compareEvery: '60s' } });
    try {
      const page = await signIn(await openContext(browser, server));
      await isLive(page);
      await redis.stop();
      await page.locator('.banner').getByText('The store is away').waitFor();
    } finally {
      await server.close();
      await redis.stop();
    }
  });
});

it('asks proxies to pass events on, and tells one stream too many to ask again later', async () => {
  const server = await startServer(QUICKSTART);
  const person = createPerson(server);
  await person.signIn();
  const closing = await fill(server);
  const reply = await person.get('/live');
  expect(reply.text).toBe('retry: 30000\nevent: full\ndata: {}\n\n');
  expect(reply.headers.get('content-type')).toBe('text/event-stream');
  expect(reply.headers.get('x-accel-buffering')).toBe('no');
  closing.abort();
});
