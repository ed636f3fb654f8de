import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareAgentVersions, lineOfAgent, readAgentVersion, UNREADABLE } from '../../src/domain/agent-version.ts';
import { VERSIONS } from '../../src/store/redis-scripts/versions.ts';
import { type RedisProcess, startRedis } from '../support/redis-server.ts';
import { asAdmin } from './redis-harness.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const COMPARE = `${VERSIONS}
local all = {}
for i = 1, #ARGV, 2 do all[#all + 1] = compareVersions(ARGV[i], ARGV[i + 1]) end
return all`;
const LINES = `${VERSIONS}
local all = {}
for i = 1, #ARGV do all[i] = lineOf(ARGV[i]) end
return all`;
const run = <T>(lua: string, args: string[]) =>
  asAdmin(redis.url, (admin) => admin.eval(lua, 0, ...args) as Promise<T[]>);

const number = fc.oneof(fc.nat(3), fc.nat(120), fc.constantFrom(9_007_199_254_740_991, 4_294_967_296));
const identifier = fc.oneof(
  fc.constantFrom(
    'rc',
    'alpha',
    'beta',
    'Rc',
    'x',
    '-',
    '--1',
    'a1',
    'dev',
    '1a',
    '99999999999999999999',
    '99999999999999999998',
  ),
  fc.nat(12).map(String),
);
const suffix = fc.oneof(
  fc.constant(''),
  fc.array(identifier, { minLength: 1, maxLength: 4 }).map((all) => `-${all.join('.')}`),
);
const build = fc.constantFrom('', '', '+fips', '+fips.1-x');
const text = fc
  .tuple(number, number, number, suffix, build)
  .map(([a, b, c, pre, meta]) => `${a}.${b}.${c}${pre}${meta}`);
const cloud = fc.constantFrom(
  '17.0.0-cloud.20260102T030405.abcdef0',
  '17.0.0-cloud.20260103T030405.0bcdef0',
  '17.0.0-cloud.1',
);
const version = fc.oneof(
  { weight: 8, arbitrary: text.map(readAgentVersion) },
  { weight: 1, arbitrary: cloud.map(readAgentVersion) },
  { weight: 2, arbitrary: text.map(lineOfAgent) },
  { weight: 1, arbitrary: fc.constant(UNREADABLE) },
);
const nearby = fc
  .tuple(version, version, fc.boolean())
  .map(([a, b, near]) => (near ? [a, a.replace(/\d+$/, '7')] : [a, b]));

describe('versions in Lua', () => {
  it('compare as those of the domain', async () => {
    const pairs = fc.sample(nearby, 6_000) as [string, string][];
    const orders = await run<number>(COMPARE, pairs.flat());
    const compared = pairs.map(([a, b], nth) => `${a} ${b} ${orders[nth]}`);
    expect(compared).toEqual(pairs.map(([a, b]) => `${a} ${b} ${Math.sign(compareAgentVersions(a, b))}`));
    expect(new Set(orders).size).toBe(3);
  });

  it('have the lines of the domain', async () => {
    const versions = fc.sample(version, 3_000);
    const lines = await run<string>(LINES, versions);
    expect(versions.map((each, nth) => `${each} ${lines[nth]}`)).toEqual(
      versions.map((each) => `${each} ${lineOfAgent(each)}`),
    );
  });
});
