import { describe, expect, it } from 'vitest';
import { sharedServer } from './shared-server.ts';
import { exchange } from './wire.ts';

describe('health checks in HTTP/1.0, as load balancers send them', () => {
  const server = sharedServer();

  it.each([
    ['public', '/healthz', 'ok'],
    ['operator', '/healthz', 'ok'],
    ['operator', '/readyz', 'ready'],
  ] as const)('need no Host: %s %s', async (listener, path, body) => {
    const url = listener === 'public' ? server().publicUrl : server().operatorUrl;
    const reply = await exchange(url, `GET ${path} HTTP/1.0\r\n\r\n`);
    expect(reply).toMatch(new RegExp(`^HTTP/1.1 200 OK\r\n.*\r\n\r\n${body}$`, 's'));
  });
});
