import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { operatorClient, QUICKSTART } from '../support/server.ts';
import { sharedServer } from './shared-server.ts';

const GOLDEN = 'test/golden/openapi.json';

interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[];
  requestBody?: { required?: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, { description: string }>;
}

const server = sharedServer(QUICKSTART);

async function read() {
  const response = await fetch(`${server().operatorUrl}/openapi.json`);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  return (await response.json()) as {
    openapi: string;
    info: { title: string; version: string };
    servers: { url: string }[];
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, object>; securitySchemes: Record<string, object> };
  };
}

const operations = async () =>
  Object.entries((await read()).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

describe('the OpenAPI document', () => {
  // After an intended change: UPDATE_GOLDEN=1 npx vitest run --config test/vitest.config.ts test/http/openapi
  it('equals the reviewed one; UPDATE_GOLDEN=1 writes it, then read the difference', async () => {
    const document = await read();
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(GOLDEN, `${JSON.stringify(document, null, 2)}\n`);
    expect(document).toEqual(JSON.parse(readFileSync(GOLDEN, 'utf8')));
  });

  it('is of version 3.1, and names the API, its server and its authentication', async () => {
    const { openapi, info, servers, components } = await read();
    expect(openapi).toMatch(/^3\.1\./);
    expect(info).toMatchObject({ title: 'Fairway', version: '0.0.0-test' });
    expect(servers).toEqual([{ url: '/api/v1' }]);
    expect(components.securitySchemes).toMatchObject({ token: { type: 'http', scheme: 'bearer' } });
  });

  it('has every request of the design', async () => {
    const documented = (await operations()).map(({ method, path }) => `${method} ${path}`);
    const verbs = ['roll-forward', 'roll-back', 'pin', 'unpin', 'critical', 'withdraw', 'check'];
    expect(documented).toEqual(
      expect.arrayContaining([
        'GET /channels',
        ...['GET', 'PUT', 'DELETE'].map((method) => `${method} /channels/{channel}`),
        ...verbs.map((verb) => `POST /channels/{channel}/${verb}`),
        'GET /channels/{channel}/history',
        'GET /census',
        'GET /agents',
        'GET /agents/{id}',
        'DELETE /agents/{id}',
        'GET /agents/{id}/explain',
        'POST /inventory',
        'GET /control-planes',
        'GET /control-planes/{name}',
        'PUT /control-planes/{name}',
        'POST /control-planes/{name}/check',
        'GET /audit',
        'GET /audit/verify',
        'GET /events',
        'GET /export',
        'POST /apply',
        'GET /releases',
      ]),
    );
  });

  it('documents only endpoints that exist', async () => {
    for (const { method, path } of await operations()) {
      if (path === '/events') continue;
      const target = path.replace('{channel}', 'stable%2Fcloud').replace(/\{\w+\}/g, 'x');
      const reply = await operatorClient(server(), 'viewer')(method, target, method === 'GET' ? undefined : {});
      expect([method, path, JSON.stringify(reply.body)]).not.toEqual([
        method,
        path,
        expect.stringMatching(/there is no (GET|PUT|POST|DELETE)/),
      ]);
    }
  });

  it('gives every operation a unique name, for generated clients', async () => {
    const names = (await operations()).map(({ operation }) => operation.operationId ?? '');
    for (const name of names) expect(name).toMatch(/^[a-z]+([A-Z][a-z]+)+$/);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['listChannels', 'rollForwardChannel', 'promoteRelease']));
  });

  it('lists the values of every closed set', async () => {
    const { schemas } = (await read()).components;
    expect(schemas).toMatchObject({
      Problem: { properties: { code: { enum: expect.arrayContaining(['refused', 'revision_mismatch']) } } },
      Report: {
        properties: {
          reasons: { items: { properties: { reason: { enum: expect.arrayContaining(['agent_too_old']) } } } },
          warnings: { items: { properties: { reason: { enum: expect.arrayContaining(['out_of_support']) } } } },
        },
      },
    });
  });

  it('says of every operation what it does, which role it needs, and how it fails', async () => {
    for (const { path, operation } of await operations()) {
      expect(operation, path).toMatchObject({
        summary: expect.stringMatching(/^[A-Z].{5,}/),
        description: expect.stringMatching(/role (viewer|operator|release-manager|admin)/),
        tags: [expect.any(String)],
        security: [{ token: [] }],
      });
      expect(Object.keys(operation.responses)).toContain('default');
      expect(Object.keys(operation.responses).some((status) => status.startsWith('2'))).toBe(true);
      if (operation.requestBody) expect(operation.requestBody.required).toBe(true);
    }
  });

  it('describes every parameter of a path, and has no dangling reference', async () => {
    for (const { path, operation } of await operations()) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => name).sort()).toEqual(named.sort());
      for (const { required, schema } of inPath) expect([required, schema]).toEqual([true, expect.any(Object)]);
    }
    const document = await read();
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(document.components.schemas).toHaveProperty([name as string]);
    }
  });
});
