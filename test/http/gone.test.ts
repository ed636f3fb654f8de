import { Writable } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { QUICKSTART, TOKENS } from '../support/server.ts';
import { sharedServer } from './shared-server.ts';
import { open } from './wire.ts';

describe('a client that leaves in the middle of a body', () => {
  const logged: string[] = [];
  const log = new Writable({
    write(line, _encoding, done) {
      logged.push(String(line));
      done();
    },
  });
  const github = { webhookSecret: 'a secret of the tests', repository: 'gravitational/teleport' };
  const server = sharedServer({ ...QUICKSTART, github }, { log: pino({ level: 'error' }, log) });

  /** The statuses of all requests so far. */
  async function answered(): Promise<string[]> {
    const metrics = await (await fetch(`${server().operatorUrl}/metrics`)).text();
    const counts = metrics.matchAll(/duration_seconds_count\{.*method="POST",code="(\d+)"\} (\d+)/g);
    return [...counts].flatMap(([, code = '', count]) => Array<string>(Number(count)).fill(code));
  }

  it.each<[path: string, type: string]>([
    ['/sign-in', 'application/x-www-form-urlencoded'],
    ['/sign-in', 'multipart/form-data; boundary=x'],
    ['/api/v1/channels/stable%2Fcloud/pin', 'application/json'],
    ['/api/v1/apply', 'application/yaml'],
    ['/api/v1/inventory?channel=stable%2Fcloud', 'application/json'],
    ['/hooks/github', 'application/json'],
  ])('of POST %s, %s, causes no server error', async (path, type) => {
    const head = [
      `POST ${path} HTTP/1.1`,
      'Host: fairway.test',
      `Authorization: Bearer ${TOKENS.admin}`,
      'X-Hub-Signature-256: sha256=00',
      `Content-Type: ${type}`,
    ];
    for (const [length, body] of [
      ['Content-Length: 100', '[{"a"'],
      ['Transfer-Encoding: chunked', '5\r\n[{"a"\r\n'],
    ]) {
      const before = await answered();
      const socket = open(server().operatorUrl);
      socket.write([...head, length, '', body].join('\r\n'), () => socket.destroy());
      await vi.waitFor(async () => expect(await answered()).toHaveLength(before.length + 1));
    }
    expect((await answered()).filter((code) => code !== '400')).toEqual([]);
    expect(logged).toEqual([]);
  });
});
