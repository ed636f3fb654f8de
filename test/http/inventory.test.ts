import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { instance, instanceId, inventory } from '../fixtures/inventory.ts';
import { operatorClient, QUICKSTART, startServer, type TestServer, TOKENS } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';
import { ask } from './wire.ts';

// Most of them list agents alone, without the cluster's own servers.
const IMPORT = '/inventory?channel=stable%2Fcloud&complete=true';
const MIB = 1024 * 1024;

async function started(settings: Raw = {}) {
  const server = await startServer({ ...QUICKSTART, ...settings });
  return { server, api: operatorClient(server) };
}

/** An import that the caller writes piece by piece. */
function upload(server: TestServer, headers: Record<string, string> = {}) {
  const sent = request(`${server.operatorUrl}/api/v1${IMPORT}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${TOKENS.admin}`, 'Content-Type': 'application/json', ...headers },
  });
  // The server may answer and close before it has read everything.
  sent.on('error', () => {});
  const answered = once(sent, 'response').then(async ([response]: IncomingMessage[]) => {
    const chunks: Buffer[] = [];
    for await (const chunk of response as IncomingMessage) chunks.push(chunk);
    return { status: response?.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) };
  });
  answered.catch(() => {});
  return { sent, answered };
}

/** Writes `chunks` no faster than they are read; stops when the server has answered. */
async function pour(sent: ClientRequest, chunks: Iterable<string>): Promise<void> {
  let over = false;
  let wake = () => {};
  const end = () => {
    over = true;
    wake();
  };
  sent.once('response', end).once('close', end);
  sent.on('drain', () => wake());
  for (const chunk of chunks) {
    const drained = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (over) return;
    if (!sent.write(chunk)) await drained;
  }
  sent.end();
}

describe('an inventory', () => {
  it('is counted: enrolled, skipped and oldest agents', async () => {
    const { api } = await started();
    const { status, body } = await api('POST', IMPORT, inventory());
    expect(status).toBe(200);
    expect(body).toMatchObject({ received: 244, enrolled: 237, skipped: 1, oldest: { version: '15.4.7', count: 6 } });
    expect(body).toMatchObject({ unreadable: 1, unmanaged: 4, unmappedGroups: { prod: 70 }, complete: true });
    expect(body.channels).toEqual([{ channel: 'stable/cloud', agents: 237, settling: null }]);
    expect(body.examples).toMatchObject({ unreadable: instanceId(236), unmanaged: instanceId(240) });
    const { body: census } = await api('GET', '/census?channel=stable%2Fcloud');
    expect(census).toMatchObject({
      channel: 'stable/cloud',
      agents: 237,
      oldest: { version: '15.4.7', count: 6 },
      versions: [
        { version: '16.4.6', count: 120 },
        { version: '16.4.3', count: 60 },
        { version: '16.3.0', count: 25 },
        { version: '16.1.8', count: 10 },
        { version: '16.0.0-cloud.20240520T101530.1a2b3c4', count: 1 },
        { version: '15.4.9', count: 14 },
        { version: '15.4.7', count: 6 },
      ],
      sources: [{ source: 'inventory', complete: true, fresh: true, agents: 237, skipped: 1, age: expect.any(Number) }],
    });
  });

  it('replaces the previous one: agents that left are gone', async () => {
    const { api } = await started();
    await api('POST', IMPORT, [instance(1, '16.4.6'), instance(2, '16.4.3'), instance(3, '15.4.9')]);
    await api('POST', IMPORT, [instance(2, '16.4.6'), instance(4, '16.4.6')]);
    const { body } = await api('GET', '/agents');
    expect(body.agents.map(({ id }: { id: string }) => id).sort()).toEqual([instanceId(2), instanceId(4)]);
    expectProblem(await api('GET', `/agents/${instanceId(1)}`), 404, 'not_found');
    expect((await api('GET', '/census?channel=stable%2Fcloud')).body).toMatchObject({
      agents: 2,
      versions: [{ version: '16.4.6', count: 2 }],
    });
  });

  it('replaces one of the same moment with the same figures, and is the same in another order', async () => {
    const { api } = await started();
    const lists = [1, 2, 3, 4].map((number) => instance(number, '16.4.6'));
    const send = (...numbers: number[]) =>
      api(
        'POST',
        IMPORT,
        numbers.map((number) => lists[number - 1]),
      );
    const ids = async () => (await api('GET', '/agents')).body.agents.map(({ id }: { id: string }) => id).sort();
    const moment = lists[0]?.spec.last_seen ?? '';
    for (const each of lists) each.spec.last_seen = moment;
    await send(1, 2);
    await send(1, 3);
    expect(await ids()).toEqual([1, 3].map(instanceId));
    await api('POST', '/inventory?channel=stable%2Fcloud&partial=true', [lists[3]]);
    await send(3, 1);
    expect(await ids(), 'what came again says nothing of the one that came between').toEqual([1, 3, 4].map(instanceId));
  });

  it('does not change other channels or check-ins', async () => {
    const { server, api } = await started();
    await api('PUT', '/channels/other', { target: '16.4.6' });
    await api('POST', '/inventory?channel=other&complete=true', [instance(7, '16.4.6')]);
    await ask(server.publicUrl, `/v1/version?host=${instanceId(8)}&agent_version=16.4.3`);
    await vi.waitFor(async () => expect((await api('GET', `/agents/${instanceId(8)}`)).status).toBe(200), 5_000);
    await api('POST', IMPORT, [instance(8, '16.4.6')]);
    await api('POST', IMPORT, [instance(9, '16.4.6')]);
    const { body } = await api('GET', '/agents');
    expect(body.agents.map(({ id }: { id: string }) => id).sort()).toEqual([7, 8, 9].map(instanceId));
    const { body: seen } = await api('GET', `/agents/${instanceId(8)}`);
    expect(seen.sources.map(({ source }: { source: string }) => source)).toEqual(['check-ins']);
  });

  it('may have no enrolled agent, and counts an agent that is listed twice once', async () => {
    const { api } = await started();
    const nobody = await api('POST', IMPORT, [instance(1, '16.4.6', 'none')]);
    expect(nobody.body).toMatchObject({ received: 1, enrolled: 0, skipped: 0, oldest: null, unmanaged: 1 });
    const twice = await api('POST', IMPORT, [instance(1, '16.4.3'), instance(1, '16.4.6')]);
    expect(twice.body).toMatchObject({
      received: 2,
      enrolled: 1,
      duplicates: 1,
      oldest: { version: '16.4.3', count: 1 },
    });
    expect(twice.body.examples).toMatchObject({ duplicates: instanceId(1) });
  });

  it('may arrive in pieces that are split anywhere', async () => {
    const { server } = await started();
    const { sent, answered } = upload(server);
    const text = JSON.stringify([{ ...instance(1, '16.4.6'), note: 'ä€😀' }, instance(2, '16.4.3')]);
    for (const byte of Buffer.from(text)) sent.write(Buffer.of(byte));
    sent.end();
    expect(await answered).toMatchObject({ status: 200, body: { received: 2, enrolled: 2 } });
  });

  it('may be pretty-printed, with surrounding white space', async () => {
    const { api } = await started();
    const text = `\n ${JSON.stringify(inventory(), null, 2)}\r\n\n`;
    expect(await api('POST', IMPORT, text)).toMatchObject({ status: 200, body: { enrolled: 237 } });
  });
});

describe('an inventory of agents that are odd', () => {
  const own = instance(99, '17.4.0', 'cluster');
  const spec = (index: number, over: object) => {
    const base = instance(index, '16.4.6', 'none');
    return { ...base, spec: { ...base.spec, ext_upgrader: 'unit', ...over } };
  };

  it('counts each of them, and none is lost', async () => {
    const { api } = await started();
    const listed = [
      own,
      null,
      { kind: 'instance' },
      spec(1, { version: '15.4.9+fips.1' }),
      spec(2, { version: 16 }),
      { ...spec(3, { version: 'V14.3' }), metadata: { name: 'bücher' } },
      spec(4, { UpdaterInfo: { UpdateGroup: 'default', UpdaterStatus: 'UPDATER_STATUS_PINNED' } }),
      spec(5, { updater_info: { update_group: 'nowhere', updater_status: 2 } }),
      {
        ...spec(6, { last_seen: '2020-01-01T00:00:00Z' }),
        metadata: { name: 'gone', expires: '2020-01-01T01:00:00Z' },
      },
    ];
    const { status, body } = await api('POST', '/inventory?channel=stable%2Fcloud', listed);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        ...{ received: 9, enrolled: 5, skipped: 1, unreadable: 3, anonymous: 1, expired: 1, pinned: 1, disabled: 1 },
        oldest: { version: '14.3.0', count: 1 },
        unmappedGroups: { nowhere: 1 },
        channels: [{ channel: 'stable/cloud', agents: 5 }],
        examples: { anonymous: 'bücher', expired: 'gone', pinned: instanceId(4), unreadable: 'entry 1' },
      },
    });
    const { body: report } = await api('POST', '/channels/stable%2Fcloud/check', { version: '17.0.0' });
    expect(report.reasons.map(({ version }: { version: string }) => version).slice(0, 3)).toEqual([
      '?',
      '14.3.0',
      '15.4.9+fips.1',
    ]);
    expect(report.warnings).toContainEqual({
      reason: 'expired',
      count: 1,
      detail:
        '1 agent had expired when the inventory was taken, so it is not counted; see: fairway census stable/cloud',
    });
    expect((await api('GET', '/agents/gone')).body).toMatchObject({ lastSeen: '2020-01-01T00:00:00.000Z' });
  });

  it('is no reason to forget an agent that is listed without its spec', async () => {
    const { api } = await started();
    const old = instance(1, '15.4.9', 'unit');
    const check = async () => (await api('POST', '/channels/stable%2Fcloud/check', { version: '17.0.0' })).body;
    await api('POST', '/inventory?channel=stable%2Fcloud', [own, old]);
    expect((await check()).reasons).toContainEqual(expect.objectContaining({ reason: 'agent_too_old' }));
    const later = [instance(99, '17.4.0', 'cluster'), { ...old, spec: null }];
    expect(await api('POST', '/inventory?channel=stable%2Fcloud', later)).toMatchObject({
      status: 200,
      body: { enrolled: 1, skipped: 1, unreadable: 1 },
    });
    const report = await check();
    expect(report.evidence[0]).toMatchObject({ source: 'inventory', agents: 1, skipped: 1 });
    const about = report.reasons.map(({ reason }: { reason: string }) => reason);
    expect(about.some((reason: string) => reason === 'agent_too_old' || reason === 'unknown_agent_version')).toBe(true);
  });

  it('may begin with a byte order mark', async () => {
    const { api } = await started();
    expect(await api('POST', IMPORT, `\uFEFF${JSON.stringify([own])}`)).toMatchObject({ status: 200 });
  });
});

describe('an inventory is believed', () => {
  const FILTERED = [instance(1, '16.4.6'), instance(2, '16.4.6')];
  const PATH = '/inventory?channel=stable%2Fcloud';
  const sources = async (api: Awaited<ReturnType<typeof started>>['api']) =>
    (await api('GET', '/census?channel=stable%2Fcloud')).body.sources.map(({ source }: { source: string }) => source);

  it('only if it lists one of the cluster itself, or the importer says how complete it is', async () => {
    const { api } = await started();
    expectProblem(await api('POST', PATH, FILTERED), 422, 'invalid', /partial=true.*complete=true/);
    expect(await sources(api)).toEqual(['presumed']);
    expectProblem(await api('POST', `${PATH}&partial=true&complete=true`, FILTERED), 422, 'invalid', /leave one/);
    const partial = await api('POST', `${PATH}&partial=true`, FILTERED);
    expect(partial.body).toMatchObject({ complete: false, enrolled: 2 });
    expect(await sources(api)).toEqual(['presumed']);
    expect((await api('GET', '/agents')).body.agents).toHaveLength(2);
    expect((await api('POST', `${PATH}&complete=true`, FILTERED)).body).toMatchObject({ complete: true });
    expect(await sources(api)).toEqual(['inventory']);
  });

  it('once a fall has settled: until then both numbers count', async () => {
    let offset = 0;
    const server = await startServer(QUICKSTART, { now: () => new Date(Date.now() + offset) });
    const api = operatorClient(server);
    const at = () => new Date(Date.now() + offset).toISOString();
    const list = (count: number) =>
      Array.from({ length: count }, (_, index) => {
        const one = instance(index, '15.4.9');
        return { ...one, metadata: { name: one.metadata.name }, spec: { ...one.spec, last_seen: at() } };
      });
    const settling = async (count: number) => (await api('POST', IMPORT, list(count))).body.channels[0].settling;
    const known = async () => (await api('GET', '/census?channel=stable%2Fcloud')).body.agents;
    expect(await settling(40)).toBeNull();
    offset += 1_000;
    expect(await settling(3)).toEqual({ from: 40, to: 3 });
    expect(await known()).toBe(40);
    offset += 14 * 60_000;
    expect(await settling(3)).toEqual({ from: 40, to: 3 });
    offset += 2 * 60_000;
    expect(await settling(3)).toBeNull();
    expect(await known()).toBe(3);
  });

  it('only if it is not older than the last', async () => {
    const { api } = await started();
    const seen = (last_seen: string) => [
      { ...instance(1, '16.4.6'), spec: { ...instance(1, '16.4.6').spec, last_seen } },
    ];
    expect(await api('POST', IMPORT, seen('2024-11-12T08:00:00Z'))).toMatchObject({ status: 200 });
    const older = await api('POST', IMPORT, seen('2024-11-11T08:00:00Z'));
    expectProblem(older, 422, 'invalid', /2024-11-11 08:00 UTC.*2024-11-12 08:00 UTC.*tctl/);
    expect(await api('POST', IMPORT, seen('2024-11-12T08:00:00Z'))).toMatchObject({ status: 200 });
  });

  it('and recorded with its digest', async () => {
    const { api } = await started();
    const text = JSON.stringify(FILTERED);
    await api('POST', `${PATH}&complete=true`, text);
    const [entry] = (await api('GET', '/audit?limit=1')).body.entries;
    expect(entry).toMatchObject({
      action: 'import-inventory',
      subject: 'stable/cloud',
      actor: 'token:admin',
      reason: expect.stringMatching(/vouches/),
      before: { channels: { 'stable/cloud': null } },
      after: {
        channels: { 'stable/cloud': 2 },
        address: expect.stringMatching(/127\.0\.0\.1/),
        sha256: createHash('sha256').update(text).digest('hex'),
      },
    });
  });
});

describe('an inventory of a control plane', () => {
  const PLANE = '/inventory?controlPlane=main';
  const CHANNELS = {
    groups: { 'Prod-EU': { channel: 'eu', group: 'prod' } },
    bootstrap: {
      controlPlanes: { main: '16.4.7', other: '16.4.7' },
      channels: ['stable/cloud', 'eu'].map((name) => ({ name, target: '16.4.6', controlPlane: 'main' })),
    },
  };
  const v2 = (index: number, update_group: string) => {
    const one = instance(index, '16.4.6', 'none');
    return { ...one, spec: { ...one.spec, updater_info: { update_group } } };
  };
  const list = () => [instance(9, '17.4.0', 'cluster'), v2(1, 'Prod-EU'), v2(2, 'EU'), v2(3, 'lost'), v2(4, 'default')];

  it('is spread over the channels that tell its agents', async () => {
    const { api } = await started(CHANNELS);
    const { body } = await api('POST', PLANE, [...list(), instance(5, '16.4.6')]);
    expect(body).toMatchObject({
      unmappedGroups: { lost: 1 },
      channels: [
        { channel: 'eu', agents: 2 },
        { channel: 'stable/cloud', agents: 3 },
      ],
    });
    const { body: agent } = await api('GET', `/agents/${instanceId(1)}`);
    expect(agent).toMatchObject({ channel: 'eu', group: 'prod' });
    for (const channel of ['eu', 'stable%2Fcloud']) {
      const { body: census } = await api('GET', `/census?channel=${channel}`);
      expect(census.sources).toMatchObject([{ source: 'inventory', complete: true, fresh: true }]);
    }
  });

  it('takes the place of those of its channels', async () => {
    const { api } = await started(CHANNELS);
    await api('POST', '/inventory?channel=eu', [instance(9, '17.4.0', 'cluster'), instance(7, '16.4.6')]);
    await api('POST', PLANE, list());
    expectProblem(await api('GET', `/agents/${instanceId(7)}`), 404, 'not_found');
  });

  it.each([
    ['names nothing', '/inventory', 422, 'invalid', /controlPlane=NAME or channel=NAME/],
    ['is unknown', '/inventory?controlPlane=nope', 404, 'not_found', /no control plane nope/],
    ['has no channel', '/inventory?controlPlane=other', 422, 'invalid', /no channel/],
    ['is not that of the channel', '/inventory?controlPlane=other&channel=eu', 422, 'invalid', /./],
  ])('is refused where it %s', async (_, path, status, code, detail) => {
    const { api } = await started(CHANNELS);
    expectProblem(await api('POST', path, list()), status, code, detail);
  });

  it('asks for a channel where nothing says which one tells an agent', async () => {
    const { api } = await started({ ...CHANNELS, defaultChannel: 'none' });
    expectProblem(await api('POST', PLANE, list()), 422, 'invalid', /entry 3 .*lost.*channel=NAME/);
    expect(await api('POST', `${PLANE}&channel=eu`, list())).toMatchObject({ status: 200 });
  });
});

describe('a faulty inventory changes nothing:', () => {
  const one = JSON.stringify(instance(1, '16.4.6'));

  it.each<[what: string, body: string, status: number, code: string, detail: RegExp]>([
    ['no JSON', 'tctl: command not found', 400, 'malformed', /JSON array.*nothing was changed/],
    ['nothing at all', '', 400, 'malformed', /JSON array/],
    ['an object', `{"instances":[${one}]}`, 400, 'malformed', /JSON array/],
    ['an empty object', '{}', 400, 'malformed', /JSON array/],
    ['a single instance', one, 400, 'malformed', /JSON array/],
    ['null', 'null', 400, 'malformed', /JSON array/],
    ['a number', '5', 400, 'malformed', /JSON array/],
    ['a string', '"[]"', 400, 'malformed', /JSON array/],
    ['an array that is cut off', `[${one},`, 400, 'malformed', /JSON array/],
    ['an instance that is cut off', `[${one},${one.slice(0, -20)}`, 400, 'malformed', /JSON array/],
    ['an array with a comma too many', `[${one},]`, 400, 'malformed', /JSON array/],
    ['something after the array', `[${one}] x`, 400, 'malformed', /JSON array/],
    ['a second array', `[${one}][${one}]`, 400, 'malformed', /JSON array/],
    ['one instance a line', `${one}\n${one}`, 400, 'malformed', /JSON array/],
    ['an empty array', '[]', 422, 'invalid', /empty/],
    ['a node among instances', `[${one},{"kind":"node","spec":{}}]`, 422, 'invalid', /entry 1 is of kind node/],
    ['an entry of 64 KiB', `[${one},{"a":"${'x'.repeat(65_536)}"}]`, 413, 'too_large', /entry 1 .*64 KiB/],
    ['an entry of 21 levels', `[${one},${'['.repeat(21)}${']'.repeat(21)}]`, 422, 'invalid', /entry 1 .*20 levels/],
  ])('%s', async (_, body, status, code, detail) => {
    const { api } = await started();
    await api('POST', IMPORT, inventory());
    expectProblem(await api('POST', IMPORT, body), status, code, detail);
    const { body: census } = await api('GET', '/census?channel=stable%2Fcloud');
    expect(census).toMatchObject({ agents: 237, sources: [{ agents: 237, skipped: 1 }] });
    // The next import succeeds.
    expect(await api('POST', IMPORT, [instance(1, '16.4.6')])).toMatchObject({ status: 200 });
  });

  it('an unknown channel', async () => {
    const { api } = await started();
    const reply = await api('POST', '/inventory?channel=stable%2Fclod', inventory());
    expectProblem(reply, 404, 'not_found', /stable\/clod/);
    expect((await api('GET', '/agents')).body.agents).toEqual([]);
  });

  it('a body whose client went away', async () => {
    const { server, api } = await started();
    await api('POST', IMPORT, inventory());
    const { sent } = upload(server);
    sent.write(`[${one},`);
    // The first import is being read once a second one is refused.
    await vi.waitFor(async () => expectProblem(await api('POST', IMPORT, inventory()), 429, 'rate_limited'));
    sent.destroy();
    await vi.waitFor(async () => {
      expect(await api('POST', IMPORT, [instance(1, '16.4.6')])).toMatchObject({ status: 200 });
    });
  });

  it('a body whose client stalls, and the next import does not wait', async () => {
    const { server, api } = await started({ fleet: { importIdle: '300ms' } });
    await api('POST', IMPORT, inventory());
    const { sent, answered } = upload(server);
    sent.write(`[${one},`);
    expect(await answered).toMatchObject({
      status: 400,
      body: { code: 'malformed', detail: expect.stringMatching(/sent nothing for 300 ms.*nothing was changed/) },
    });
    expect(await api('POST', IMPORT, [instance(1, '16.4.6')])).toMatchObject({ status: 200 });
    sent.destroy();
  });

  it('more than 64 MiB', async () => {
    const { server, api } = await started();
    await api('POST', IMPORT, inventory());
    const padding = 'x'.repeat(MIB / 32);
    let poured = 0;
    function* chunks() {
      yield '[';
      for (let i = 0; i < 2560; i++) {
        poured += padding.length;
        yield `${JSON.stringify({ ...instance(i, '16.4.6'), padding })},`;
      }
      yield `${one}]`;
    }
    const { sent, answered } = upload(server);
    await pour(sent, chunks());
    expect(await answered).toMatchObject({
      status: 413,
      body: { code: 'too_large', detail: expect.stringMatching(/64 MiB/) },
    });
    expect(poured).toBeGreaterThan(63 * MIB);
    sent.destroy();
    expect((await api('GET', '/census?channel=stable%2Fcloud')).body).toMatchObject({ agents: 237 });
    expect(await api('POST', IMPORT, [instance(1, '16.4.6')])).toMatchObject({ status: 200 });
  });
});

describe('a large inventory', () => {
  it('of 100,000 instances is imported while polls are answered', { timeout: 120_000 }, async () => {
    const { server, api } = await started();
    const COUNT = 100_000;
    function* chunks() {
      yield '[';
      for (let i = 0; i < COUNT; i += 100) {
        const batch = Array.from({ length: 100 }, (_, j) => JSON.stringify(instance(i + j, `16.4.${(i + j) % 7}`)));
        yield `${i === 0 ? '' : ','}${batch.join(',')}`;
      }
      yield ']';
    }
    const { sent, answered } = upload(server);
    let done = false;
    const imported = pour(sent, chunks()).then(() => answered);
    void imported.finally(() => {
      done = true;
    });
    let polls = 0;
    let slowest = 0;
    while (!done) {
      const start = performance.now();
      expect(await ask(server.publicUrl, '/v1/stable/cloud/version')).toMatchObject({ status: 200, body: 'v16.4.6' });
      slowest = Math.max(slowest, performance.now() - start);
      polls++;
    }
    expect(await imported).toMatchObject({
      status: 200,
      body: { received: COUNT, enrolled: COUNT, oldest: { version: '16.4.0' } },
    });
    expect(polls).toBeGreaterThan(20);
    // The updaters give up after 5 s at the earliest; this process also writes the inventory that it reads.
    expect(slowest).toBeLessThan(2_500);
    expect((await api('GET', '/census?channel=stable%2Fcloud')).body).toMatchObject({ agents: COUNT });
    expect((await api('GET', `/agents/${instanceId(COUNT - 1)}`)).status).toBe(200);
  });

  it('refuses another one until it is done', async () => {
    const { server, api } = await started();
    const { sent, answered } = upload(server);
    sent.write(`[${JSON.stringify(instance(1, '16.4.6'))}`);
    const refused = await vi.waitFor(async () => {
      const reply = await api('POST', IMPORT, [instance(2, '16.4.3')]);
      expect(reply.status).toBe(429);
      return reply;
    });
    expectProblem(refused, 429, 'rate_limited', /another inventory/);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    sent.end(']');
    expect(await answered).toMatchObject({ status: 200, body: { enrolled: 1 } });
    expect(await api('POST', IMPORT, [instance(2, '16.4.3')])).toMatchObject({ status: 200 });
  });
});
