import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from '../../src/config/redis-url.ts';

const anonymous = { username: undefined, password: undefined, tls: false };
const sentinel = { kind: 'sentinel', tls: false, db: 0, sentinelPassword: undefined };
const cluster = { kind: 'cluster', tls: false };

describe('a URL of Redis', () => {
  it.each([
    ['redis://h:1/2', { ...anonymous, address: { kind: 'server', url: 'redis://h:1/2' } }],
    ['rediss://:p@h', { ...anonymous, password: 'p', tls: true, address: { kind: 'server', url: 'rediss://h' } }],
    [
      'redis://u:p@ss@h',
      { ...anonymous, username: 'u', password: 'p@ss', address: { kind: 'server', url: 'redis://h' } },
    ],
    [
      'redis+sentinel://a/mymaster',
      { ...anonymous, address: { ...sentinel, hosts: [{ host: 'a', port: 26379 }], primary: 'mymaster' } },
    ],
    [
      'rediss+sentinel://u:p%40ss@a:1,b,[::1]:3/my.master-1/4?sentinelPassword=s%23',
      {
        username: 'u',
        password: 'p@ss',
        tls: true,
        address: {
          kind: 'sentinel',
          hosts: [
            { host: 'a', port: 1 },
            { host: 'b', port: 26379 },
            { host: '::1', port: 3 },
          ],
          tls: true,
          primary: 'my.master-1',
          db: 4,
          sentinelPassword: 's#',
        },
      },
    ],
    ['redis+cluster://a', { ...anonymous, address: { ...cluster, hosts: [{ host: 'a', port: 6379 }] } }],
    [
      'redis+cluster://:100%@a.b:1,c-d:2/',
      {
        ...anonymous,
        password: '100%',
        address: {
          ...cluster,
          hosts: [
            { host: 'a.b', port: 1 },
            { host: 'c-d', port: 2 },
          ],
        },
      },
    ],
  ])('%s', (url, expected) => {
    expect(parseRedisUrl(url)).toEqual(expected);
  });

  it.each([
    '',
    'http://h',
    'redis://h:notaport',
    'redis+sentinel://a:1,b:2',
    'redis+sentinel://a/two/0/more',
    'redis+sentinel://a/my master',
    'redis+sentinel:///mymaster',
    'redis+cluster://',
    'redis+cluster://a,',
    'redis+cluster://a:70000',
    'redis+cluster://a:0',
    'redis+cluster://a/1',
    'redis+cluster://a?x=1',
    'redis+cluster://u@v@a',
    `redis+cluster://${Array.from({ length: 33 }, (_, n) => `h${n}`).join()}`,
    'redis+other://a',
  ])('is not %s', (url) => {
    expect(parseRedisUrl(url)).toBeNull();
  });
});
