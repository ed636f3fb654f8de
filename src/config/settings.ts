import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isGroup } from '../domain/agent.ts';
import { PURPOSES } from '../domain/purpose.ts';
import { ROLES } from '../domain/role.ts';
import { parseVersion, VERSION_KINDS } from '../domain/version.ts';
import { sayFault } from './faults.ts';
import { channelName, controlPlaneName, duration, durationOrNone, share } from './fields.ts';
import { sourceLogin } from './peer-login.ts';
import { githubSettings, promotionSettings } from './promotion.ts';
import { merge, type Raw, readEnvironment, readYaml } from './raw.ts';
import { redisFaults, redisSettings } from './redis.ts';
import { parseRedisUrl, REDIS_URL_FORMS } from './redis-url.ts';
import { freezesSchema, rolloutSchema, watchSchema, windowSchema } from './rollout.ts';

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
  .refine((number) => number >= 0 && number <= 65_535, 'expected a port number from 0 to 65535')
  .meta({ title: 'port' });
const listener = z.strictObject({
  host: z.string().min(1).describe('address to listen on; 0.0.0.0: all addresses'),
  port: port.describe('0: any free port'),
});
const tls = z.strictObject({
  certificate: z.string().min(1).describe('file with the certificate and its chain, PEM'),
  key: z.string().min(1).describe('file with the private key, PEM, without a passphrase'),
  lookEvery: duration.prefault('10s').describe('how often to check the files for changes'),
});
const operatorListener = listener.extend({
  tls: tls.nullable(),
  maxConnections: z.int().min(1),
  metrics: z.enum(['open', 'token']),
  limits: z.strictObject({
    perToken: z.int().min(1),
    perAddress: z.int().min(1),
    atOnce: z.int().min(1),
  }),
});
/** The most auth servers, and the most proxies, of one cluster. */
const MAX_AUTH_SERVERS = 32;
const MAX_PROXIES = 32;
const tokenName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of A-Za-z0-9._-')
  .describe('unique name');
const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits: printf %s TOKEN | sha256sum')
  .meta({ title: 'SHA-256, in hex', description: 'of the token; the token itself is not stored' });
const peerUrl = z
  .url({ protocol: /^https?$/, error: 'expected http://… or https://…' })
  .refine(
    (url) => !URL.canParse(url) || new URL(url).username === '',
    'leave out the credentials; name a file in sources.logins',
  )
  .meta({ title: 'URL' });
const NO_PROXIES = 'expected http://… or https://…, or a list of these; credentials go to a file in sources.logins';
const proxies = z.array(peerUrl).min(1).max(MAX_PROXIES);
const groupTarget = z.strictObject({
  channel: channelName,
  group: z.string().refine(isGroup, 'expected 1 to 64 of A-Za-z0-9._:-').optional(),
});
const version = z
  .string()
  .refine((text) => parseVersion(text) !== null, 'expected a version X.Y.Z')
  .transform((text) => parseVersion(text)?.text ?? text)
  .meta({ title: 'version' });

/** All settings, as they are written. Their meanings are the comments in `config/default.yaml` or descriptions here. */
export const settingsSchema = z.strictObject({
  public: listener.extend({ tls: tls.nullable() }),
  operator: operatorListener,
  workers: z.int().min(1).max(64),
  fastLane: z.boolean(),
  defaultChannel: channelName,
  redisUrl: z
    .string()
    .refine((url) => parseRedisUrl(url) !== null, `expected ${REDIS_URL_FORMS}`)
    .nullable(),
  redis: redisSettings,
  dataDir: z.string().min(1),
  store: z.strictObject({
    deadline: duration,
    compareEvery: duration,
    maxStaleness: duration,
    replication: z.strictObject({ replicas: z.int().min(0).max(10), timeout: duration }),
  }),
  fleet: z.strictObject({
    staleAfter: duration,
    flushEvery: duration.describe('how often check-ins are written to the store'),
    maxPending: z.int().min(1),
    maxAgents: z.int().min(1),
    maxUnenrolled: z.int().min(1),
    importIdle: duration,
    enrolment: z.strictObject({
      mode: z.enum(['open', 'token']),
      tokens: z.array(z.strictObject({ name: tokenName, sha256 })),
    }),
    contestedFor: duration,
  }),
  retention: z.strictObject({ releases: duration.nullable(), deleted: duration.nullable() }),
  freezes: freezesSchema,
  groups: z.record(z.string().min(1).max(64), groupTarget),
  compatibility: z.strictObject({
    presumeServedFor: duration,
    evidenceFreshFor: duration,
    catalogue: z.enum(['open', 'strict']),
    unmanaged: z.enum(['warn', 'refuse']),
  }),
  evidence: z.strictObject({ settleFor: duration, maxFall: share }),
  leader: z.strictObject({
    lease: duration,
    plansEvery: duration,
    seriesEvery: duration,
    lateBy: duration.describe('how late a scheduled change is still carried out'),
  }),
  sources: z.strictObject({
    every: duration.describe('how often the sources are read'),
    timeout: duration,
    caFile: z.string().min(1).nullable(),
    logins: z.array(sourceLogin).max(100),
    metrics: z.record(channelName, z.array(peerUrl).min(1).max(MAX_AUTH_SERVERS)),
    controlPlanes: z.record(controlPlaneName, z.union([peerUrl.transform((url) => [url]), proxies], NO_PROXIES)),
  }),
  webapi: z.strictObject({
    clusterName: z.string().min(1).describe('the name that clients show'),
    edition: z
      .enum(['oss', 'ent', 'community'])
      .nullable()
      .describe('the packages that clients install; null: not shown'),
    fips: z.boolean().describe('do clients install the FIPS build?'),
    toolsAutoUpdate: z.boolean().describe('do client tools update themselves?'),
  }),
  adminToken: z
    .string()
    .min(16, 'an admin token has at least 16 characters')
    .optional()
    .describe('a token with the role admin, at least 16 characters; better set in the environment than in a file'),
  tokens: z.array(
    z.strictObject({
      name: tokenName,
      role: z.enum(ROLES).describe('each role includes those before it'),
      sha256,
      expires: z.iso.datetime({ offset: true }).optional().describe('the token is refused from this time on'),
    }),
  ),
  bootstrap: z.strictObject({
    releases: z.string().nullable(),
    controlPlanes: z.record(controlPlaneName, version),
    channels: z.array(
      z.strictObject({
        name: channelName.describe('1 to 8 segments of a-z0-9._- with slashes between them'),
        target: version.optional().describe('first target; unset: agents are served none'),
        description: z.string().optional().describe('shown to operators'),
        accepts: z.array(z.enum(VERSION_KINDS)).min(1).optional().describe('kinds of versions that it may serve'),
        purpose: z.enum(PURPOSES).optional().describe('what it is for; without accepts, it accepts what RFD 12 allows'),
        versionPrefix: z.enum(['v', '']).optional().describe('prefix of the version in answers to agents'),
        needsHelm: z.boolean().optional().describe('refuse releases without Helm charts?'),
        controlPlane: z.string().nullable().optional().describe('the control plane that its agents connect to'),
        toolsVersion: version.nullable().optional().describe('version for client tools; unset: the target'),
        rollout: rolloutSchema.nullable().optional().describe('the groups in which agents go to a new target'),
        watch: watchSchema.nullable().optional().describe('what is looked at after a move'),
        window: windowSchema
          .nullable()
          .optional()
          .describe('when v2 updaters, plans and promotions may move; unset: always'),
        freezes: freezesSchema.nullable().optional().describe('when its target does not move forward'),
      }),
    ),
  }),
  promotion: promotionSettings,
  github: githubSettings,
  tracing: z.strictObject({ endpoint: peerUrl.nullable(), sampleRatio: z.number().min(0).max(1), timeout: duration }),
  log: z.strictObject({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).describe('minimum level'),
  }),
  shutdown: z.strictObject({ drain: durationOrNone, deadline: duration }),
});

/** Settings that depend on each other. */
const accessSchema = z.object(
  settingsSchema.pick({ tokens: true, adminToken: true, redisUrl: true, redis: true }).shape,
);
type Access = z.output<typeof accessSchema>;

/** All settings, checked and frozen. Durations are in milliseconds. */
export type Settings = Readonly<Omit<z.output<typeof settingsSchema>, 'adminToken'>>;

/** Everything that is wrong with the configuration, one line per fault. */
export class SettingsError extends Error {
  readonly faults: string[];

  constructor(faults: string[]) {
    const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
    super([`the configuration has ${count}:`, ...faults.map((fault) => `  ${fault}`)].join('\n'));
    this.faults = faults;
  }
}

/**
 * Reads the shipped defaults, merges the file that FAIRWAY_CONFIG names over them, and then the environment.
 * Throws `SettingsError` with every fault at once.
 */
export function loadSettings(defaultsFile: string, env: NodeJS.ProcessEnv): Settings {
  const { raw, faults } = readSettings(defaultsFile, env);
  try {
    const settings = validate(raw);
    if (faults.length === 0) return settings;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    faults.push(...error.faults);
  }
  throw new SettingsError(faults);
}

/** The same settings, merged and not checked, and what is wrong with the files that contain them. */
export function readSettings(defaultsFile: string, env: NodeJS.ProcessEnv): { raw: Raw; faults: string[] } {
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
  return { raw: [...files.map(read), readEnvironment(env)].reduce(merge), faults };
}

/** Checks merged settings. Throws `SettingsError` with every fault. */
export function validate(raw: Raw): Settings {
  // Compiling the schema takes longer than checking settings once.
  const result = settingsSchema.safeParse(raw, { error: sayFault, jitless: true });
  const single = result.error?.issues.map(({ path, message }) => `${path.join('.') || 'settings'}: ${message}`) ?? [];
  // Checked even if other settings are wrong, so that all faults are reported at once.
  const access = accessSchema.safeParse(raw, { jitless: true });
  const faults = [...single, ...(access.success ? findFaults(access.data) : [])];
  if (!result.success || faults.length > 0) throw new SettingsError(faults);
  const { adminToken: _, ...settings } = result.data;
  return deepFreeze({ ...settings, tokens: allTokens(result.data) });
}

export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Replaces the admin token by its hash, so that printed settings never show the token. */
function allTokens({ tokens, adminToken }: Access): Settings['tokens'] {
  return adminToken ? [...tokens, { name: 'admin', role: 'admin', sha256: hashToken(adminToken) }] : tokens;
}

/** Faults that involve several settings. */
function findFaults(access: Access): string[] {
  const faults: string[] = [];
  const names = allTokens(access).map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) faults.push(`tokens: the name "${twice}" is used twice`);
  if (access.redisUrl !== null && names.length === 0) {
    faults.push('tokens: with Redis at least one token is needed to sign in; set FAIRWAY_ADMIN_TOKEN or list tokens');
  }
  return [...faults, ...redisFaults(access)];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
