import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export type Raw = { [key: string]: unknown };

/** The environment variables that override settings, each with the path of its setting. */
export const ENVIRONMENT: Record<string, string[]> = {
  FAIRWAY_HOST: ['public', 'host'],
  FAIRWAY_PORT: ['public', 'port'],
  FAIRWAY_OPERATOR_HOST: ['operator', 'host'],
  FAIRWAY_OPERATOR_PORT: ['operator', 'port'],
  REDIS_URL: ['redisUrl'],
  FAIRWAY_REDIS_USERNAME: ['redis', 'username'],
  FAIRWAY_REDIS_PASSWORD: ['redis', 'password'],
  FAIRWAY_REDIS_PASSWORD_FILE: ['redis', 'passwordFile'],
  FAIRWAY_DATA_DIR: ['dataDir'],
  FAIRWAY_ADMIN_TOKEN: ['adminToken'],
  FAIRWAY_GITHUB_WEBHOOK_SECRET: ['github', 'webhookSecret'],
  FAIRWAY_LOG_LEVEL: ['log', 'level'],
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ['tracing', 'endpoint'],
};

/** Reads a YAML or JSON file that contains a mapping. Throws an error that names the file. */
export function readYaml(file: string): Raw {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8')) ?? {};
  } catch (cause) {
    // From its second line on the parser's message shows the source, which may contain a secret.
    const [why = ''] = String(cause instanceof Error ? cause.message : cause).split(/:?\n/, 1);
    throw new Error(`cannot read ${file}: ${why}`, { cause });
  }
  if (!isMapping(content)) throw new Error(`${file} must contain a mapping of settings`);
  return content;
}

/** Reads settings from the environment. Unset and empty variables are left out. */
export function readEnvironment(env: NodeJS.ProcessEnv): Raw {
  const raw: Raw = {};
  for (const [variable, path] of Object.entries(ENVIRONMENT)) {
    const value = env[variable];
    if (value) place(raw, path, value);
  }
  return raw;
}

function place(raw: Raw, [head, ...rest]: string[], value: string): void {
  if (head === undefined) return;
  if (rest.length === 0) {
    raw[head] = value;
    return;
  }
  const inner: Raw = {};
  place(inner, rest, value);
  raw[head] = merge(isMapping(raw[head]) ? raw[head] : {}, inner);
}

/** Merges `over` into `base`: mappings are merged, everything else is replaced. */
export function merge(base: Raw, over: Raw): Raw {
  const merged: Raw = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isMapping(below) && isMapping(value) ? merge(below, value) : value;
  }
  return merged;
}

function isMapping(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
