/** JSON Schema, as far as the docs page reads it. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** A field as a row of a table. */
export interface FieldRow {
  /** With the fields around it: `texts[].source`. */
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  /** What it means, its limits and its default. */
  readonly note: string;
}

/** How deep fields of fields are listed. */
const MOST_DEPTH = 4;

/** The fields of an object or of the objects of a list, those inside them after each; of anything else none. */
export function fieldRows(schema: JsonSchema, prefix = '', depth = 0): FieldRow[] {
  if (depth > MOST_DEPTH) return [];
  if (schema.items) return fieldRows(schema.items, `${prefix}[]`, depth);
  const { properties = {}, required = [] } = schema;
  const rows = Object.entries(properties).flatMap(([key, field]) => {
    const name = prefix === '' ? key : `${prefix}.${key}`;
    const isRequired = required.includes(key);
    return [
      { name, type: typeOf(field), isRequired, note: noteOf(field) },
      ...fieldRows(field, name, depth + 1),
    ];
  });
  return [...rows, ...(schema.anyOf ?? []).flatMap((one) => fieldRows(one, prefix, depth))];
}

/** A type in a few words: `string[]`, `boolean | object`. */
export function typeOf({ type, enum: values, const: only, anyOf, items, format }: JsonSchema): string {
  if (values) return values.map(String).join(' | ');
  if (only !== undefined) return String(only);
  if (type === 'array') return items?.anyOf ? `(${typeOf(items)})[]` : `${typeOf(items ?? {})}[]`;
  if (format !== undefined) return format;
  if (type !== undefined) return [type].flat().join(' | ');
  return anyOf ? [...new Set(anyOf.map(typeOf))].join(' | ') : 'any';
}

/** What a field means, its limits and its default. */
export function noteOf(schema: JsonSchema): string {
  const { description, default: given, minimum: low, maximum: high } = schema;
  const limits = [rangeOf(low, high), ...(given === undefined ? [] : [`default ${JSON.stringify(given)}`])];
  const said = limits.filter((text) => text !== '').join(', ');
  return [description ?? '', said && `(${said})`].filter((text) => text !== '').join(' ');
}

function rangeOf(low: number | undefined, high: number | undefined): string {
  if (isLimit(low) && isLimit(high)) return `${low} to ${high}`;
  if (isLimit(low)) return `at least ${low}`;
  return isLimit(high) ? `at most ${high}` : '';
}

/** False for the bounds that every integer has. */
function isLimit(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
}
