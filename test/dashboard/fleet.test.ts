import { expect, it } from 'vitest';
import { operatorClient, startServer, type TestServer, TOKENS } from '../support/server.ts';
import { createPerson } from './person.ts';
import { inventory } from './sample-fleet.ts';

const NAMES = ['v1', 'v2', 'v9', 'v10', 'lab'];

async function started(): Promise<{ server: TestServer; rowsOf: (query?: string) => Promise<string[]> }> {
  const server = await startServer({
    bootstrap: {
      controlPlanes: { main: '16.4.7', edge: '17.0.1' },
      channels: [
        ...NAMES.map((name) => ({ name, target: '16.4.6', controlPlane: 'main' })),
        { name: 'edge', target: '17.0.1', controlPlane: 'edge', description: 'First of all' },
      ],
    },
  });
  const api = operatorClient(server);
  await api('POST', '/channels/v9/pin', { reason: 'incident 12' });
  await api('POST', '/inventory?channel=v10', inventory('a', { '14.3.3': 2, '16.4.6': 12 }));
  await api('POST', '/inventory?channel=v2', inventory('b', { '16.4.6': 30 }));
  const person = createPerson(server);
  await person.signIn(TOKENS.viewer);
  const rowsOf = async (query = '') =>
    [...(await person.get(`/${query}`)).text.matchAll(/<tr id="channel-([^"]+)"/g)].map(([, name = '']) => name);
  return { server, rowsOf };
}

it.each([
  ['', ['v10', 'v9', 'edge', 'lab', 'v1', 'v2']],
  ['?sort=name', ['edge', 'lab', 'v1', 'v2', 'v9', 'v10']],
  ['?sort=agents', ['v2', 'v10', 'edge', 'lab', 'v1', 'v9']],
  ['?q=17.0', ['edge']],
  ['?q=FIRST+all', ['edge']],
  ['?q=main&sort=name', ['lab', 'v1', 'v2', 'v9', 'v10']],
  ['?show=trouble', ['v10']],
  ['?show=pinned', ['v9']],
  ['?show=pinned&q=v10', []],
  ['?show=nonsense&sort=nonsense', ['v10', 'v9', 'edge', 'lab', 'v1', 'v2']],
])('lists the channels of %s', async (query, names) => {
  const { rowsOf } = await started();
  expect(await rowsOf(query)).toEqual(names);
});

it('has what is wrong on top, each a link, in the words of the API', async () => {
  const { server } = await started();
  const person = createPerson(server);
  await person.signIn(TOKENS.viewer);
  const { text } = await person.get('/');
  const strip = text.slice(
    text.indexOf('aria-label="What is wrong"'),
    text.indexOf('</nav>', text.indexOf('What is wrong')),
  );
  const { groups } = (await operatorClient(server, 'viewer')('GET', '/status')).body;
  expect(groups.map(({ headline }: { headline: string }) => headline)).toEqual([
    'v10 strands 2 agents',
    'the control plane of v10 cuts off 2 agents',
    'v9 is pinned',
  ]);
  for (const { headline } of groups) expect(strip).toContain(`>${headline}</a>`);
  expect(strip).toContain('href="/channels/v10"');
  await operatorClient(server)('POST', '/channels/v1/pin', { reason: 'too' });
  expect((await person.get('/')).text).toContain('href="/?show=pinned"');
});

it('keeps the filter in its form and in the address that it reloads', async () => {
  const { server } = await started();
  const person = createPerson(server);
  await person.signIn(TOKENS.viewer);
  const { text } = await person.get('/?q=v1&show=strands&sort=name');
  expect(text).toContain('value="v1"');
  expect(text).toMatch(/<option value="strands" selected[^>]*>v10 strands 2 agents/);
  expect(text).toContain('hx-get="/?q=v1&amp;show=strands&amp;sort=name"');
  expect((await person.get('/?show=held')).text).toContain('what is over now');
});

it('lists a hundred channels and a hundred releases on a page, and leads to the rest', async () => {
  const server = await startServer({});
  const api = operatorClient(server);
  const numbers = Array.from({ length: 130 }, (_, n) => n);
  await api('POST', '/releases/import', [
    ...numbers.map((n) => ({ version: `15.1.${n}`, date: null, security: false })),
    { version: '16.4.6', date: null, security: false },
  ]);
  const channels = numbers.map((n) => ({ name: `many/c${n}`, target: '16.4.6', description: 'one of many' }));
  await api('POST', '/apply', { fairway: 1, channels });
  const person = createPerson(server);
  await person.signIn(TOKENS.viewer);

  async function walk(path: string, row: RegExp): Promise<[rows: string[], pages: number]> {
    const rows: string[] = [];
    let pages = 0;
    for (let next: string | undefined = path; next; pages++) {
      const { text } = await person.get(next);
      const found = [...text.matchAll(row)].map(([, name = '']) => name);
      expect(found.length).toBeLessThanOrEqual(100);
      rows.push(...found);
      next = /<a class="button" href="([^"]+)">\s*Next page/.exec(text)?.[1]?.replaceAll('&amp;', '&');
    }
    return [rows, pages];
  }
  const names = channels.map(({ name }) => name);
  const fleet = await walk('/?q=many&sort=name', /<tr id="channel-(many[^"]+)"/g);
  expect(fleet).toEqual([names, 2]);
  const { text } = await person.get('/?q=many&after=many/gone');
  expect(text).toContain('130 of');
  expect(text).toContain('id="channel-many/c0"');
  const [releases, pages] = await walk('/releases?major=15', /<a href="\/releases\/(15\.1\.[0-9]+)">/g);
  expect([new Set(releases).size, pages]).toEqual([130, 2]);
});
