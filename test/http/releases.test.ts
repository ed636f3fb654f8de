import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { operatorClient, startServer } from '../support/server.ts';
import { expectProblem, stateOf } from './shared-server.ts';

const history = JSON.parse(readFileSync('config/samples/releases.json', 'utf8'));

async function started() {
  const server = await startServer();
  return { server, api: operatorClient(server) };
}

describe('a release history', () => {
  it('is imported except for versions that no agent could get, and a second import changes nothing', async () => {
    const { server, api } = await started();
    const { status, body } = await api('POST', '/releases/import', history);
    expect(status).toBe(200);
    expect(body).toMatchObject({ received: 20, imported: 18, unchanged: 0 });
    expect(body.skipped.map(({ version }: { version: string }) => version)).toEqual(['2.3', '1.2']);
    const before = await stateOf(server);
    const again = await api('POST', '/releases/import', history);
    expect(again.body).toMatchObject({ imported: 0, unchanged: 18 });
    expect(await stateOf(server)).toEqual(before);
  });

  it('is listed newest first by precedence', async () => {
    const { api } = await started();
    await api('POST', '/releases/import', [...history].reverse());
    const { body } = await api('GET', '/releases');
    const versions = body.releases.map(({ version }: { version: string }) => version);
    expect(versions.slice(0, 3)).toEqual(['16.4.7', '16.4.6', '16.4.3']);
    expect(versions.indexOf('15.4.10')).toBeLessThan(versions.indexOf('15.4.9'));
    expect(body.releases[1]).toMatchObject({
      version: '16.4.6',
      cutAt: '2024-10-22',
      security: true,
      embargoed: false,
      artifacts: { packages: { state: 'published' } },
      pulled: null,
    });
  });

  it.each<[what: string, body: unknown, detail: RegExp]>([
    ['nothing', [], /./],
    ['an object', { releases: history }, /array/],
    ['a date that is none', [{ version: '16.4.7', date: '2024-02-30', security: false }], /date/],
    ['a word for security', [{ version: '16.4.7', date: null, security: 'no' }], /security/],
    ['an unknown field', [{ version: '16.4.7', date: null, security: false, notes: '' }], /notes/],
  ])('of %s is refused', async (_, body, detail) => {
    const { server, api } = await started();
    const before = await stateOf(server);
    expectProblem(await api('POST', '/releases/import', body), 422, 'invalid', detail);
    expect(await stateOf(server)).toEqual(before);
  });
});
