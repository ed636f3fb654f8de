import fc, { type Arbitrary } from 'fast-check';
import { ENROLMENT_TOKEN } from './twins.ts';

/** One of the values, chosen by weight. */
const weighted = <T>(...options: [weight: number, arbitrary: Arbitrary<T>][]) =>
  fc.oneof(...options.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const of = <T>(...values: T[]) => fc.constantFrom(...values);

const KNOWN_PATH = of(
  '/v1/stable/cloud/version',
  '/v1/stable/cloud/critical',
  '/v1/urgent/version',
  '/v1/urgent/critical',
  '/v1/empty/version',
  '/v1/a.b-c_d/version',
);
const ODD_TARGET = of(
  '/',
  '*',
  '/healthz',
  '/v1/version',
  '/v1/unknown/version',
  '/v1/stable/cloud//version',
  '/v1/stable/cloud/version/',
  '/v1/stable%2Fcloud/version',
  '/v1/stable/cloud/version?',
  '/v1/stable/cloud/version#x',
  '/v1/stable/cloud/version?host=a-1&agent_version=16.4.6&updater=kube',
  '/v1/stable/cloud/critical?host=%ff&group=x',
  '/webapi/find?group=urgent',
  '/webapi/automaticupgrades/channel/urgent/version',
  'http://other.test/v1/stable/cloud/version',
  'https://other.test:443/v1/urgent/critical?x=1',
  'v1/stable/cloud/version',
  'fairway.test:443',
  '/v1/st\u00e4ble/version',
  '/v1/stable/cloud/ver\0sion',
  '/v1/stable/cloud/ver sion',
  '/v1/__proto__/version',
  '',
);

const CHECK_IN = fc.tuple(
  of(
    'Agent-Id',
    'Agent-Version',
    'Updater-Kind',
    'Updater-Version',
    'Agent-Group',
    'Agent-Token',
    'agent-id',
    'AGENT-VERSION',
  ),
  of(
    'agent-1',
    'agent-2',
    '16.4.6',
    'v15.0.0',
    'unit',
    'kube',
    'prod',
    ENROLMENT_TOKEN,
    'not valid',
    'x'.repeat(200),
    '1',
    '"',
  ),
);
const PLAIN_FIELD = weighted<[string, string]>(
  [6, CHECK_IN],
  [
    1,
    of(
      ['User-Agent', 'curl/8.5.0'],
      ['Accept', '*/*'],
      ['accept-encoding', 'gzip, br'],
      ['X-Forwarded-For', '10.0.0.1, ::1'],
    ),
  ],
  [1, of(['Connection', 'keep-alive'], ['connection', 'Keep-Alive'], ['Via', '1.1 proxy  (x)'])],
);
const ODD_FIELD = weighted<[string, string]>(
  [
    3,
    fc.tuple(
      of('Connection', 'connection'),
      of('close', 'Close', 'CLOSE', 'upgrade', 'close, keep-alive', 'keep-alive, Upgrade', 'x', ''),
    ),
  ],
  [2, fc.tuple(of('If-None-Match', 'if-none-match'), of('*', '"v16.4.6"', 'W/"v16.4.6", "x"', '""', ''))],
  [
    2,
    fc.tuple(of('Content-Length', 'content-length'), of('0', '5', '05', '-1', '5, 5', 'x', '', '99999999999999999999')),
  ],
  [2, fc.tuple(of('Transfer-Encoding'), of('chunked', 'identity', 'gzip, chunked', 'chunked, gzip', 'x', ''))],
  [1, fc.tuple(of('Expect'), of('100-continue', '100-Continue', 'wonders', ''))],
  [1, fc.tuple(of('Upgrade'), of('websocket', 'h2c', ''))],
  [2, fc.tuple(of('Host', 'host', 'HOST'), of('again.test', '', 'a b', '\u00e4'))],
  [
    1,
    fc.tuple(
      of('Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Range', 'X-Y', 'Cookie'),
      of('close', 'timeout=5', 'x'),
    ),
  ],
  [
    1,
    fc.tuple(
      of('Agent Id', 'Agent-Id ', ' Agent-Id', '', 'A(b)', 'Ag\u00e9nt', 'A\0', '\tX', 'x'.repeat(300)),
      of('x', ''),
    ),
  ],
  [
    2,
    fc.tuple(
      of('Agent-Id', 'User-Agent', 'Accept'),
      of('', ' ', 'a\0b', 'a\rb', 'a\nb', 'a\r\n b', '\u00e4\u00ff', '\x7f', '\x01', 'a\tb', 'x'.repeat(2_100)),
    ),
  ],
  [1, fc.tuple(of('X-Huge', 'Agent-Group'), of('x'.repeat(9_000), 'y'.repeat(17_000)))],
);

interface Shape {
  method: string;
  target: string;
  version: string;
  fields: [string, string][];
  space: string;
  colon: string;
  eol: string;
  body: string;
}

const write = ({ method, target, version, fields, space, colon, eol, body }: Shape): string =>
  [[method, target, version].join(space), ...fields.map(([name, value]) => name + colon + value), '', body].join(eol);

const withHost = (fields: [string, string][]): [string, string][] => [['Host', 'fairway.test'], ...fields];

/** Polls as agents send them, each with some of the fields of `odd`. */
const polls = (odd: Arbitrary<[string, string][]>, target: Arbitrary<string> = KNOWN_PATH) =>
  fc
    .record({
      method: weighted([4, of('GET')], [1, of('HEAD')]),
      target,
      fields: fc.array(PLAIN_FIELD, { maxLength: 4 }),
      close: weighted([9, of(false)], [1, of(true)]),
      odd,
    })
    .map(({ close, fields, odd, ...rest }) => {
      const all = [...fields, ...odd, ...(close ? [['Connection', 'close'] as [string, string]] : [])];
      return write({
        ...rest,
        fields: withHost(all),
        version: 'HTTP/1.1',
        space: ' ',
        colon: ': ',
        eol: '\r\n',
        body: '',
      });
    });

const plain = polls(fc.constant([]));
const SLIP = of(
  ...([
    [': ', ' : '],
    [': ', ':\t'],
    [': ', ':'],
    ['\r\n', '\n'],
    ['.test\r\n', '.test\n'],
    ['\r\n\r\n', '\n\n'],
    [' HTTP', '  HTTP'],
    ['1.1', '1.0'],
    ['\r\n', ' \r\n'],
  ] as const),
);
const almostPlain = fc.oneof(
  polls(ODD_FIELD.map((field) => [field])),
  polls(fc.constant([]), ODD_TARGET),
  fc.tuple(plain, SLIP).map(([poll, [right, wrong]]) => poll.replace(right, wrong)),
);

/** A request in which any part may be unusual, but most are not. */
const odd = fc
  .record({
    method: weighted(
      [8, of('GET', 'HEAD')],
      [2, of('POST', 'get', 'OPTIONS', 'CONNECT', 'PRI', 'M-SEARCH', 'FETCH', '')],
    ),
    target: weighted([3, KNOWN_PATH], [2, ODD_TARGET]),
    version: weighted(
      [8, of('HTTP/1.1')],
      [2, of('HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.11', 'http/1.1', 'HTTP/1', '', 'ICE/1.0')],
    ),
    fields: fc.array(weighted([2, PLAIN_FIELD], [1, ODD_FIELD]), { maxLength: 6 }),
    host: weighted([8, of(true)], [1, of(false)]),
    space: weighted([15, of(' ')], [1, of('  ', '\t', '')]),
    colon: weighted([8, of(': ')], [2, of(':', ':  ', ' : ', ':\t', ': \r\n ')]),
    eol: weighted([15, of('\r\n')], [1, of('\n', '\r', '\r\r\n', '\r\n\r\n')]),
    body: weighted([6, of('')], [2, of('hello', '5\r\nhello\r\n0\r\n\r\n', '\r\n', '\n', '\0')]),
  })
  .map(({ host, fields, ...rest }) => write({ ...rest, fields: host ? withHost(fields) : fields }));

const noise = weighted(
  [2, of('\r\n', '\n', '\r', '\r\n\r\n', ' ', '\0')],
  [1, fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'))],
);

const request = weighted([3, plain], [4, almostPlain], [4, odd], [1, noise]);

interface Edit {
  at: number;
  remove: number;
  insert: string;
}
const edit: Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(2),
  insert: weighted(
    [1, of('', '\r', '\n', '\r\n', ' ', ':', '\t', '\0', ',', 'x', '?', '%', '/', '\x7f', '\u00ff')],
    [1, fc.nat(255).map((byte) => String.fromCharCode(byte))],
  ),
});

const apply = (bytes: string, { at, remove, insert }: Edit) => {
  const from = Math.floor(at * bytes.length);
  return bytes.slice(0, from) + insert + bytes.slice(from + remove);
};

/** The chunks that a client sends on one connection: requests one by one, pipelined, damaged, cut anywhere. */
export const conversation: Arbitrary<string[]> = fc
  .record({
    first: fc.array(plain, { maxLength: 3 }),
    last: fc.array(request, { minLength: 1, maxLength: 3 }),
    edits: weighted([3, fc.constant<Edit[]>([])], [1, fc.array(edit, { minLength: 1, maxLength: 2 })]),
    cuts: weighted(
      [3, fc.constant<number[]>([])],
      [2, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 })],
    ),
    pipelined: weighted([3, of(false)], [1, of(true)]),
  })
  .map(({ first, last, edits, cuts, pipelined }) => {
    const whole = pipelined ? [last.join('')] : last;
    const damaged = whole.map((chunk, index) => (index === 0 ? edits.reduce(apply, chunk) : chunk));
    return [...first, ...damaged.flatMap((chunk) => cutAt(chunk, cuts))].filter((chunk) => chunk !== '');
  });

function cutAt(chunk: string, cuts: number[]): string[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * chunk.length)).sort((a, b) => a - b), chunk.length];
  return places.slice(1).map((place, index) => chunk.slice(places[index], place));
}
