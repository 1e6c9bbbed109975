import fc from 'fast-check';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | boolean;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Anything JSON can say, with a liking for what breaks programs. */
export const garbage: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    '',
    ' ',
    -1,
    0,
    1e308,
    2 ** 53,
    true,
    [],
    {},
    '\u0000',
    '../../etc/passwd',
    '*',
    '@f:{x}',
  ),
  fc.constantFrom<unknown>('\ud800', 'constructor', '__proto__', 'a'.repeat(3_000), { $and: [] }, [[[[]]]]),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Values that mostly follow a JSON Schema; in one place of ten or so there is garbage. */
export function fromSchema(schema: JsonSchema | boolean | undefined, depth = 0): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 9, arbitrary: valid(schema, depth) }, { weight: 1, arbitrary: garbage });
}

function valid(schema: JsonSchema | boolean | undefined, depth: number): fc.Arbitrary<unknown> {
  if (schema === undefined || typeof schema === 'boolean' || depth > 4) return garbage;
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) return fc.oneof(...branches.map((branch) => valid(branch, depth + 1)));
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'string':
      return fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('library', 'a loan', '2025-01-15', 'b'));
    case 'integer':
      return fc.integer({
        min: Math.max(schema.minimum ?? -2, -1e6),
        max: Math.min(schema.maximum ?? 50, 1e6),
      });
    case 'number':
      return fc.double({ min: schema.minimum ?? -2, max: schema.maximum ?? 2, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(fromSchema(schema.items, depth + 1), { maxLength: 3 });
    case 'object':
      return object(schema, depth);
    default:
      return garbage;
  }
}

function object(
  { properties = {}, required = [], additionalProperties }: JsonSchema,
  depth: number,
): fc.Arbitrary<unknown> {
  const named = fc.record(
    Object.fromEntries(
      Object.entries(properties).map(([name, inner]) => [name, fromSchema(inner, depth + 1)]),
    ),
    { requiredKeys: required.filter((name) => Object.hasOwn(properties, name)) },
  );
  if (additionalProperties === undefined || additionalProperties === false) return named;
  const more = fc.dictionary(fc.string({ maxLength: 5 }), fromSchema(additionalProperties, depth + 1), {
    maxKeys: 2,
  });
  return fc.tuple(named, more).map(([some, others]) => ({ ...others, ...some }));
}
