/** The parts of JSON Schema that our own document uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  description?: string;
  example?: unknown;
  format?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  default?: unknown;
}

/** A type in a few words, with links to the schemas that have a name. */
export function TypeName({ schema }: { schema: Schema }) {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return <a href={`#schema-${name}`}>{name}</a>;
  }
  const options = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (options) {
    return (
      <>
        {options.map((option, index) => (
          <>
            {index > 0 && (schema.allOf ? ' and ' : ' or ')}
            <TypeName schema={option} />
          </>
        ))}
      </>
    );
  }
  if (schema.const !== undefined) return <code>{JSON.stringify(schema.const)}</code>;
  if (schema.enum) return <>{schema.enum.map((value) => JSON.stringify(value)).join(' or ')}</>;
  const name = [schema.type ?? 'anything'].flat().join(' or ');
  if (schema.items) {
    return (
      <>
        list of <TypeName schema={schema.items} />
      </>
    );
  }
  return <>{schema.format ? `${name} (${schema.format})` : name}</>;
}

const BOUNDS: [keyof Schema, string][] = [
  ['minimum', 'from'],
  ['maximum', 'to'],
  ['minLength', 'at least characters:'],
  ['maxLength', 'at most characters:'],
  ['maxItems', 'at most items:'],
  ['default', 'default'],
];

/** Bounds and remarks of a field. */
export function Remarks({ schema }: { schema: Schema }) {
  const bounds = BOUNDS.flatMap(([key, words]) =>
    // Every integer is bounded by the safe integers, so this bound is left out.
    schema[key] === undefined || Math.abs(Number(schema[key])) === Number.MAX_SAFE_INTEGER
      ? []
      : `${words} ${schema[key]}`,
  );
  const example = schema.example === undefined ? [] : [`for example ${schema.example}`];
  return <>{[schema.description, ...bounds, ...example].filter(Boolean).join('; ')}</>;
}

/** The object among the parts of a schema, which may be nullable or inside a list. */
const objectIn = (schema: Schema): Schema | undefined =>
  schema.properties ? schema : [schema.items, ...(schema.anyOf ?? [])].find((part) => part?.properties);

/** A schema with its fields; the fields of unnamed schemas are shown inline. */
export function SchemaView({ schema }: { schema: Schema }) {
  const object = objectIn(schema);
  if (!object?.properties) {
    return (
      <p>
        <TypeName schema={schema} />
      </p>
    );
  }
  const { properties, required = [] } = object;
  return (
    <dl class="schema">
      {Object.entries(properties).map(([name, field]) => (
        <>
          <dt>
            <code>{name}</code>
            {!required.includes(name) && <small class="muted"> optional</small>}
          </dt>
          <dd>
            <TypeName schema={field} />{' '}
            <span class="muted">
              <Remarks schema={field} />
            </span>
            {objectIn(field) && <SchemaView schema={field} />}
          </dd>
        </>
      ))}
    </dl>
  );
}
