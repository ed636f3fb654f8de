import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENVIRONMENT, merge, type Raw, readYaml } from '../../src/config/raw.ts';
import { readRedisAccess } from '../../src/config/redis-login.ts';
import { hashToken, loadSettings, type Settings, SettingsError, validate } from '../../src/config/settings.ts';
import { startServer, temporaryDirectory } from '../support/server.ts';

const DEFAULTS = 'config/default.yaml';
const SECRET = 'correct-horse-battery-staple';
const OTHER_SECRET = 'another-secret-of-the-tests';

/** A file for FAIRWAY_CONFIG. */
function configFile(text: string): string {
  const file = join(temporaryDirectory(), 'fairway.yaml');
  writeFileSync(file, text);
  return file;
}

const load = (env: NodeJS.ProcessEnv = {}): Settings => loadSettings(DEFAULTS, env);
const withDefaults = (over: Raw) => validate(merge(readYaml(DEFAULTS), over));

/** The faults that `work` throws. */
function faultsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    for (const fault of error.faults) expect(error.message).toContain(fault);
    for (const secret of [SECRET, OTHER_SECRET]) expect(error.message).not.toContain(secret);
    return error.faults;
  }
  throw new Error('nothing is wrong');
}

describe('FAIRWAY_CONFIG', () => {
  it('is merged over the defaults, mapping by mapping', () => {
    const settings = load({ FAIRWAY_CONFIG: configFile('fleet:\n  staleAfter: 1h\npublic:\n  port: 9000\n') });
    expect(settings.fleet).toMatchObject({ staleAfter: 3_600_000, flushEvery: 1_000, maxPending: 100_000 });
    expect(settings.public).toMatchObject({ host: '0.0.0.0', port: 9000 });
  });

  it('may be JSON, empty, or hold nothing but comments', () => {
    expect(load({ FAIRWAY_CONFIG: configFile('{"log": {"level": "warn"}}') }).log.level).toBe('warn');
    for (const text of ['', '# nothing\n', '---\n']) expect(load({ FAIRWAY_CONFIG: configFile(text) })).toEqual(load());
  });

  it('replaces lists as a whole', () => {
    const token = { name: 'ci', role: 'viewer', sha256: hashToken(SECRET) };
    const raw = merge({ tokens: [token, { ...token, name: 'b' }] }, { tokens: [token] });
    expect(raw).toEqual({ tokens: [token] });
  });

  it.each<[what: string, text: string]>([
    ['that is not YAML', `public: [\nadminToken: "${SECRET}`],
    ['with a key twice', `adminToken: ${SECRET}\nadminToken: ${SECRET}\n`],
    ['with a secret where YAML breaks', `redisUrl: "redis://:${SECRET}@host\\x"\n`],
    ['that holds a list', `- ${SECRET}\n`],
    ['that holds a text', SECRET],
  ])('%s is a fault that names the file and shows no secret', (_, text) => {
    const file = configFile(text);
    const faults = faultsOf(() => load({ FAIRWAY_CONFIG: file }));
    expect(faults.join('\n')).toContain(file);
  });

  it('that does not exist is a fault that names the file', () => {
    expect(faultsOf(() => load({ FAIRWAY_CONFIG: '/nowhere/fairway.yaml' }))).toEqual([
      expect.stringContaining('/nowhere/fairway.yaml'),
    ]);
  });

  it('names the line of a YAML error', () => {
    const file = configFile('public:\n  port: 1\n  host: [\n');
    expect(faultsOf(() => load({ FAIRWAY_CONFIG: file })).join('\n')).toMatch(/line \d/);
  });
});

describe('the environment', () => {
  const CASES: Record<string, [value: string, read: (settings: Settings) => unknown, expected: unknown]> = {
    FAIRWAY_HOST: ['10.0.0.1', ({ public: { host } }) => host, '10.0.0.1'],
    FAIRWAY_PORT: ['9080', ({ public: { port } }) => port, 9080],
    FAIRWAY_OPERATOR_HOST: ['10.0.0.2', ({ operator: { host } }) => host, '10.0.0.2'],
    FAIRWAY_OPERATOR_PORT: ['9081', ({ operator: { port } }) => port, 9081],
    REDIS_URL: ['rediss://r:6380/1', ({ redisUrl }) => redisUrl, 'rediss://r:6380/1'],
    FAIRWAY_DATA_DIR: ['/var/lib/fairway', ({ dataDir }) => dataDir, '/var/lib/fairway'],
    FAIRWAY_ADMIN_TOKEN: [
      SECRET,
      ({ tokens }) => tokens,
      [{ name: 'admin', role: 'admin', sha256: hashToken(SECRET) }],
    ],
    FAIRWAY_LOG_LEVEL: ['debug', ({ log: { level } }) => level, 'debug'],
  };
  const FILE = `
public: { host: file, port: 1 }
operator: { host: file, port: 2 }
redisUrl: redis://file
dataDir: file
adminToken: ${OTHER_SECRET}
log: { level: fatal }
`;

  it('has a case here for each of its variables', () => {
    for (const variable of Object.keys(CASES)) expect(ENVIRONMENT).toHaveProperty(variable);
  });

  it.each(Object.entries(CASES))('%s wins over the file and the defaults', (variable, [value, read, expected]) => {
    const FAIRWAY_CONFIG = configFile(FILE);
    const env = { FAIRWAY_CONFIG, [variable]: value };
    expect(read(load(env))).toEqual(expected);
    expect(read(load({ FAIRWAY_CONFIG }))).not.toEqual(expected);
    expect(read(load({ FAIRWAY_CONFIG, [variable]: '' }))).toEqual(read(load({ FAIRWAY_CONFIG })));
    expect(read(load({ FAIRWAY_ADMIN_TOKEN: OTHER_SECRET, [variable]: value }))).toEqual(expected);
  });

  it('ignores other variables', () => {
    expect(load({ PORT: '1', FAIRWAY_FLEET: 'x', HOST: 'x', FAIRWAY_REDIS_URL: 'redis://x' })).toEqual(load());
  });
});

describe('a fault', () => {
  it.each<[what: string, over: Raw, fault: RegExp]>([
    ['an unknown setting', { pubilc: {} }, /pubilc/],
    ['an unknown setting in a mapping', { fleet: { stale_after: '1h' } }, /fleet: .*stale_after/],
    [
      'an unknown setting of a token',
      { tokens: [{ name: 'x', role: 'viewer', sha256: hashToken('x'), token: SECRET }] },
      /tokens\.0: .*token/,
    ],
    ['a port that is not a number', { public: { port: 'http' } }, /public\.port: expected a port/],
    ['a port that is too high', { public: { port: 65_536 } }, /public\.port/],
    ['a port below zero', { operator: { port: -1 } }, /operator\.port/],
    ['half a port', { public: { port: 80.5 } }, /public\.port/],
    ['no port', { public: { port: null } }, /public\.port/],
    ['a word for a port', { public: { port: true } }, /public\.port/],
    ['blanks for a port', { public: { port: ' ' } }, /public\.port/],
    ['no host', { operator: { host: '' } }, /operator\.host/],
    ['a duration without a unit', { fleet: { staleAfter: '24' } }, /fleet\.staleAfter: .*24h/],
    ['a duration that is a number', { fleet: { flushEvery: 1000 } }, /fleet\.flushEvery/],
    ['a duration of 0', { store: { deadline: '0s' } }, /store\.deadline/],
    ['a duration with a sign', { store: { deadline: '-1s' } }, /store\.deadline/],
    ['a Redis URL with another scheme', { redisUrl: `http://:${SECRET}@host` }, /redisUrl: expected redis/],
    ['a Redis on no port', { redisUrl: `redis://user:${SECRET}@host:notaport` }, /redisUrl: expected redis/],
    ['a Redis URL without a scheme', { redisUrl: `${SECRET}@host:6379` }, /redisUrl/],
    ['an unknown role', { tokens: [{ name: 'x', role: 'root', sha256: hashToken('x') }] }, /tokens\.0\.role/],
    [
      'a token that is not hashed',
      { tokens: [{ name: 'x', role: 'viewer', sha256: SECRET }] },
      /tokens\.0\.sha256.*sha256sum/,
    ],
    ['an invalid token name', { tokens: [{ name: 'a b', role: 'viewer', sha256: hashToken('x') }] }, /tokens\.0\.name/],
    [
      'an invalid time',
      { tokens: [{ name: 'x', role: 'viewer', sha256: hashToken('x'), expires: '2027' }] },
      /tokens\.0\.expires/,
    ],
    ['a short admin token', { adminToken: 'hunter2' }, /adminToken: .*16/],
    [
      'a token name used twice',
      {
        tokens: [
          { name: 'x', role: 'viewer', sha256: hashToken('x') },
          { name: 'x', role: 'admin', sha256: hashToken('y') },
        ],
      },
      /"x" is used twice/,
    ],
    [
      'the name of the admin token used twice',
      { adminToken: SECRET, tokens: [{ name: 'admin', role: 'viewer', sha256: hashToken('x') }] },
      /"admin" is used twice/,
    ],
    ['Redis without a token', { redisUrl: 'redis://host' }, /tokens: .*FAIRWAY_ADMIN_TOKEN/],
    ['an invalid channel name', { bootstrap: { channels: [{ name: 'webapi/x' }] } }, /bootstrap\.channels\.0\.name/],
    ['an invalid default channel', { defaultChannel: 'Stable' }, /defaultChannel/],
    [
      'a target that is not a version',
      { bootstrap: { channels: [{ name: 'x', target: '16' }] } },
      /bootstrap\.channels\.0\.target/,
    ],
    ['an unknown kind', { bootstrap: { channels: [{ name: 'x', accepts: ['x'] }] } }, /accepts/],
    ['a control plane without a version', { bootstrap: { controlPlanes: { main: null } } }, /controlPlanes\.main/],
    ['an unknown log level', { log: { level: 'loud' } }, /log\.level/],
    ['a list for a mapping', { fleet: [] }, /fleet/],
    ['nothing for a mapping', { store: null }, /store/],
    ['a missing required setting', { public: { tls: { certificate: 'chain.pem' } } }, /^public\.tls\.key: is missing$/],
    [
      'a duration without a unit',
      { fleet: { staleAfter: 5 } },
      /^fleet\.staleAfter: expected a duration such as 500ms/,
    ],
    ['a number that is too low', { workers: 0 }, /^workers: must be 1 or more$/],
    ['a number that is too high', { workers: 65 }, /^workers: must be 64 or less$/],
    ['an empty list', { sources: { metrics: { x: [] } } }, /^sources\.metrics\.x: must not be empty$/],
    [
      'a text that is not one of the choices',
      { webapi: { edition: SECRET } },
      /^webapi\.edition: expected one of "oss", "ent"/,
    ],
    ['a word for a boolean', { webapi: { fips: SECRET } }, /^webapi\.fips: expected true or false$/],
    ['a share above one', { evidence: { maxFall: 1.5 } }, /^evidence\.maxFall: expected a share from 0 to 1/],
    ['a percentage above a hundred', { evidence: { maxFall: '120%' } }, /^evidence\.maxFall: expected a share/],
    ['a word for a share', { evidence: { maxFall: SECRET } }, /^evidence\.maxFall: expected a share/],
    ['a group without a channel', { groups: { 'Prod-EU': {} } }, /^groups\.Prod-EU\.channel: is missing$/],
    ['an invalid name', { bootstrap: { controlPlanes: { Main: '16.4.7' } } }, /Main: is not a valid name: expected/],
    ['an invalid address', { promotion: { prometheus: { url: SECRET } } }, /url: expected http:/],
  ])('is found: %s', (_, over, fault) => {
    const faults = faultsOf(() => withDefaults(over));
    expect(faults).toEqual([expect.stringMatching(fault)]);
  });

  it('is reported together with all others', () => {
    const faults = faultsOf(() =>
      load({
        FAIRWAY_CONFIG: configFile('fleet: { staleAfter: soon }\nnonsense: 1\n'),
        FAIRWAY_PORT: 'http',
        FAIRWAY_OPERATOR_PORT: '70000',
        FAIRWAY_ADMIN_TOKEN: 'short',
        FAIRWAY_LOG_LEVEL: 'loud',
      }),
    );
    expect(faults.sort()).toEqual([
      expect.stringContaining('adminToken'),
      expect.stringContaining('fleet.staleAfter'),
      expect.stringContaining('log.level'),
      expect.stringContaining('operator.port'),
      expect.stringContaining('public.port'),
      expect.stringContaining('nonsense'),
    ]);
  });

  it('in one setting does not hide faults between settings', () => {
    const faults = faultsOf(() =>
      withDefaults({
        public: { port: 'http' },
        redisUrl: 'redis://host',
        nonsense: true,
      }),
    );
    expect(faults).toEqual([
      expect.stringContaining('public.port'),
      expect.stringContaining('nonsense'),
      expect.stringContaining('FAIRWAY_ADMIN_TOKEN'),
    ]);
  });
});

describe('settings', () => {
  it('keep tokens as SHA-256 only', () => {
    const settings = load({ FAIRWAY_ADMIN_TOKEN: SECRET });
    expect(JSON.stringify(settings)).not.toContain(SECRET);
    expect(settings.tokens).toEqual([{ name: 'admin', role: 'admin', sha256: hashToken(SECRET) }]);
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('are frozen at every level', () => {
    const settings = load({ FAIRWAY_ADMIN_TOKEN: SECRET });
    const expectFrozen = (value: unknown) => {
      if (typeof value !== 'object' || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      Object.values(value).forEach(expectFrozen);
    };
    expectFrozen(settings);
  });

  it.each([
    [0.2, 0.2],
    ['20%', 0.2],
    ['0%', 0],
    ['12.5%', 0.125],
    [1, 1],
  ])('take the share %j as %d', (maxFall, share) => {
    expect(withDefaults({ evidence: { maxFall } }).evidence.maxFall).toBe(share);
  });

  it('take one proxy or several of a control plane, and groups in any spelling', () => {
    const groups = { 'Prod-EU': { channel: 'stable/cloud', group: 'prod' }, 'team/a b': { channel: 'x' } };
    const controlPlanes = { main: 'https://one.example', other: ['https://two.example', 'https://three.example'] };
    const settings = withDefaults({ groups, sources: { controlPlanes } });
    expect(settings.groups).toEqual(groups);
    expect(settings.sources.controlPlanes).toEqual({ main: ['https://one.example'], other: controlPlanes.other });
  });

  it('take durations of every unit as milliseconds, and versions as they are stored', () => {
    const settings = withDefaults({
      store: { deadline: '500ms', compareEvery: '30s' },
      fleet: { staleAfter: '5m', flushEvery: '2h' },
      compatibility: { presumeServedFor: '30d' },
      bootstrap: { controlPlanes: { main: 'v16.4.7' }, channels: [{ name: 'x', target: 'v16.4.6' }] },
    });
    expect(settings).toMatchObject({
      store: { deadline: 500, compareEvery: 30_000 },
      fleet: { staleAfter: 300_000, flushEvery: 7_200_000 },
      compatibility: { presumeServedFor: 2_592_000_000 },
      bootstrap: { controlPlanes: { main: '16.4.7' }, channels: [{ target: '16.4.6' }] },
    });
  });

  it.each([
    ['a missing file', 'nowhere.json', null],
    ['invalid JSON', 'bad.json', '['],
    ['another document', 'list.json', '[{"tag":"16.4.7"}]'],
  ])('that name %s as the release history are faulty', async (_, name, text) => {
    const file = join(temporaryDirectory(), name);
    if (text !== null) writeFileSync(file, text);
    const starting = startServer({ bootstrap: { releases: file } });
    await expect(starting).rejects.toThrow(SettingsError);
    await expect(starting).rejects.toThrow(file);
  });
});

describe('the way to Redis', () => {
  const server = (url: string) => ({ kind: 'server', url });
  const login = (env: NodeJS.ProcessEnv) => readRedisAccess(load({ FAIRWAY_ADMIN_TOKEN: SECRET, ...env }));

  it.each<[string, NodeJS.ProcessEnv, object]>([
    ['neither', { REDIS_URL: 'redis://host' }, { address: server('redis://host'), login: {} }],
    [
      'user and password in the URL',
      { REDIS_URL: 'redis://ann:p%40ss@host:1/2' },
      { address: server('redis://host:1/2'), login: { username: 'ann', password: 'p@ss' } },
    ],
    [
      'a password alone in the URL',
      { REDIS_URL: 'redis://:p%40ss@host' },
      { address: server('redis://host'), login: { password: 'p@ss' } },
    ],
    [
      'the user in the URL, the password beside it',
      { REDIS_URL: 'rediss://ann@host', FAIRWAY_REDIS_PASSWORD: OTHER_SECRET },
      { address: server('rediss://host'), login: { username: 'ann', password: OTHER_SECRET } },
    ],
  ])('is known with %s', (_, env, expected) => {
    expect(login(env)).toEqual(expected);
  });

  it.each<[string, Raw, RegExp]>([
    [
      'two passwords',
      { redisUrl: `redis://:${SECRET}@host`, redis: { passwordFile: '/p' } },
      /redis\.password: redisUrl/,
    ],
    ['two more', { redis: { password: SECRET, passwordFile: '/p' } }, /password and passwordFile: set only one/],
    ['two users', { redisUrl: 'redis://ann@host', redis: { username: 'bob' } }, /redis\.username: redisUrl/],
    ['TLS without TLS', { redisUrl: 'redis://host', redis: { tls: { caFile: '/ca' } } }, /begin it with rediss/],
    ['half a certificate', { redis: { tls: { certFile: '/cert' } } }, /set certFile and keyFile together/],
  ])('is a fault with %s', (_, over, fault) => {
    expect(faultsOf(() => withDefaults({ adminToken: SECRET, ...over }))).toEqual([expect.stringMatching(fault)]);
  });

  it('is a fault with files that cannot be read, all at once', () => {
    const redis = { passwordFile: '/nowhere/password', tls: { caFile: '/nowhere/ca' } };
    const settings = withDefaults({ adminToken: SECRET, redisUrl: 'rediss://host', redis });
    expect(faultsOf(() => readRedisAccess(settings))).toEqual([
      expect.stringMatching(/^redis\.passwordFile: cannot read the file: .*\/nowhere\/password/),
      expect.stringMatching(/^redis\.tls\.caFile: cannot read the file: .*\/nowhere\/ca/),
    ]);
  });
});
