import { describe, expect, it } from 'vitest';
import { operatorClient } from '../support/server.ts';
import { sharedServer } from './shared-server.ts';

const VERSIONS = ['16.4.3', '16.4.5', '16.4.6', '16.4.7', '17.0.0'];
const NAMES = ['a', 'b/c', 'd', 'e', 'f'];

describe('lists', () => {
  const server = sharedServer({
    bootstrap: {
      controlPlanes: Object.fromEntries(NAMES.map((name) => [name.replace('/', '-'), '16.4.7'])),
      channels: NAMES.map((name) => ({ name })),
    },
  });

  it.each([
    ['/channels', 'channels', 'name', NAMES],
    ['/census', 'channels', 'channel', NAMES],
    ['/control-planes', 'controlPlanes', 'name', NAMES.map((name) => name.replace('/', '-'))],
    ['/releases', 'releases', 'version', VERSIONS.toReversed()],
    ['/releases?order=time', 'releases', 'version', VERSIONS.toReversed()],
  ])('%s are answered page by page', async (path, list, key, all) => {
    const api = operatorClient(server());
    await api(
      'POST',
      '/releases/import',
      VERSIONS.map((version) => ({ version, date: null, security: false })),
    );
    const at = (query: string) => api('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`);
    const { body: whole } = await at('limit=10000');
    expect(whole[list].map((item: Record<string, string>) => item[key])).toEqual(all);
    expect(whole.next).toBeNull();

    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const { status, body } = await at(`limit=2${next && `&after=${encodeURIComponent(next)}`}`);
      expect(status).toBe(200);
      expect(body[list].length).toBeLessThanOrEqual(2);
      seen.push(...body[list].map((item: Record<string, string>) => item[key]));
      next = body.next;
    }
    expect(seen).toEqual(all);
  });
});
