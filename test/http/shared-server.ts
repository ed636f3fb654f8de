import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect } from 'vitest';
import { merge, type Raw } from '../../src/config/raw.ts';
import { type StartOptions, start } from '../../src/server.ts';
import { operatorClient, type Reply, type TestServer, testSettings } from '../support/server.ts';

/** One server for all tests of a file or a `describe` that change nothing, or only their own documents. */
export function sharedServer(
  overrides: Raw = {},
  options: Partial<StartOptions> = {},
  prepare: (server: TestServer) => Promise<unknown> = async () => {},
): () => TestServer {
  const dataDir = mkdtempSync(join(tmpdir(), 'fairway-test-'));
  let server: TestServer;
  beforeAll(async () => {
    const settings = testSettings(merge({ dataDir }, overrides));
    const log = pino({ level: 'silent' });
    server = { ...(await start({ settings, version: '0.0.0-test', log, ...options })), settings };
    await prepare(server);
  });
  afterAll(async () => {
    await server?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return () => server;
}

/** The state that a refused request must not change. */
export async function stateOf(server: TestServer): Promise<unknown> {
  const api = operatorClient(server);
  const [exported, audit] = [await api('GET', '/export'), await api('GET', '/audit?limit=1')];
  return { state: exported.body, newest: audit.body.entries[0]?.id };
}

/** Checks that a reply is a problem as RFC 9457 describes it, with a helpful sentence, and returns its body. */
export function expectProblem(reply: Reply, status: number, code: string, detail: RegExp = /\w+ \w+/) {
  expect({ status: reply.status, code: reply.body.code, detail: reply.body.detail }).toEqual({
    status,
    code,
    detail: expect.stringMatching(detail),
  });
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  expect(reply.body).toMatchObject({
    type: `urn:fairway:${code}`,
    title: expect.stringMatching(/^[A-Z]/),
    status,
  });
  return reply.body;
}
