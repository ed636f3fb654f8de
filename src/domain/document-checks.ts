import { agentVersion } from './agent-version.ts';
import { readControlPlaneVersion } from './control-plane.ts';
import { parseDuration } from './duration.ts';
import { parseVersion } from './version.ts';

/** Says what is wrong with a value, such as `target: it is not a version`; null if it can be served. */
export interface Check<T> {
  (value: unknown): string | null;
  /** The type that it lets through, neither more nor less; only the compiler knows it. */
  readonly lets?: (value: T) => T;
}

export const check =
  <T>(what: string, isGood: (value: unknown) => boolean): Check<T> =>
  (value) =>
    isGood(value) ? null : what;

export const text = check<string>('it is not text', (value) => typeof value === 'string');
export const flag = check<boolean>('it is neither true nor false', (value) => typeof value === 'boolean');
/** How many, or the place in a list. */
export const count = check<number>(
  'it is not a count',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
);
export const number = check<number>(
  'it is not a number of 0 or more',
  (value) => Number.isFinite(value) && (value as number) >= 0,
);
export const version = check<string>('it is not a version', (value) => typeof value === 'string' && isVersion(value));

/** Channels share their versions, and to parse each of them again took half of the time of a load. */
const versions = new Set<string>();
const MAX_VERSIONS = 10_000;

function isVersion(value: string): boolean {
  if (versions.has(value)) return true;
  if (parseVersion(value) === null) return false;
  if (versions.size >= MAX_VERSIONS) versions.clear();
  versions.add(value);
  return true;
}

export const planeVersion = check<string>(
  'it is not a version',
  (value) => typeof value === 'string' && !/\s/.test(value) && readControlPlaneVersion(value) !== null,
);
/** A version that earlier releases may have read less strictly. */
export const formerVersion = check<string>(
  'it is not a version',
  (value) => typeof value === 'string' && /^[!-~]+$/.test(value) && agentVersion(value) !== null,
);
export const duration = check<string>(
  'it is not a duration',
  (value) => typeof value === 'string' && parseDuration(value) !== null,
);

/** Milliseconds of the years 1970 to 9999: a soak or a window that is added to one of them is a time as well. */
const LAST_TIME = Date.UTC(10_000, 0);
export const time = check<string>('it is not a time', (value) => {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return at >= 0 && at < LAST_TIME;
});

export const oneOf = <T extends string>(values: readonly T[]): Check<T> =>
  check(`it is none of ${values.map((value) => JSON.stringify(value)).join(', ')}`, (value) =>
    values.includes(value as T),
  );

export const nullable =
  <T>(of: Check<T>): Check<T | null> =>
  (value) =>
    value === null ? null : of(value);

export const optional =
  <T>(of: Check<T>): Check<T | undefined> =>
  (value) =>
    value === undefined ? null : of(value);

export const nullish =
  <T>(of: Check<T>): Check<T | null | undefined> =>
  (value) =>
    value === null || value === undefined ? null : of(value);

/** A field that documents of an older release lack, and that is added when they are read. */
export const added =
  <T>(of: Check<T>): Check<T> =>
  (value) =>
    value === undefined ? null : of(value);

export const list =
  <T>(of: Check<T>): Check<T[]> =>
  (value) => {
    if (!Array.isArray(value)) return 'it is not a list';
    for (const each of value) {
      const fault = of(each);
      if (fault !== null) return fault;
    }
    return null;
  };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object of type T. A field that T gets does not compile until it is checked here. */
export function object<T extends object>(fields: { readonly [Field in keyof T]-?: Check<T[Field]> }): Check<T> {
  const entries = Object.entries<(value: unknown) => string | null>(fields);
  return (value) => {
    if (!isObject(value)) return 'it is not an object';
    for (const [name, of] of entries) {
      const fault = of(value[name]);
      if (fault !== null) return `${name}: ${fault}`;
    }
    return null;
  };
}

export const record =
  <T>(of: Check<T>): Check<Record<string, T>> =>
  (value) =>
    isObject(value) ? list(of)(Object.values(value)) : 'it is not an object';
