import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findProgram } from '../support/packages.ts';
import { startRedis } from '../support/redis-server.ts';
import { operatorClient, QUICKSTART, startServer, type TestServer, TOKENS } from '../support/server.ts';
import { launchBrowser, openContext, signIn } from './browser.ts';
import { inventory, startSampleFleet } from './sample-fleet.ts';
import { layWire } from './wire.ts';

const CHANNEL = '/channels/stable%2Fcloud';

const chromium = findProgram('chromium-headless-shell');
let browser: Browser;
beforeAll(async () => {
  if (chromium) browser = await launchBrowser(chromium);
});
afterAll(() => browser?.close());

const targetOf = async (server: TestServer, channel = 'stable/cloud') =>
  (await operatorClient(server)('GET', `/channels/${encodeURIComponent(channel)}`)).body.target;

const act = (server: TestServer, verb: string, body: object) =>
  operatorClient(server)('POST', `/channels/stable%2Fcloud/${verb}`, body);

const outcome = (page: Page) => page.locator('#outcome');
const preview = (page: Page) => page.getByRole('button', { name: 'Preview' }).click();

async function atWork(server: TestServer, token?: string, options?: BrowserContextOptions): Promise<Page> {
  return signIn(await openContext(browser, server, options), token);
}

describe.skipIf(!chromium).each([true, false])('in a browser (JavaScript: %s)', (javaScriptEnabled) => {
  it('rolls forward after a preview, and back again in under 10 seconds', async () => {
    const server = await startSampleFleet();
    const page = await atWork(server, TOKENS.operator, { javaScriptEnabled });

    await page.getByRole('link', { name: 'stable/cloud', exact: true }).click();
    await page.getByRole('link', { name: 'Roll forward' }).click();
    await page.getByLabel('Version').fill('16.4.7');
    await page.getByLabel('Reason').fill('change 4712');
    await preview(page);
    await outcome(page).getByText('16.4.7 strands none of 1,240 agents').waitFor();
    expect(await outcome(page).locator('.effects').innerText()).toMatch(
      /Go up\s+1,240\s+each in its maintenance window\s+Go back\s+0\s+Stay\s+0\s+Strand\s+0/,
    );
    expect(await targetOf(server), 'a preview changes nothing').toBe('16.4.6');
    await page.getByRole('button', { name: 'Roll forward to 16.4.7' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    expect(await page.locator('.hero .target').innerText()).toBe('16.4.7');
    expect(await targetOf(server)).toBe('16.4.7');

    const start = Date.now();
    await page.getByRole('link', { name: 'Roll back' }).click();
    await page.getByLabel('Reason').fill('incident 13');
    await preview(page);
    await page.getByRole('button', { name: 'Roll back to 16.4.6' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    expect(await targetOf(server)).toBe('16.4.6');
    expect(Date.now() - start).toBeLessThan(10_000);
    await page.getByText('incident 13').first().waitFor();
  });

  it('shows why a target is refused, which agents block it, and the route there', async () => {
    const server = await startSampleFleet();
    const page = await atWork(server, TOKENS.operator, { javaScriptEnabled });
    await page.goto(`${CHANNEL}/roll-forward`);
    await page.getByLabel('Version').fill('17.0.1');
    await page.getByLabel('Reason').fill('too eager');
    await preview(page);
    await outcome(page).getByText('17.0.1 would strand 1,240 of 1,240 agents.').waitFor();
    const { body } = await act(server, 'roll-forward', { version: '17.0.1', reason: 'too eager', dryRun: true });
    for (const { detail } of body.report.reasons) await outcome(page).getByText(detail).waitFor();
    expect(await outcome(page).locator('.route').innerText()).toContain('16.4.7');
    expect(await outcome(page).getByRole('button').count(), 'an operator cannot override').toBe(0);

    await outcome(page).getByRole('link', { name: 'See these agents' }).first().click();
    await page.getByRole('heading', { name: 'Agents' }).waitFor();
    expect(await page.locator('tbody tr').count()).toBe(14);
    await page.getByRole('link', { name: 'tenant-15-4-7-0001' }).click();
    await page.getByText('the agent follows stable/cloud and is behind and moves up to 16.4.6').waitFor();
  });

  it('crosses majors in steps, and shows what the next step waits for', async () => {
    const server = await startSampleFleet();
    const page = await atWork(server, TOKENS.operator, { javaScriptEnabled });
    await page.goto(`${CHANNEL}/check?version=17.0.1`);
    await page.getByRole('link', { name: 'Go there in steps' }).click();
    await page.getByLabel('Reason').fill('bring everybody along');
    await preview(page);
    await page.getByRole('button', { name: 'Start with 16.4.7, on the way to 17.0.1' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    await page.getByRole('heading', { name: 'On the way to 17.0.1' }).waitFor();
    await page.getByText('17.0.1 waits:').waitFor();
    await page.getByRole('link', { name: 'Cancel the plan' }).click();
    await page.getByLabel('Reason').fill('not today');
    await preview(page);
    await outcome(page).getByRole('button', { name: 'Cancel the plan' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    expect(await page.getByText('On the way to').count()).toBe(0);
    expect(await targetOf(server)).toBe('16.4.7');
  });

  it('lets an admin override a refusal only with the right number of agents', async () => {
    const server = await startSampleFleet();
    const page = await atWork(server, TOKENS.admin, { javaScriptEnabled });
    await page.goto(`${CHANNEL}/roll-forward?version=17.0.1`);
    await page.getByLabel('Reason').fill('they are lost anyway');
    for (const [typed, result] of [
      ['86', 'Nothing was changed'],
      ['1,240', null],
    ] as const) {
      await preview(page);
      await page.getByText('Override', { exact: true }).click();
      await page.getByLabel('Type 1,240 to accept stranding 1,240 agents').fill(typed);
      await page.getByRole('button', { name: 'and strand 1,240 agents' }).click();
      if (result) await page.getByRole('heading', { name: result }).waitFor();
    }
    await page.waitForURL(`**${CHANNEL}`);
    expect(await targetOf(server)).toBe('17.0.1');
    await page.getByText('they are lost anyway (accepted stranding 1240)').first().waitFor();
  });

  it('pins until a time, and shows who, why and until when', async () => {
    const server = await startServer(QUICKSTART);
    const page = await atWork(server, TOKENS.operator, { javaScriptEnabled });
    await page.goto(`${CHANNEL}/pin`);
    await page.getByLabel('Reason').fill('incident 12');
    await page.getByLabel('Until (optional)').fill('2100-01-01T18:00');
    await preview(page);
    await page.getByRole('button', { name: 'Pin at 16.4.6' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    expect(await page.locator('.hero').innerText()).toMatch(
      /Pinned by token operator .* until 2100-01-01 18:00 UTC: incident 12/,
    );
    expect(await page.getByRole('link', { name: 'Roll forward' }).count()).toBe(0);

    await page.goto(`${CHANNEL}/roll-forward?version=16.4.7`);
    await page.getByLabel('Reason').fill('not now');
    await preview(page);
    await outcome(page).getByText('reason: incident 12. To release it:').waitFor();

    await page.goto(CHANNEL);
    await page.getByRole('link', { name: 'Unpin' }).click();
    await page.getByLabel('Reason').fill('all is well');
    await preview(page);
    await outcome(page).getByRole('button', { name: 'Unpin' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    await page.getByRole('link', { name: 'Roll forward' }).waitFor();
  });

  it('signs out', async () => {
    const page = await atWork(await startServer(QUICKSTART), TOKENS.viewer, { javaScriptEnabled });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto('/');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});

describe.skipIf(!chromium)('in a browser', () => {
  it('accepts the fall of a source after a preview', async () => {
    const server = await startServer(QUICKSTART);
    const client = operatorClient(server);
    const list = (count: number) => inventory('agent', { '16.4.6': count });
    await client('POST', '/inventory?channel=stable%2Fcloud', list(60));
    await client('POST', '/inventory?channel=stable%2Fcloud', list(12));
    const page = await atWork(server, TOKENS['release-manager']);
    await page.getByRole('link', { name: 'evidence settling' }).click();
    await page.locator('#evidence').getByText('It fell from 60 to 12 agents').waitFor();
    await page.getByRole('link', { name: 'Accept the fall: inventory' }).click();
    await page.getByLabel('Reason').fill('rack 7 was switched off');
    await preview(page);
    await page.getByRole('button', { name: 'Accept 12 agents' }).click();
    await page.waitForURL(`**${CHANNEL}#evidence`);
    await page.locator('#evidence').getByText('12 agents').waitFor();
    expect(await page.getByText('settling').count()).toBe(0);
  });

  it('asks an admin for the number of stranded agents before a channel becomes critical', async () => {
    const server = await startServer(QUICKSTART);
    const list = inventory('agent', { '14.3.33': 2, '16.4.6': 12 });
    await operatorClient(server)('POST', '/inventory?channel=stable%2Fcloud', list);
    const page = await atWork(server, TOKENS.admin);
    await page.locator('.fleet').getByRole('link', { name: 'strands 2 agents' }).click();
    expect(await page.locator('tbody tr').count()).toBe(2);
    await page.goto(`${CHANNEL}/critical`);
    await page.getByLabel('Reason').fill('now');
    await preview(page);
    await page.getByText('Override', { exact: true }).click();
    await page.getByLabel('Type 2 to accept stranding 2 agents').fill('2');
    await page.getByRole('button', { name: 'Mark the channel critical, and strand 2 agents' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    await page.getByText('now (accepted stranding 2)').first().waitFor();
  });

  it('checks a version in place, and says what is wrong with one that is not valid', async () => {
    const server = await startSampleFleet();
    const page = await atWork(server, TOKENS.viewer);
    await page.goto(CHANNEL);
    for (const [version, answer] of [
      ['16.4.7', '16.4.7 strands none of 1,240 agents'],
      ['sixteen', '"sixteen" is not a version; write it as X.Y.Z'],
    ] as const) {
      await page.getByRole('textbox', { name: 'Version' }).fill(version);
      await page.getByRole('button', { name: 'Check' }).click();
      await page.locator('#verdict').getByText(answer).waitFor();
    }
    expect(new URL(page.url()).pathname).toBe(CHANNEL);
  });

  it('draws the agents over time', async () => {
    const server = await startSampleFleet();
    const page = await atWork(server, TOKENS.viewer);
    await page.goto(CHANNEL);
    await page.locator('.chart canvas').waitFor();
    await page.getByText('at target 0 % → 8').waitFor();
    await act(server, 'critical', { critical: false, reason: 'drawn again' });
    await page.getByText('drawn again').waitFor();
    await page.locator('.chart canvas').waitFor();
    await page.getByRole('link', { name: '90 days' }).click();
    await page.waitForURL('**?span=hour');
    await page.locator('.chart canvas').waitFor();
  });

  it('shows until when a channel is frozen, and why', async () => {
    const freezes = [{ from: '2026-01-01T00:00:00Z', until: '2999-12-27T00:00:00Z', reason: 'holidays' }];
    const server = await startServer({ ...QUICKSTART, freezes });
    const page = await atWork(server, TOKENS.operator);
    await page.goto(CHANNEL);
    expect(await page.locator('.hero').innerText()).toContain(
      "frozen until 2999-12-27 00:00 UTC by the server's settings: holidays",
    );
  });

  it('shows who holds a channel and why, and lets it go', async () => {
    const server = await startServer(QUICKSTART);
    await act(server, 'roll-forward', { version: '16.4.7', reason: 'new' });
    await act(server, 'roll-back', { reason: 'incident 13' });
    const page = await atWork(server, TOKENS.operator);
    await page.goto(CHANNEL);
    expect(await page.locator('.hero').innerText()).toMatch(/Held by token \S+ .*: incident 13/);
    await page.getByRole('link', { name: 'Let go' }).click();
    await page.getByLabel('Reason').fill('it was the disk');
    await preview(page);
    await page.getByRole('button', { name: 'Let the channel go' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    expect(await page.getByRole('link', { name: 'Let go' }).count()).toBe(0);
    expect(await targetOf(server)).toBe('16.4.6');
  });

  it('changes nothing when the channel has changed since the preview', async () => {
    const server = await startServer(QUICKSTART);
    const page = await atWork(server, TOKENS.operator);
    await page.goto(`${CHANNEL}/withdraw`);
    await page.getByLabel('Reason').fill('stop');
    await preview(page);
    const confirm = page.getByRole('button', { name: 'Withdraw the target' });
    await confirm.waitFor();
    await act(server, 'critical', { critical: true, reason: 'someone else' });
    await confirm.click();
    await page.getByText('was changed by someone else (revision 2)').waitFor();
    expect(await targetOf(server)).toBe('16.4.6');
  });

  it('creates the first channel, and changes its settings', async () => {
    const server = await startServer();
    const page = await atWork(server, TOKENS.operator);
    await page.getByRole('link', { name: 'Create the first channel' }).click();
    await page.getByLabel('Name').fill('Stable');
    await preview(page);
    await page.getByText('a channel name is made of segments of a-z').waitFor();
    await page.getByLabel('Name').fill('stable/cloud');
    await page.getByLabel('Target').fill('v16.4.6');
    await page.getByLabel('rc', { exact: true }).check();
    await preview(page);
    await outcome(page).getByText('16.4.6 strands none of 0 agents').waitFor();
    await page.getByRole('button', { name: 'Create the channel' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    const { body } = await operatorClient(server)('GET', '/channels/stable%2Fcloud');
    expect(body).toMatchObject({ target: '16.4.6', accepts: ['stable', 'rc', 'cloud'] });
    await page.getByRole('link', { name: 'Change the settings' }).click();
    const client = operatorClient(server);
    await client('PUT', '/channels/stable%2Fcloud', { needsHelm: true, versionPrefix: '' });
    await page.getByLabel('Description').fill('Agents of all tenants');
    await page.getByLabel('Client tools').fill('v16.4.7');
    await page.getByLabel('Reason').fill('say what it is');
    await preview(page);
    await outcome(page).getByText('was changed by someone else').waitFor();
    await page.getByRole('button', { name: 'Preview again' }).click();
    await page.getByRole('heading', { name: 'Preview' }).waitFor();
    expect(await page.getByLabel('Description').inputValue(), 'what was typed is kept').toBe('Agents of all tenants');
    await page.getByRole('button', { name: 'Change the settings' }).click();
    await page.waitForURL(`**${CHANNEL}`);
    await page.getByText('Agents of all tenants').first().waitFor();
    await page.getByText('Client tools get').waitFor();
    // Settings that the form does not show stay as they were.
    const after = (await client('GET', '/channels/stable%2Fcloud')).body;
    expect(after).toMatchObject({ needsHelm: true, versionPrefix: '', controlPlane: null, toolsVersion: '16.4.7' });
  });

  it('finds what a person did in the audit log, and verifies its chain', async () => {
    const server = await startSampleFleet();
    const page = await atWork(server, TOKENS.viewer);
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByText('Chain intact over 12 entries').waitFor();
    await page.goto('/audit');
    await page.getByLabel('Actor').fill('ops-1');
    await page.getByLabel('Action').fill('pin');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByText('1 entry of 12 searched').waitFor();
    expect(await page.locator('tbody tr').innerText()).toContain('incident 12: agents on arm64 restart');
  });

  it('checks and records versions of control planes', async () => {
    const server = await startSampleFleet();
    const page = await atWork(server, TOKENS.operator);
    await page.goto('/control-planes');
    await page.getByRole('link', { name: 'main', exact: true }).click();
    await page.getByLabel('Version').fill('17.0.1');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('14 agents at 15.4.7 on stable/cloud would be refused by 17.0.1').waitFor();
    await page.getByLabel('Version').fill('16.4.8');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByRole('button', { name: 'Record 16.4.8' }).click();
    await page.waitForURL('**/control-planes/main');
    expect(await page.locator('.target').innerText()).toBe('16.4.8');
  });
});

describe.skipIf(!chromium)('an open page', () => {
  it('shows what another browser does, without a reload', async () => {
    const server = await startServer(QUICKSTART);
    const [watching, working] = [await atWork(server, TOKENS.viewer), await atWork(server)];
    await watching.evaluate('window.notReloaded = true');
    await working.goto(`${CHANNEL}/roll-forward?version=16.4.7`);
    await working.getByLabel('Reason').fill('for all to see');
    await preview(working);
    await working.getByRole('button', { name: 'Roll forward to 16.4.7' }).click();
    await watching.getByText('for all to see').waitFor();
    expect(await watching.locator('.fleet .target').innerText()).toBe('16.4.7');
    expect(await watching.evaluate('window.notReloaded')).toBe(true);
  });

  it('does not shift its layout when it reloads itself', async () => {
    const server = await startSampleFleet();
    const page = await atWork(server, TOKENS.viewer);
    await page.evaluate(`
      window.shift = 0;
      new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => { window.shift += value; }))
        .observe({ type: 'layout-shift', buffered: true })`);
    await act(server, 'critical', { critical: false, reason: 'x' });
    await page.getByText('critical mark cleared by token admin').waitFor();
    await page.goto(CHANNEL);
    expect(await page.evaluate('window.shift ?? 0')).toBe(0);
  });

  it('shows when the connection is lost, and catches up when it is back', async () => {
    const server = await startServer(QUICKSTART);
    const wire = await layWire(server.operatorUrl);
    const page = await atWork({ ...server, operatorUrl: wire.url }, TOKENS.viewer);
    await page.locator('#connection[data-state=live]').waitFor({ state: 'attached' });
    await wire.cut();
    await page.getByText('Connection lost').waitFor();
    await act(server, 'roll-forward', { version: '16.4.7', reason: 'during the cut' });
    await wire.mend();
    await page.getByText('during the cut').waitFor();
    await page.getByText('Connection lost').waitFor({ state: 'hidden' });
    await page.close();
    await wire.cut();
  });

  it('asks to sign in again when the session has ended', async () => {
    let now = new Date();
    const server = await startServer(QUICKSTART, { now: () => now });
    const page = await atWork(server, TOKENS.viewer);
    await page.locator('#connection[data-state=live]').waitFor({ state: 'attached' });
    now = new Date(now.getTime() + 13 * 3_600_000);
    await act(server, 'roll-forward', { version: '16.4.7', reason: 'late' });
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  it('warns when the store is away, shows the last state, and refuses changes', async () => {
    const redis = await startRedis();
    const store = { compareEvery: '200ms', deadline: '300ms' };
    const server = await startServer({ ...QUICKSTART, redisUrl: redis.url, store });
    try {
      const page = await atWork(server);
      redis.freeze();
      await vi.waitFor(async () => {
        await page.reload();
        expect(await page.locator('.banner').innerText({ timeout: 300 })).toContain(
          'changes are refused until it is back',
        );
      }, 15_000);
      expect(await page.locator('.fleet .target').innerText()).toBe('16.4.6');
      await page.goto(`${CHANNEL}/pin`);
      await page.getByLabel('Reason').fill('x');
      await preview(page);
      await outcome(page).getByRole('alert').waitFor();
    } finally {
      redis.thaw();
      await server.close();
      await redis.stop();
    }
  });

  it('can be steered with the keyboard alone', async () => {
    const page = await atWork(await startServer(QUICKSTART));
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent.trim()')).toBe('Skip to content');
    await page.goto(`${CHANNEL}/roll-forward`);
    // The first field has the focus once the page is drawn, which is later than it is loaded.
    await page.locator('input[name=version]:focus').waitFor();
    await page.keyboard.type('16.4.7');
    await page.keyboard.press('Tab');
    await page.keyboard.type('by hand');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Roll forward to 16.4.7' }).waitFor();
    await page.getByRole('button', { name: 'Roll forward to 16.4.7' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**${CHANNEL}`);
  });

  it('shows the reference of the API, with every request', async () => {
    const server = await startServer(QUICKSTART);
    const page = await (await openContext(browser, server)).newPage();
    await page.goto('/docs');
    const { paths } = (await (await fetch(`${server.operatorUrl}/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const operations = Object.values(paths).flatMap((methods) => Object.keys(methods));
    expect(await page.locator('section:not(#schemas) > .operation').count()).toBe(operations.length);
    await page.getByText('/api/v1/channels/{channel}/roll-forward').click();
    await page.locator('details[open]').getByText('acceptStranding').first().waitFor();
  });
});
