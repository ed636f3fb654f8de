import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import type { Raw } from '../../src/config/raw.ts';
import { instance, instanceId, inventory } from '../fixtures/inventory.ts';
import { operatorClient, QUICKSTART, startServer, type TestServer, TOKENS } from '../support/server.ts';
import { expectProblem } from './shared-server.ts';
import { ask } from './wire.ts';

const IMPORT = '/inventory?channel=stable%2Fcloud';
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
    expect(body).toEqual({ received: 244, enrolled: 236, skipped: 1, oldest: { version: '15.4.7', count: 6 } });
    const { body: census } = await api('GET', '/census?channel=stable%2Fcloud');
    expect(census).toMatchObject({
      channel: 'stable/cloud',
      agents: 236,
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
      sources: [{ source: 'inventory', complete: true, fresh: true, agents: 236, skipped: 1, age: expect.any(Number) }],
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

  it('does not change other channels or check-ins', async () => {
    const { server, api } = await started();
    await api('PUT', '/channels/other', { target: '16.4.6' });
    await api('POST', '/inventory?channel=other', [instance(7, '16.4.6')]);
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
    expect(nobody.body).toEqual({ received: 1, enrolled: 0, skipped: 0, oldest: null });
    const twice = await api('POST', IMPORT, [instance(1, '16.4.3'), instance(1, '16.4.6')]);
    expect(twice.body).toMatchObject({ received: 2, enrolled: 1, oldest: { version: '16.4.6', count: 1 } });
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
    expect(await api('POST', IMPORT, text)).toMatchObject({ status: 200, body: { enrolled: 236 } });
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
    ['a number among instances', `[${one},5]`, 422, 'invalid', /entry 1 .*not an instance/],
    ['null among instances', `[null,${one}]`, 422, 'invalid', /entry 0 /],
    ['an instance without a name', `[${one},${one},{"metadata":{},"spec":{}}]`, 422, 'invalid', /entry 2 /],
    ['an instance without a spec', `[{"metadata":{"name":"x"}}]`, 422, 'invalid', /entry 0 /],
    ['a version that is a number', `[{"metadata":{"name":"x"},"spec":{"version":16}}]`, 422, 'invalid', /entry 0 /],
  ])('%s', async (_, body, status, code, detail) => {
    const { api } = await started();
    await api('POST', IMPORT, inventory());
    const problem = expectProblem(await api('POST', IMPORT, body), status, code, detail);
    if (detail.source.includes('entry')) expect(problem.errors[0].path).toMatch(/^\d/);
    if (detail.source.includes('entry')) expect(problem.errors[0].message).not.toMatch(/Invalid input/);
    const { body: census } = await api('GET', '/census?channel=stable%2Fcloud');
    expect(census).toMatchObject({ agents: 236, sources: [{ agents: 236, skipped: 1 }] });
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
    const padding = 'x'.repeat(MIB / 2);
    let poured = 0;
    function* chunks() {
      yield '[';
      for (let i = 0; i < 160; i++) {
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
    expect((await api('GET', '/census?channel=stable%2Fcloud')).body).toMatchObject({ agents: 236 });
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
