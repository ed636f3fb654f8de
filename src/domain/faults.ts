/** An issue that zod reports for one value. */
export interface Fault {
  code?: string;
  expected?: string;
  values?: readonly unknown[];
  keys?: readonly string[];
  /** The type the bound applies to. */
  origin?: string;
  minimum?: number | bigint;
  maximum?: number | bigint;
}

const COMMON = { int: 'a whole number', number: 'a number', boolean: 'true or false' };
/** The names of types in YAML and in JSON. */
const TYPES: Record<'setting' | 'field', Record<string, string>> = {
  setting: { ...COMMON, string: 'a text', array: 'a list', object: 'a mapping', record: 'a mapping' },
  field: { ...COMMON, string: 'a string', array: 'an array', object: 'an object', record: 'an object' },
};

const UNITS: Record<string, string> = { string: ' characters', array: ' entries' };

/**
 * A message for an issue whose schema has none; undefined if only the schema can explain it. `noun` says whether the
 * value is part of the settings or of a request. The message never shows the value, which may be a secret.
 */
export function describeFault(fault: Fault, value: unknown, noun: 'setting' | 'field'): string | undefined {
  const { code, expected = '', values = [], keys = [], origin = '', minimum = 0, maximum = 0 } = fault;
  const unit = UNITS[origin];
  switch (code) {
    case 'invalid_type':
      return value === undefined ? 'is missing' : `expected ${TYPES[noun][expected] ?? expected}`;
    case 'invalid_value':
      return `expected ${values.length > 1 ? 'one of ' : ''}${values.map((each) => JSON.stringify(each)).join(', ')}`;
    case 'unrecognized_keys':
      return `no such ${noun}${keys.length === 1 ? '' : 's'}: ${keys.join(', ')}`;
    case 'too_small':
      return unit && minimum <= 1 ? 'must not be empty' : `must be ${minimum} or more${unit ?? ''}`;
    case 'too_big':
      return `must be ${maximum} or less${unit ?? ''}`;
    default:
      return undefined;
  }
}
