import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ROLES } from '../domain/role.ts';
import { parseVersion, VERSION_KINDS } from '../domain/version.ts';
import { channelName, controlPlaneName, duration, durationOrNone } from './fields.ts';
import { githubSettings, promotionSettings } from './promotion.ts';
import { merge, type Raw, readEnvironment, readYaml } from './raw.ts';

// Environment variables are strings.
const port = z
  .union(
    [
      z.int(),
      z
        .string()
        .regex(/^\d{1,5}$/)
        .transform(Number),
    ],
    'expected a port number',
  )
  .refine((number) => number >= 0 && number <= 65_535, 'expected a port number from 0 to 65535');
const listener = z.strictObject({ host: z.string().min(1), port });
const tls = z.strictObject({
  certificate: z.string().min(1),
  key: z.string().min(1),
  lookEvery: duration.default(10_000),
});
/** Of one cluster. */
const MAX_AUTH_SERVERS = 32;
const tokenName = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of A-Za-z0-9._-');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits: printf %s TOKEN | sha256sum');
const peerUrl = z
  .url({ protocol: /^https?$/, error: 'expected http://… or https://…' })
  .refine((url) => !URL.canParse(url) || new URL(url).username === '', 'leave out the credentials: none are sent');
const version = z
  .string()
  .refine((text) => parseVersion(text) !== null, 'expected a version X.Y.Z')
  .transform((text) => parseVersion(text)?.text ?? text);

const schema = z.strictObject({
  public: listener.extend({ tls: tls.nullable() }),
  operator: listener,
  workers: z.int().min(1).max(64),
  defaultChannel: channelName,
  redisUrl: z.url({ protocol: /^rediss?$/, error: 'expected redis://… or rediss://…' }).nullable(),
  dataDir: z.string().min(1),
  store: z.strictObject({ deadline: duration, compareEvery: duration }),
  fleet: z.strictObject({
    staleAfter: duration,
    flushEvery: duration,
    maxPending: z.int().min(1),
    maxAgents: z.int().min(1),
    maxUnenrolled: z.int().min(1),
    enrolment: z.strictObject({
      mode: z.enum(['open', 'token']),
      tokens: z.array(z.strictObject({ name: tokenName, sha256 })),
    }),
  }),
  compatibility: z.strictObject({
    presumeServedFor: duration,
    evidenceFreshFor: duration,
    catalogue: z.enum(['open', 'strict']),
  }),
  leader: z.strictObject({ lease: duration, plansEvery: duration, seriesEvery: duration }),
  sources: z.strictObject({
    every: duration,
    timeout: duration,
    metrics: z.record(channelName, z.array(peerUrl).min(1).max(MAX_AUTH_SERVERS)),
    controlPlanes: z.record(controlPlaneName, peerUrl),
  }),
  webapi: z.strictObject({
    clusterName: z.string().min(1),
    edition: z.enum(['oss', 'ent', 'community']),
    fips: z.boolean(),
  }),
  adminToken: z.string().min(16, 'an admin token has at least 16 characters').optional(),
  tokens: z.array(
    z.strictObject({
      name: tokenName,
      role: z.enum(ROLES),
      sha256,
      expires: z.iso.datetime({ offset: true }).optional(),
    }),
  ),
  bootstrap: z.strictObject({
    releases: z.string().nullable(),
    controlPlanes: z.record(controlPlaneName, version),
    channels: z.array(
      z.strictObject({
        name: channelName,
        target: version.optional(),
        description: z.string().optional(),
        accepts: z.array(z.enum(VERSION_KINDS)).min(1).optional(),
        versionPrefix: z.enum(['v', '']).optional(),
        needsHelm: z.boolean().optional(),
        controlPlane: z.string().nullable().optional(),
        toolsVersion: version.nullable().optional(),
      }),
    ),
  }),
  promotion: promotionSettings,
  github: githubSettings,
  log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']) }),
  shutdown: z.strictObject({ drain: durationOrNone, deadline: duration }),
});

/** The settings that depend on each other. */
const accessSchema = z.object(schema.pick({ tokens: true, adminToken: true, redisUrl: true }).shape);
type Access = z.output<typeof accessSchema>;

/** Everything that can be configured, checked and frozen. Durations are milliseconds. */
export type Settings = Readonly<Omit<z.output<typeof schema>, 'adminToken'>>;

/** All that is wrong with the configuration, a line each. */
export class SettingsError extends Error {
  readonly faults: string[];

  constructor(faults: string[]) {
    super(
      `the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
    this.faults = faults;
  }
}

/**
 * The shipped defaults, the file that FAIRWAY_CONFIG names laid over them, and the environment over both.
 * Throws `SettingsError` with every fault at once.
 */
export function loadSettings(defaultsFile: string, env: NodeJS.ProcessEnv): Settings {
  const files = [defaultsFile, ...(env.FAIRWAY_CONFIG ? [env.FAIRWAY_CONFIG] : [])];
  const faults: string[] = [];
  const read = (file: string) => {
    try {
      return readYaml(file);
    } catch (error) {
      faults.push((error as Error).message);
      return {};
    }
  };
  const raw = [...files.map(read), readEnvironment(env)].reduce(merge);
  try {
    const settings = validate(raw);
    if (faults.length === 0) return settings;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    faults.push(...error.faults);
  }
  throw new SettingsError(faults);
}

/** Checks merged settings. Throws `SettingsError`. */
export function validate(raw: Raw): Settings {
  const result = schema.safeParse(raw);
  const single = result.error?.issues.map(({ path, message }) => `${path.join('.') || 'settings'}: ${message}`) ?? [];
  // Looked at even where others are wrong, so that all faults are told at once.
  const access = accessSchema.safeParse(raw);
  const faults = [...single, ...(access.success ? findFaults(access.data) : [])];
  if (!result.success || faults.length > 0) throw new SettingsError(faults);
  const { adminToken: _, ...settings } = result.data;
  return deepFreeze({ ...settings, tokens: allTokens(result.data) });
}

export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** The token itself goes no further than this: whoever prints settings prints a hash. */
function allTokens({ tokens, adminToken }: Access): Settings['tokens'] {
  return adminToken ? [...tokens, { name: 'admin', role: 'admin', sha256: hashToken(adminToken) }] : tokens;
}

/** What a schema of single fields cannot see. */
function findFaults(access: Access): string[] {
  const faults: string[] = [];
  const names = allTokens(access).map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) faults.push(`tokens: the name "${twice}" is used twice`);
  if (access.redisUrl !== null && names.length === 0) {
    faults.push('tokens: with Redis nobody could sign in; set FAIRWAY_ADMIN_TOKEN or list tokens');
  }
  return faults;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
