import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { asUtf8, parseJson, readText } from '../../src/cli/text.ts';
import { buildCli, commandLine, signedIn } from '../support/cli.ts';
import { operatorClient, QUICKSTART, startServer, TOKENS, temporaryDirectory } from '../support/server.ts';

vi.setConfig({ testTimeout: 60_000 });

const BYTE_ORDER_MARK = '\ufeff';
const RELEASES = JSON.stringify([{ version: '16.4.7', date: null, security: false }]);
const PLANES = JSON.stringify([{ name: 'acme', version: '16.4.7' }]);
const STATE = 'fairway: 1\nchannels:\n  - name: beta\n';
const HTML = '<!DOCTYPE html><title>Sign in</title>';
const DENIED = 'ERROR: access denied to perform action "list" on "instance"';

/** Commands that read a file, each with what it can read, and what it prints then. */
const COMMANDS: [string, string[], string, RegExp][] = [
  [
    'inventory import',
    ['inventory', 'import', '-c', 'stable/cloud'],
    readFileSync('config/samples/inventory.json', 'utf8'),
    /237 agents enrolled/,
  ],
  ['releases import', ['releases', 'import'], RELEASES, /imported|unchanged/],
  ['control-planes import', ['control-planes', 'import'], PLANES, /of 1 were new or changed/],
  ['apply', ['apply', '--dry-run'], STATE, /channel\/beta/],
  ['version parse --releases', ['version', 'parse', '16.4.8', '--releases'], RELEASES, /branch\/v16\.4/],
];

let fairway: ReturnType<typeof commandLine>;
let env: NodeJS.ProcessEnv;

async function atWork() {
  const server = await startServer(QUICKSTART);
  fairway = commandLine(server);
  env = signedIn(server);
  return server;
}

function file(content: string | Buffer): string {
  const dir = join(temporaryDirectory(), 'a place');
  mkdirSync(dir);
  writeFileSync(join(dir, 'file'), content);
  return join(dir, 'file');
}

it.each(COMMANDS)('%s reads a byte order mark and UTF-16', async (_, command, content, done) => {
  await atWork();
  for (const bytes of [BYTE_ORDER_MARK + content, Buffer.from(BYTE_ORDER_MARK + content, 'utf16le')]) {
    const { code, stdout, stderr } = await fairway([...command, file(bytes)]);
    expect(stdout, stderr).toMatch(done);
    expect(code).toBe(0);
  }
});

// The server reads inventories, the command line all other files.
it.each(COMMANDS.slice(0, 3))('%s has a sentence for each file that is none', async (_, command, content) => {
  await atWork();
  const cases: [string | Buffer, RegExp][] = [
    ['', /is empty/],
    [' \n', /is empty/],
    [gzipSync(content), /compressed with gzip/],
    [HTML, /HTML/],
    [DENIED, /error message.*ERROR: access denied|ERROR: access denied.*error message/s],
  ];
  cases.push([content.slice(0, -4), /ends in the middle/]);
  for (const [bytes, sentence] of cases) {
    const { code, stderr } = await fairway([...command, file(bytes)]);
    expect(stderr).toMatch(sentence);
    expect(code).toBe(2);
  }
});

it.each<[string, (text: string) => Buffer]>([
  ['little-endian, with its mark', (text) => Buffer.from(BYTE_ORDER_MARK + text, 'utf16le')],
  ['little-endian', (text) => Buffer.from(text, 'utf16le')],
  ['big-endian, with its mark', (text) => Buffer.from(BYTE_ORDER_MARK + text, 'utf16le').swap16()],
  ['big-endian', (text) => Buffer.from(text, 'utf16le').swap16()],
])('reads UTF-16, %s, in pieces of any size', async (_, encode) => {
  const bytes = encode('["für alle", "🚢"]');
  for (const size of [2, 3, 7, 1000]) {
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const read: Buffer[] = [];
    for await (const piece of asUtf8(pieces())) read.push(piece);
    expect(Buffer.concat(read).toString()).toBe('["für alle", "🚢"]');
  }
});

describe('a document', () => {
  it.each<[string, Buffer, string]>([
    ['Latin-1', Buffer.from('reason: für alle', 'latin1'), 'x is neither UTF-8 nor UTF-16; save it as UTF-8'],
    ['nothing', Buffer.from(''), 'x is empty'],
  ])('of %s is refused by the name of its file', (_, bytes, message) => {
    expect(() => readText(bytes, 'x')).toThrow(message);
    expect(() => readText(bytes, '-')).toThrow(message.replace('x is', 'standard input is'));
  });

  it.each(['[1, 2', '{"a": {"b": 1}', '["a\\"', '[{"a": "]}'])('that was cut off is told apart: %s', (content) => {
    expect(() => parseJson(content, 'x')).toThrow('x ends in the middle: it was cut off');
  });

  it.each(['[1,]', 'fairway: 1', '{"a" 1}', '[]]'])('that is not JSON is told apart: %s', (content) => {
    expect(() => parseJson(content, 'x')).toThrow('x is not JSON');
  });
});

it('signs in with a token that an editor or PowerShell wrote', async () => {
  await atWork();
  for (const bytes of [
    `${BYTE_ORDER_MARK}${TOKENS.admin}\r\n`,
    Buffer.from(`${BYTE_ORDER_MARK}${TOKENS.admin}\r\n`, 'utf16le'),
  ]) {
    expect(await fairway(['login'], { input: bytes })).toMatchObject({ code: 0 });
  }
  const { code, stderr } = await fairway(['login'], { input: 'two words' });
  expect([code, stderr]).toEqual([2, expect.stringContaining('is not a token')]);
});

it('refuses a reason that is not UTF-8 instead of storing it broken', async () => {
  const server = await atWork();
  const cli = await buildCli();
  // The shell passes the byte on as it is.
  const command = `'${process.execPath}' '${cli}' pin stable/cloud --yes --reason "f$(printf '\\374')r alle" 2>&1`;
  const child = spawn('sh', ['-c', command], { env: { ...env, PATH: process.env.PATH } });
  expect(await text(child.stdout)).toContain('reason: has bytes that are not UTF-8; send it again in UTF-8');

  const latin1 = await fetch(`${server.operatorUrl}/api/v1/channels/stable%2Fcloud/pin`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${TOKENS.admin}`, 'Content-Type': 'application/json' },
    body: Buffer.from('{"reason": "für alle"}', 'latin1'),
  });
  expect(latin1.status).toBe(422);
  expect((await operatorClient(server)('GET', '/channels/stable%2Fcloud')).body.pin).toBeNull();
});
