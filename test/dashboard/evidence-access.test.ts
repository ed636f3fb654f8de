import { describe, expect, it } from 'vitest';
import { UNREADABLE } from '../../src/domain/agent-version.ts';
import { operatorClient, QUICKSTART, startServer, type TestServer, TOKENS } from '../support/server.ts';
import { createPerson } from './person.ts';

const CHANNEL = '/channels/stable%2Fcloud';
const ACCEPT = `${CHANNEL}/evidence/inventory/accept`;
const FORGET = `${CHANNEL}/evidence/inventory/forget`;

interface Listed {
  name: string;
  version: string;
  enrolled?: boolean;
  [field: string]: unknown;
}

const instance = ({ name, version, enrolled = true, ...spec }: Listed) => ({
  kind: 'instance',
  metadata: { name },
  spec: {
    version,
    services: ['Node'],
    hostname: `${name}.example`,
    ...(enrolled && { ext_upgrader: 'unit' }),
    ...spec,
  },
});
const AUTH = instance({ name: 'auth', version: '16.4.7', enrolled: false, services: ['Auth'] });
const agents = (count: number, version = '16.4.6', prefix = 'agent') =>
  Array.from({ length: count }, (_, index) => instance({ name: `${prefix}-${index}`, version }));

async function importAll(server: TestServer, instances: object[]): Promise<void> {
  const reply = await operatorClient(server)('POST', '/inventory?channel=stable%2Fcloud', [AUTH, ...instances]);
  expect(reply.status).toBe(200);
}

/** A channel whose inventory fell from 60 agents to 12. */
async function startFallen(): Promise<TestServer> {
  const server = await startServer(QUICKSTART);
  await importAll(server, agents(60));
  await importAll(server, agents(12));
  return server;
}

/** A channel whose target strands two agents. */
async function startStranding(): Promise<TestServer> {
  const server = await startServer(QUICKSTART);
  await importAll(server, [...agents(10), ...agents(2, '14.3.2', 'old')]);
  return server;
}

async function personOf(server: TestServer, role: keyof typeof TOKENS) {
  const person = createPerson(server);
  await person.signIn(TOKENS[role]);
  return person;
}

const agentsOf = async (server: TestServer) =>
  (await operatorClient(server)('GET', '/census?channel=stable%2Fcloud')).body.agents;
const channelOf = async (server: TestServer) => (await operatorClient(server)('GET', '/channels/stable%2Fcloud')).body;

describe('the evidence of a channel', () => {
  it('says on the channel page what it rests on, from what to what a source fell, and what waits', async () => {
    const { text } = await (await personOf(await startFallen(), 'viewer')).get(CHANNEL);
    expect(text).toContain('id="evidence"');
    expect(text).toMatch(/Verdicts rest on the inventory \(\d+ s old\), which knows every agent/);
    expect(text).toMatch(/It fell from 60 to 12 agents at .* UTC\. Both figures count, and plans and promotions wait/);
    expect(text).toContain('evidence settling');
    expect(text, 'a viewer decides nothing').not.toContain('Accept the fall');
  });

  it('is marked on the card of the fleet page', async () => {
    const { text } = await (await personOf(await startFallen(), 'viewer')).get('/');
    expect(text).toMatch(/<a class="mark warn" href="\/channels\/stable%2Fcloud#evidence">evidence settling<\/a>/);
  });

  it('is shown beside a verdict', async () => {
    const server = await startFallen();
    const { text } = await (await personOf(server, 'viewer')).get(`${CHANNEL}/check?version=16.4.7`);
    expect(text).toContain('<b>Allowed</b>');
    expect(text).toMatch(/Verdicts rest on the inventory .* The figures before its fall count as well\./);
  });

  it('offers to accept only a fall, and to forget a source that claims to know every agent', async () => {
    const server = await startServer(QUICKSTART);
    await importAll(server, agents(3));
    const { text } = await (await personOf(server, 'release-manager')).get(CHANNEL);
    expect(text).toContain(FORGET);
    expect(text).not.toContain(ACCEPT);
  });

  it.each([
    ['viewer', ACCEPT, 'confirm that a source has fewer agents'],
    ['operator', ACCEPT, 'confirm that a source has fewer agents'],
    ['operator', FORGET, 'forget a source, or all agents at a version'],
  ] as const)('%s may not decide at %s', async (role, path, words) => {
    const server = await startFallen();
    const person = await personOf(server, role);
    const reply = await person.submit(path, { reason: 'x', confirm: 'yes', before: '60', after: '12' });
    expect(reply.status).toBe(403);
    expect(reply.text).toContain(`may not ${words}: this needs the role release-manager`);
    expect((await person.get(path)).status).toBe(403);
    expect(await agentsOf(server)).toBe(60);
  });

  it('falls when a release manager accepts it after a preview, with a reason', async () => {
    const server = await startFallen();
    const person = await personOf(server, 'release-manager');
    expect((await person.get(CHANNEL)).text).toContain(ACCEPT);
    expect((await person.submit(ACCEPT, { reason: '' })).status).toBe(422);
    const preview = await person.submit(ACCEPT, { reason: 'rack 7 was switched off' });
    expect(preview.text).toContain('60 agents');
    expect(preview.text).toContain('Accept 12 agents');
    expect(await agentsOf(server), 'a preview changes nothing').toBe(60);
    const form = { reason: 'rack 7 was switched off', confirm: 'yes', before: '60', after: '12' };
    const reply = await person.submit(ACCEPT, form);
    expect(reply.headers.get('location')).toBe(`${CHANNEL}#evidence`);
    expect(await agentsOf(server)).toBe(12);
    expect((await person.get('/audit')).text).toContain('fall accepted');
    expect((await person.submit(ACCEPT, form)).text).toContain('did not fall, so there is nothing to accept');
  });

  it('does not fall further than the preview showed', async () => {
    const server = await startFallen();
    const person = await personOf(server, 'release-manager');
    await importAll(server, agents(1));
    const reply = await person.submit(ACCEPT, { reason: 'x', confirm: 'yes', before: '60', after: '12' });
    expect(reply.status).toBe(412);
    expect(reply.text).toContain('was read again since the preview and has other figures; preview the change again');
    expect(reply.text).toContain('value="x"');
    expect(await agentsOf(server)).toBe(60);
  });

  it('is forgotten with a source', async () => {
    const server = await startFallen();
    const person = await personOf(server, 'release-manager');
    const preview = await person.submit(FORGET, { reason: 'the cluster is gone' });
    expect(preview.text).toContain('Forget the inventory');
    const [, before = '', after = ''] =
      /name="before" value="(\d+)".*name="after" value="(\d+)"/.exec(preview.text) ?? [];
    const reply = await person.submit(FORGET, { reason: 'the cluster is gone', confirm: 'yes', before, after });
    expect(reply.status).toBe(303);
    expect((await person.get(CHANNEL)).text).toContain('No fresh source knows every agent');
  });

  it('refuses a source that there is not', async () => {
    const person = await personOf(await startFallen(), 'admin');
    const reply = await person.submit(`${CHANNEL}/evidence/rumour/accept`, { reason: 'x' });
    expect(reply.text).toContain('there is no source rumour');
  });
});

describe('a target that strands agents', () => {
  it('is marked on the fleet page, the channel page and the agents page', async () => {
    const person = await personOf(await startStranding(), 'viewer');
    const who = `${CHANNEL}/agents?olderThan=15.0.0-0`;
    expect((await person.get('/')).text).toContain(`<a class="mark bad" href="${who}">strands 2 agents</a>`);
    const channel = (await person.get(CHANNEL)).text;
    expect(channel).toContain('16.4.6 strands 2 agents');
    expect(channel).toContain('2 at 14.3.2');
    expect(channel).toContain(`<a href="${who}">See these agents</a>`);
    const list = (await person.get(who)).text;
    expect(list.match(/<span class="mark bad">stranded<\/span>/g)).toHaveLength(2);
    expect(list).not.toContain('agent-0');
    expect((await person.get('/agents/old-0')).text).toContain('<span class="mark bad">stranded</span>');
  });

  it('becomes critical only by the typed number of those agents, and only for an admin', async () => {
    const server = await startStranding();
    const form = { reason: 'quick', critical: 'true' };
    const operator = await personOf(server, 'operator');
    const refused = await operator.submit(`${CHANNEL}/critical`, form);
    expect(refused.status).toBe(409);
    expect(refused.text).toContain('16.4.6 would strand 2 of 12 agents');
    expect(refused.text).not.toContain('acceptStranding');
    const { revision } = await channelOf(server);
    const confirm = { ...form, confirm: 'yes', revision: String(revision) };
    expect((await operator.submit(`${CHANNEL}/critical`, { ...confirm, acceptStranding: '2' })).status).toBe(403);

    const admin = await personOf(server, 'admin');
    const preview = await admin.submit(`${CHANNEL}/critical`, form);
    expect(preview.text).toContain('The target strands them already');
    expect(preview.text).toContain('Type 2 to accept stranding 2 agents');
    expect((await admin.submit(`${CHANNEL}/critical`, { ...confirm, acceptStranding: '3' })).status).toBe(409);
    expect((await channelOf(server)).critical).toBe(null);
    expect((await admin.submit(`${CHANNEL}/critical`, { ...confirm, acceptStranding: '2' })).status).toBe(303);
    expect((await channelOf(server)).critical).toMatchObject({ reason: 'quick' });
    expect((await admin.get(CHANNEL)).text).toContain('quick (accepted stranding 2)');
  });
});

describe('the preview of a change', () => {
  it('tells agents that go up, go back and stay apart', async () => {
    const server = await startServer(QUICKSTART);
    await importAll(server, [...agents(4), ...agents(2, '16.4.3', 'low'), ...agents(1, '16.4.5', 'there')]);
    const person = await personOf(server, 'operator');
    const { text } = await person.submit(`${CHANNEL}/roll-back`, { version: '16.4.5', reason: 'x' });
    const figures = [...text.matchAll(/<dt>([A-Z][a-z ]+)<\/dt><dd>(\d+)<\/dd>/g)].map(([, name, agents]) => [
      name,
      agents,
    ]);
    expect(figures).toEqual([
      ['Go up', '2'],
      ['Go back', '4'],
      ['Stay', '1'],
      ['Strand', '0'],
    ]);
  });
});

describe('agents of note', () => {
  it('are counted on the channel page, and found by host and mark', async () => {
    const server = await startServer(QUICKSTART);
    await importAll(server, [
      ...agents(3),
      instance({ name: 'held', version: '16.4.6', updater_info: { updater_status: 2 } }),
      instance({ name: 'odd', version: 'garbage' }),
      instance({ name: 'bare', version: '14.3.2', enrolled: false }),
      instance({ name: 'lost', version: '16.4.6', updater_info: { update_group: 'Nowhere' } }),
    ]);
    const person = await personOf(server, 'viewer');
    const { text } = await person.get(CHANNEL);
    expect(text).toContain(`<a href="${CHANNEL}/agents?version=%3F">1 agent</a> with a version that cannot be read`);
    expect(text).toMatch(/agents\?mark=(pinned|disabled)">1 agent<\/a>/);
    expect(text).toContain('of the cluster without an updater; no target moves them');
    expect(text).toMatch(/Groups that are no channel: <code>Nowhere<\/code> 1/i);

    const ids = async (query: string) =>
      [...(await person.get(`${CHANNEL}/agents?${query}`)).text.matchAll(/href="\/agents\/([\w-]+)"/g)].map(
        ([, id]) => id,
      );
    expect(await ids(`version=${encodeURIComponent(UNREADABLE)}`)).toEqual(['odd']);
    expect(await ids('host=AGENT-1.EX')).toEqual(['agent-1']);
    expect([...(await ids('mark=pinned')), ...(await ids('mark=disabled'))]).toEqual(['held']);
    expect((await person.get('/agents/held')).text).toMatch(/updater (pinned|disabled)/);
  });

  it('that went back are explained with both moments', async () => {
    const server = await startServer(QUICKSTART);
    const seen = (version: string, last_seen: string) => instance({ name: 'wanderer', version, last_seen });
    const [first, second] = [3, 1].map((hours) => new Date(Date.now() - hours * 3_600_000).toISOString());
    await importAll(server, [seen('16.4.6', first as string)]);
    await importAll(server, [seen('16.4.3', second as string)]);
    const person = await personOf(server, 'viewer');
    const { text } = await person.get('/agents/wanderer');
    const words = (at = '') => `${at.slice(0, 16).replace('T', ' ')} UTC`;
    expect(text).toContain('<span class="mark warn">reverted</span>');
    const row = text.slice(text.indexOf('<dt>Reverted</dt>')).slice(0, 600);
    expect(row).toContain('16.4.6');
    expect(row).toContain(words(first));
    expect(row).toContain(words(second));
  });
});

describe('the settings of a channel', () => {
  const settings = { description: 'typed', accepts: 'stable', controlPlane: 'main', reason: 'because' };
  const SETTINGS = `${CHANNEL}/settings`;

  it('change only as the person saw them, and keep what was typed', async () => {
    const server = await startServer(QUICKSTART);
    const person = await personOf(server, 'operator');
    const [, revision = ''] = /name="revision" value="(\d+)"/.exec((await person.get(SETTINGS)).text) ?? [];
    await operatorClient(server)('PUT', '/channels/stable%2Fcloud', { description: 'of someone else' });
    for (const confirm of [{}, { confirm: 'yes' }]) {
      const reply = await person.submit(SETTINGS, { ...settings, revision, ...confirm } as never);
      expect(reply.status).toBe(412);
      expect(reply.text).toContain('stable/cloud was changed by someone else (revision 2)');
      expect(reply.text).toContain('value="typed"');
      expect(reply.text).toContain('<td>of someone else</td><td><b>typed</b></td>');
      expect(reply.text).toContain('Preview again');
    }
    const present = (await channelOf(server)).revision;
    const again = await person.submit(SETTINGS, { ...settings, revision: String(present) });
    expect(again.status).toBe(200);
    const made = await person.submit(SETTINGS, { ...settings, revision: String(present), confirm: 'yes' });
    expect(made.status).toBe(303);
    expect((await channelOf(server)).description).toBe('typed');
  });

  it('are not changed by a form that carries no revision', async () => {
    const server = await startServer(QUICKSTART);
    const reply = await (await personOf(server, 'operator')).submit(SETTINGS, { ...settings, confirm: 'yes' });
    expect(reply.status).toBe(412);
    expect((await channelOf(server)).description).toBe('');
  });

  it('show the report of the gate when the control plane changes', async () => {
    const server = await startServer(QUICKSTART);
    await operatorClient(server)('PUT', '/control-planes/next', { version: '17.0.1' });
    const { revision } = await channelOf(server);
    const person = await personOf(server, 'operator');
    const form = { ...settings, controlPlane: 'next', revision: String(revision) };
    const { text } = await person.submit(SETTINGS, form);
    expect(text).toContain('<b>Allowed</b>');
    expect(text).toContain('<td>main</td><td><b>next</b></td>');
    expect((await channelOf(server)).controlPlane, 'a preview changes nothing').toBe('main');
  });

  it('refuse an unknown control plane, unless an admin types the number', async () => {
    const server = await startServer(QUICKSTART);
    await importAll(server, agents(7));
    const { revision } = await channelOf(server);
    const form = { ...settings, controlPlane: 'nowhere', revision: String(revision) };
    const refused = await (await personOf(server, 'operator')).submit(SETTINGS, form);
    expect(refused.status).toBe(409);
    expect(refused.text).toContain('the version of control plane nowhere is not known; record it first');
    expect(refused.text).not.toContain('acceptStranding');
    const admin = await personOf(server, 'admin');
    expect((await admin.submit(SETTINGS, form)).text).toContain('Type 7 to accept stranding 7 agents');
    const wrong = await admin.submit(SETTINGS, { ...form, confirm: 'yes', acceptStranding: '6' });
    expect(wrong.status).toBe(409);
    expect((await channelOf(server)).controlPlane).toBe('main');
    expect((await admin.submit(SETTINGS, { ...form, confirm: 'yes', acceptStranding: '7' })).status).toBe(303);
    expect((await channelOf(server)).controlPlane).toBe('nowhere');
  });
});

describe('a control plane', () => {
  it('shows its lowest and highest version and its components', async () => {
    const server = await startServer(QUICKSTART);
    const components = { auth: ['16.4.7'], proxy: ['16.4.7', '16.4.6'] };
    await operatorClient(server)('PUT', '/control-planes/main', { components });
    const person = await personOf(server, 'viewer');
    expect((await person.get('/control-planes')).text).toContain('<code>16.4.6</code> to <code>16.4.7</code>');
    const { text } = await person.get('/control-planes/main');
    expect(text).toContain('<span class="target">16.4.6</span>');
    expect(text).toContain('the highest is <code>16.4.7</code>');
    expect(text).toContain('<td>proxy</td>');
    expect((await person.get(CHANNEL)).text).toContain('main <span>16.4.6</span> to <span>16.4.7</span>');
  });

  it('names in a check the agents that no target moves, and what it rests on', async () => {
    const server = await startServer(QUICKSTART);
    await importAll(server, [...agents(3), instance({ name: 'bare', version: '14.3.2', enrolled: false })]);
    const { text } = await (await personOf(server, 'viewer')).get('/control-planes/main?version=17.0.1');
    expect(text).toContain('<b>unmanaged agents</b>');
    expect(text).toContain('1 agent at 14.3.2 without an updater would be cut off by 17.0.1');
    expect(text).toMatch(/Verdicts rest on the inventory/);
  });

  it('is deleted by an admin, and only while nothing names it', async () => {
    const server = await startServer(QUICKSTART);
    await operatorClient(server)('PUT', '/control-planes/spare', { version: '16.4.7' });
    const operator = await personOf(server, 'operator');
    expect((await operator.get('/control-planes/spare')).text).not.toContain('/control-planes/spare/delete');
    const denied = await operator.submit('/control-planes/spare/delete', { confirm: 'yes', revision: '3' });
    expect(denied.status).toBe(403);

    const admin = await personOf(server, 'admin');
    const used = await admin.get('/control-planes/main/delete');
    expect(used.text).toContain('control plane main is used by channel stable/cloud');
    expect(used.text).not.toContain('Delete main');
    const page = await admin.get('/control-planes/spare/delete');
    expect(page.text).toContain('Delete spare');
    const [, revision = ''] = /name="revision" value="(\d+)"/.exec(page.text) ?? [];
    const stale = await admin.submit('/control-planes/spare/delete', { confirm: 'yes', revision: '1' });
    expect(stale.status).toBe(412);
    const done = await admin.submit('/control-planes/spare/delete', { confirm: 'yes', revision });
    expect(done.headers.get('location')).toBe('/control-planes');
    expect((await admin.get('/control-planes')).text).not.toContain('spare');
  });
});
