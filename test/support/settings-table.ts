import { type Document, isMap, isPair, isScalar, type Pair, parseDocument } from 'yaml';
import { z } from 'zod';
import { ENVIRONMENT } from '../../src/config/raw.ts';

/** The parts of JSON Schema that the settings use. */
interface Schema {
  type?: string;
  title?: string;
  description?: string;
  format?: string;
  default?: unknown;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
}

interface Setting {
  /** For example `fleet.staleAfter`, or `tokens[].name` in a list. */
  path: string;
  default: string;
  takes: string;
  /** The schema's description, or the comment in the shipped defaults; empty if there is neither. */
  meaning: string;
}

/** Every setting of the schema, with its default and meaning from the text of `config/default.yaml`. */
export function readSettings(schema: z.ZodType, defaults: string): Setting[] {
  const shipped = readShipped(defaults);
  const rows: Setting[] = [];

  function walk(path: string, { schema: node, nullable }: ReturnType<typeof unwrap>): void {
    const { value, comment } = shipped.get(path) ?? { value: null, comment: '' };
    const fields = Object.entries(node.properties ?? {});
    const meaning = node.description ?? comment;
    if (path !== '' && (fields.length === 0 || nullable || meaning !== '')) {
      rows.push({ path, default: value ?? asWritten(node.default), takes: kindOf(node), meaning });
    }
    for (const [name, field] of fields) walk(path === '' ? name : `${path}.${name}`, unwrap(field));
    if (node.items) {
      const items = Object.entries(unwrap(node.items).schema.properties ?? {});
      for (const [name, field] of items) walk(`${path}[].${name}`, unwrap(field));
    }
  }

  walk('', unwrap(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema));
  return rows;
}

const asWritten = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);

/** A schema without its `null`, but with its description. */
function unwrap(schema: Schema): { schema: Schema; nullable: boolean } {
  const others = schema.anyOf?.filter(({ type }) => type !== 'null') ?? [];
  const [only] = others;
  if (!only || others.length > 1) return { schema, nullable: false };
  return { schema: { ...only, ...schema, anyOf: undefined }, nullable: true };
}

function kindOf(schema: Schema): string {
  if (schema.title) return schema.title;
  if (schema.enum) return schema.enum.map((value) => `\`${value || '""'}\``).join(', ');
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(' or ');
  if (schema.items) return `list${listed(unwrap(schema.items).schema)}`;
  if (schema.type === 'integer' || schema.type === 'number') return `number${boundsOf(schema)}`;
  if (schema.format === 'uri') return 'URL';
  if (schema.format === 'date-time') return 'time, as 2027-01-01T00:00:00Z';
  return { boolean: '`true`, `false`', string: 'text', object: 'mapping' }[schema.type ?? ''] ?? 'text';
}

const listed = (items: Schema): string => (items.properties ? '' : ` of: ${kindOf(items)}`);

function boundsOf({ minimum, maximum }: Schema): string {
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  return `${minimum === undefined ? '' : ` from ${minimum}`}${bounded ? ` to ${maximum}` : ''}`;
}

/** The settings in a document, by path: the default as it is written, unless it is a mapping, and its comment. */
function readShipped(source: string): Map<string, { value: string | null; comment: string }> {
  const settings = new Map<string, { value: string | null; comment: string }>();

  function walk(path: string, map: unknown): void {
    if (!isMap(map)) return;
    for (const pair of map.items.filter((item) => isPair(item))) {
      const name = `${path}${isScalar(pair.key) ? pair.key.value : pair.key}`;
      const [from, to] = rangeOf(pair);
      const nested = isMap(pair.value) && !pair.value.flow;
      settings.set(name, { value: nested ? null : source.slice(from, to), comment: commentOf(source, pair) });
      walk(`${name}.`, pair.value);
    }
  }

  walk('', (parseDocument(source) as Document).contents);
  return settings;
}

const rangeOf = ({ value }: Pair): [number, number] => (value as { range: [number, number] }).range;

/** The comment behind a setting in its line, or in the lines right above it. */
function commentOf(source: string, pair: Pair): string {
  const key = (pair.key as { range: [number, number] }).range;
  const [, to] = rangeOf(pair);
  const end = isMap(pair.value) && !pair.value.flow ? key[1] : to;
  const behind = /^:?[ \t]*#[ \t]*(.*)/.exec(source.slice(end))?.[1];
  if (behind !== undefined) return behind.trim();
  const above = source.slice(0, source.lastIndexOf('\n', key[0]) + 1);
  const lines = /(?:(?<=^|\n)[ \t]*#.*\n)+$/.exec(above)?.[0] ?? '';
  return lines
    .replace(/^[ \t]*#[ \t]?/gm, '')
    .trim()
    .replaceAll('\n', ' ');
}

/** The settings as a Markdown table. */
export function settingsTable(settings: Setting[]): string {
  const variables = new Map(Object.entries(ENVIRONMENT).map(([name, path]) => [path.join('.'), name]));
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  const rows = settings.map(({ path, default: value, takes, meaning }) => {
    const variable = variables.get(path);
    const names = variable ? `\`${path}\`, \`${variable}\`` : `\`${path}\``;
    // A default of several lines is read in the file itself.
    const short = value.includes('\n') ? '[several](../config/default.yaml)' : value && `\`${value}\``;
    return `| ${names} | ${cell(short)} | ${cell(takes)} | ${cell(meaning)} |`;
  });
  return ['| setting | default | takes | means |', '|---|---|---|---|', ...rows].join('\n');
}
