import { describe, expect, it } from 'vitest';
import { inventory } from '../fixtures/inventory.ts';
import { operatorClient, QUICKSTART, startServer } from '../support/server.ts';

const SECRET = '16.4.8';
const TITLE = 'Fix CVE-2024-0815 in the proxy';

/** Two servers that differ only in a release under embargo, which nothing runs yet. */
async function startTwins(settings: object) {
  const [knowing, ignorant] = await Promise.all([0, 1].map(() => startServer({ ...QUICKSTART, ...settings })));
  if (!knowing || !ignorant) throw new Error('no servers');
  for (const server of [knowing, ignorant]) {
    const manager = operatorClient(server, 'release-manager');
    const list = ['16.4.6', '16.4.7'].map((version) => ({ version, date: '2024-11-11', security: false }));
    expect((await manager('POST', '/releases/import', list)).status).toBe(200);
    await operatorClient(server)('POST', '/inventory?channel=stable%2Fcloud', inventory());
  }
  const secret = await operatorClient(knowing, 'release-manager')('POST', '/releases', {
    ...{ version: SECRET, commit: 'f00dfacade', cutAt: '2024-11-12T10:15:30Z', security: true, embargoed: true },
    // A refusal because of its artifacts would say that the release exists.
    artifacts: { controlPlane: 'building' },
    changes: [{ pr: 815, title: TITLE, significant: true, author: 'zmb3' }],
  });
  expect(secret.status).toBe(201);
  return { knowing, ignorant };
}

const SOON = new Date(Date.now() + 3_600_000).toISOString();
const GUESS = { version: SECRET };
const REQUESTS: [method: string, path: string, body?: object][] = [
  ['GET', '/releases'],
  ['GET', `/releases/${SECRET}`],
  ['GET', `/releases/${SECRET}/tags`],
  ['GET', `/releases/${SECRET}/promotion`],
  ['GET', `/releases/${SECRET}/promotion/stages/canary`],
  ['GET', `/versions/${SECRET}`],
  ['GET', '/versions/16.4.9'],
  ['GET', '/releases/support'],
  ['GET', '/releases/backport-plan?urgency=urgent'],
  ['GET', '/releases/mint?commit=f00dfacadef00d&at=2024-11-12T10:15:30Z'],
  ['GET', '/releases/16.4.7/tags'],
  ['GET', '/changes/815'],
  ['GET', '/promotions'],
  ['GET', `/control-planes?wanted=${SECRET}`],
  ['GET', '/control-planes/main'],
  ['GET', '/control-planes/main/wanted'],
  ['GET', '/freezes'],
  ['GET', '/scheduled'],
  ['GET', '/export'],
  ['GET', '/status'],
  ['GET', `/agents?version=${SECRET}`],
  ['GET', `/agents?olderThan=${SECRET}`],
  ['GET', '/census?channel=stable/cloud'],
  ['GET', '/channels/stable%2Fcloud'],
  ['POST', '/channels/stable%2Fcloud/check', { version: '17.0.0' }],
  ['POST', '/control-planes/main/check', GUESS],
  ['POST', `/releases/${SECRET}/changes/815/sign-off`, { reason: 'curious' }],
  ['POST', `/releases/${SECRET}/pull`, { reason: 'curious' }],
];

/** What the gate must refuse, since the release is never served. Only a strict catalogue refuses an unknown one too. */
const REFUSED: typeof REQUESTS = [
  ['POST', '/channels/stable%2Fcloud/check', GUESS],
  ['POST', '/channels/stable%2Fcloud/roll-forward', { ...GUESS, reason: 'curious', dryRun: true }],
  ['POST', '/channels/stable%2Fcloud/pin', { ...GUESS, reason: 'curious', dryRun: true }],
  ['POST', '/channels/stable%2Fcloud/roll-forward', { ...GUESS, reason: 'curious', at: SOON }],
  ['PUT', '/channels/stable%2Fcloud', { toolsVersion: SECRET, dryRun: true }],
  ['PUT', '/channels/new', { target: SECRET, dryRun: true }],
];

/** Revisions, times and ages differ anyway. */
const withoutMoments = (body: unknown) =>
  JSON.stringify(body)
    .replaceAll(/"revision":\d+/g, '"revision":0')
    .replaceAll(/\(revision \d+\)/g, '')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z|\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, 'then')
    .replaceAll(/"age":\d+|\d+ s old/g, 'age');

describe.each([
  ['a catalogue that is not strict', {}, REQUESTS],
  ['a strict catalogue', { compatibility: { catalogue: 'strict' } }, [...REQUESTS, ...REFUSED]],
])('with %s', (_, settings, requests) => {
  it('a release under embargo answers as one that was never registered', async () => {
    const { knowing, ignorant } = await startTwins(settings);
    for (const role of ['viewer', 'operator'] as const) {
      for (const [method, path, body] of requests) {
        const [is, was] = await Promise.all(
          [knowing, ignorant].map((server) => operatorClient(server, role)(method, path, body)),
        );
        const about = `${role}: ${method} ${path}`;
        expect(is?.status, about).toBe(was?.status);
        expect(withoutMoments(is?.body), about).toBe(withoutMoments(was?.body));
      }
    }
    const metrics = await (await fetch(`${knowing.operatorUrl}/metrics`)).text();
    for (const secret of [SECRET, TITLE, 'embargoed']) expect(metrics).not.toContain(secret);
  });
});
