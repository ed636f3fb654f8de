import { expect, it } from 'vitest';
import { operatorClient, startServer, TOKENS } from '../support/server.ts';
import { createPerson, type PageReply } from './person.ts';

const PATH = '/channels/x/rollout/settings';
type Fields = [string, string][];

const WATCH = { for: '1h', maxReverted: '1%', conditions: [{ name: 'errors', query: 'up == 1', for: '2m' }] };
const ROLLOUT = {
  strategy: 'halt-on-error',
  unmatched: 'hold',
  groups: [
    { name: 'dev', match: ['dev', 'Development'], canaries: 3, waves: [10, 50, 100], soak: '1h', alertAfter: '2h' },
    {
      name: 'prod',
      days: ['Mon', 'Tue'],
      window: { start: '04:00', for: '6h', timeZone: 'Europe/Berlin' },
      waitHours: 24,
    },
  ],
};

async function open(settings: object = {}, role: keyof typeof TOKENS = 'admin') {
  const server = await startServer({ bootstrap: { channels: [{ name: 'x', target: '16.4.6', ...settings }] } });
  const api = operatorClient(server);
  const person = createPerson(server);
  await person.signIn(TOKENS[role]);
  const read = async () => (await api('GET', '/channels/x')).body;
  return { server, api, person, read };
}

/** The fields of the form as the page has them, as a browser would send them. */
function fieldsOf({ text }: PageReply): Fields {
  const form = text.slice(
    text.indexOf('<form', text.indexOf('class="columns"')),
    text.indexOf('</form>', text.indexOf('class="columns"')),
  );
  const inputs = [...form.matchAll(/<input [^>]*>/g)].flatMap(([tag]): Fields => {
    const attribute = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '';
    if (attribute('type') === 'checkbox' && !/ checked/.test(tag)) return [];
    return attribute('name') === 'csrf' ? [] : [[attribute('name'), attribute('value')]];
  });
  const selects = [...form.matchAll(/<select [^>]*name="([^"]+)"[^>]*>(.*?)<\/select>/gs)].map(
    ([, name = '', options = '']): [string, string] => [name, /value="([^"]*)" selected/.exec(options)?.[1] ?? ''],
  );
  return [...inputs, ...selects];
}

/** The form with some fields changed. */
const changed = (fields: Fields, changes: Record<string, string>): Fields => [
  ...fields.filter(([name]) => !(name in changes)),
  ...Object.entries(changes),
];

it('shows the settings as they are, and sends them back as they are', async () => {
  const freezes = [
    { from: '2026-12-23T00:00:00Z', until: '2026-12-27T00:00:00Z', reason: 'holidays', except: ['critical'] },
  ];
  const window = { start: '02:00', for: '2h', timeZone: 'UTC' };
  const { person, read } = await open({ rollout: ROLLOUT, watch: WATCH, freezes, window });
  const before = await read();
  const fields = changed(fieldsOf(await person.get(PATH)), { reason: 'look' });
  expect((await person.submitAll(PATH, fields)).text).toContain('No setting changes.');
  expect((await person.submitAll(PATH, [...fields, ['confirm', 'yes']])).status).toBe(303);
  const { rollout, watch, freezes: kept, window: its } = await read();
  expect({ rollout, watch, window: its }).toEqual({
    rollout: before.rollout,
    watch: before.watch,
    window: before.window,
  });
  expect(kept).toEqual(freezes);
});

it('sets groups, a watch and a freeze on a channel that had none', async () => {
  const { person, read } = await open();
  const fields = changed(fieldsOf(await person.get(PATH)), {
    'groups.0.name': 'dev',
    'groups.0.canaries': '2',
    'groups.0.waves': '10 %, 50 %, 100 %',
    'groups.1.name': 'prod',
    'groups.1.match': 'prod Production',
    'watch.maxReverted': '1%',
    'freezes.0.from': '2026-12-23T00:00',
    'freezes.0.until': '2026-12-27T00:00',
    'freezes.0.reason': 'holidays',
    zone: 'Europe/Berlin',
    reason: 'canaries first',
  });
  const preview = await person.submitAll(PATH, fields);
  expect(preview.text).toContain('dev → prod');
  expect(preview.text).toContain('2 canaries; waves of 10, 50, 100 %');
  expect((await read()).rollout ?? null).toBeNull();
  await person.submitAll(PATH, [...fields, ['confirm', 'yes']]);
  expect(await read()).toMatchObject({
    rollout: {
      groups: [
        { name: 'dev', canaries: 2, waves: [10, 50, 100] },
        { name: 'prod', match: ['prod', 'Production'] },
      ],
    },
    watch: { maxReverted: '1%', maxVanished: '10%' },
    freezes: [{ from: '2026-12-22T23:00:00.000Z', reason: 'holidays', except: ['roll-back', 'critical'] }],
  });
});

it('moves and removes groups', async () => {
  const { person, read } = await open({ rollout: { groups: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] } });
  const fields = fieldsOf(await person.get(PATH));
  const names = async (changes: Record<string, string>) => {
    const { revision } = await read();
    const reply = await person.submitAll(
      PATH,
      changed(fields, { ...changes, reason: 'order', confirm: 'yes', revision }),
    );
    expect(reply.status).toBe(303);
    return ((await read()).rollout?.groups ?? []).map(({ name }: { name: string }) => name);
  };
  expect(await names({ 'groups.2.place': '1' })).toEqual(['c', 'a', 'b']);
  expect(await names({ 'groups.1.remove': 'true' })).toEqual(['a', 'c']);
  expect(await names({ 'groups.0.remove': 'true', 'groups.1.remove': 'true', 'groups.2.remove': 'true' })).toEqual([]);
});

it('names the field of a fault', async () => {
  const { person } = await open({ rollout: ROLLOUT });
  const fields = fieldsOf(await person.get(PATH));
  const fault = async (changes: Record<string, string>) => {
    const { text } = await person.submitAll(PATH, changed(fields, { reason: 'x', ...changes }));
    return /role="alert">(.*?)<\/div>/s.exec(text)?.[1]?.replaceAll(/<[^>]+>/g, '');
  };
  expect(await fault({ 'groups.1.waves': '50, 10, 100' })).toBe(
    'Waves of group 2: 10 % does not come after 50 %; waves only grow',
  );
  expect(await fault({ 'groups.0.canaries': 'two' })).toBe('Canaries of group 1: expected a number');
  expect(await fault({ 'watch.maxFailed': 'some' })).toBe(
    'Most that failed: expected a percentage such as 2%, or a share from 0 to 1',
  );
  expect(await fault({ 'freezes.0.from': 'soon', 'freezes.0.until': '2026-12-27', 'freezes.0.reason': 'x' })).toBe(
    'From of freeze 1: expected a time with its zone, such as 2026-12-23T00:00:00Z',
  );
});

it('is held to the revision that the person saw, and to their role', async () => {
  const { person, api } = await open({ rollout: ROLLOUT });
  const fields = changed(fieldsOf(await person.get(PATH)), { reason: 'x', 'groups.0.canaries': '1' });
  await api('POST', '/channels/x/pin', { reason: 'incident 12' });
  const late = await person.submitAll(PATH, [...fields, ['confirm', 'yes']]);
  expect(late.status).toBe(412);
  expect(late.text).toContain('What you typed is kept.');
  const { person: viewer } = await open({}, 'viewer');
  expect((await viewer.get(PATH)).status).toBe(403);
});
