import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { merge, type Raw, readYaml } from '../../src/config/raw.ts';
import { hashToken, type Settings, validate } from '../../src/config/settings.ts';
import type { Role } from '../../src/domain/role.ts';
import { type RunningServer, type StartOptions, start } from '../../src/server.ts';

/** A token of each role. */
export const TOKENS: Record<Role, string> = {
  viewer: 'viewer-token-of-the-tests',
  operator: 'operator-token-of-the-tests',
  'release-manager': 'release-manager-token-of-the-tests',
  admin: 'admin-token-of-the-tests',
};

/** A directory that is removed with the test. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The shipped defaults on free ports, with a token of each role and open enrolment, and `overrides` laid over them. */
export function testSettings(overrides: Raw = {}): Settings {
  const tokens = Object.entries(TOKENS).map(([role, token]) => ({ name: role, role, sha256: hashToken(token) }));
  const listeners = { public: { host: '127.0.0.1', port: 0 }, operator: { port: 0 } };
  const base = merge(readYaml('config/default.yaml'), {
    ...listeners,
    tokens,
    shutdown: { deadline: '1s' },
    fleet: { enrolment: { mode: 'open' } },
  });
  return validate(merge(base, overrides));
}

export type TestServer = RunningServer & { settings: Settings };

/** Starts a server with the embedded store in a temporary directory, unless overridden; it is closed with the test. */
export async function startServer(overrides: Raw = {}, options: Partial<StartOptions> = {}): Promise<TestServer> {
  const settings = testSettings(merge({ dataDir: temporaryDirectory() }, overrides));
  const server = await start({ settings, version: '0.0.0-test', log: pino({ level: 'silent' }), ...options });
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= server.close());
  onTestFinished(close);
  return { ...server, close, settings };
}

/** One channel at 16.4.6 behind a control plane at 16.4.7, as in the quick start. */
export const QUICKSTART: Raw = {
  bootstrap: {
    controlPlanes: { main: '16.4.7' },
    channels: [{ name: 'stable/cloud', target: '16.4.6', controlPlane: 'main' }],
  },
};

export interface Reply {
  status: number;
  headers: Headers;
  // Replies differ by route; each test states what it expects.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  body: any;
}

/** Calls the operator API of a server, as an admin unless another role is given. */
export function operatorClient({ operatorUrl }: RunningServer, role: Role | null = 'admin') {
  return async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> => {
    const response = await fetch(`${operatorUrl}/api/v1${path}`, {
      method,
      headers: {
        ...(role ? { Authorization: `Bearer ${TOKENS[role]}` } : {}),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const json = /\bjson/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
  };
}
