import { type Field, snakeCase } from './fields.ts';
import { type AnyRecord, DEFAULT_DATABASE_NUMBERS } from './record.ts';
import { RECORDS } from './records.ts';

type NamedRecord = readonly [name: string, record: AnyRecord];

/** docs/schema.md: every stored record, rendered from its declaration. */
export function schemaPage(): string {
  const records: readonly NamedRecord[] = Object.entries(RECORDS);
  const helpers = records.filter(([, record]) => record.isHelper === true);
  const databases = Object.keys(DEFAULT_DATABASE_NUMBERS).map((database) => {
    const own = records.filter(([, record]) => record.database === database && record.isHelper !== true);
    return [`## ${database}`, overviewOf(own), ...own.flatMap(fieldsOf)];
  });
  return [
    INTRODUCTION,
    databaseTable(),
    ...databases.flat(),
    HELPERS,
    overviewOf(helpers),
    ...helpers.flatMap(fieldsOf),
    ON_CLUSTERS,
    clusterTableOf(helpers),
    ENCODINGS,
    RULES,
  ]
    .join('\n\n')
    .concat('\n');
}

const REDIS_TYPES = {
  hash: 'HASH',
  list: 'LIST',
  string: 'STRING',
  counter: 'STRING, counted by INCR',
  sortedSet: 'SORTED SET',
  map: 'HASH',
} as const satisfies Record<AnyRecord['type'], string>;

const INTRODUCTION = `# The stored schema

<!-- Made from src/schema by \`npx vitest run -u --project unit test/schema/docs.test.ts\`; a test compares the two. -->

This is what stacklore keeps in Redis, for people and programs that read or write the same keys. Key patterns, Redis
types, field names and TTLs are a contract: they do not change within a major version. Extra hash fields are allowed and
ignored.

A *named database* is the only door to Redis. Each can have its own URL and number.`;

const HELPERS = `## Helper keys

Keys of stacklore's own. All begin with \`stacklore:\`, none matches a pattern above, and other programs leave them alone.`;

const ON_CLUSTERS = `## Helper keys on a Redis Cluster

A helper that is changed together with the record it helps has to lie in the same slot. There, and only there, its name
holds that record's key in braces.`;

const ENCODINGS = `## Encodings

| word | written as | also read |
|---|---|---|
| text | UTF-8 | |
| integer | decimal digits | a sign, blanks around it |
| float | decimal, finite | \`1.0\`, \`.5\`, \`1e-05\` |
| boolean | \`true\`, \`false\` | \`True\`, \`False\`, \`1\`, \`0\` |
| timestamp | ISO 8601 in UTC, \`2025-01-15T10:30:00Z\` | other offsets; none, which means UTC; microseconds, cut to milliseconds; a blank in place of \`T\`; a date alone |
| json | JSON without blanks | any JSON of the same shape |
| json object | the same, always an object; \`?\` marks a key that may be absent | \`null\` for a key that may be absent |
| float32 vector | little-endian float32, 4 bytes a dimension | |

A field marked *optional* may be absent; every other one is always written, and a record without it is reported as broken.`;

const RULES = `## Rules that the patterns do not show

- RediSearch indexes number 0 of a server only. \`knowledge\` therefore defaults to 0, beside \`main\`: their key families
  do not meet. Whoever points \`knowledge\` at another number is told so at start-up, with the remedy.
- \`chunk_id\` is \`{doc_id}_chunk_{n}\`, n from 0. It is split at its **last** \`_chunk_\`. The chunks of a document are found
  by its \`chunk_count\` or by \`doc_id\` in the index, never by a key pattern: \`x_chunk_*\` also matches document \`x_chunk_1\`.
- \`doc_id\` is unique across collections. By default it is a hash of the collection and the canonical source, so that one
  file can live in two collections and be deleted from one.
- A chunk's \`metadata\` holds at least \`source\` and \`chunk_index\`. RediSearch cannot see into JSON: a metadata field that a
  collection declares as filterable is stored once more as a hash field \`meta_<name>\`.
- A collection is one key prefix, \`llama_index/vector_store/{collection}/\`, and one RediSearch index over it.
- In an id, \`%\`, \`*\`, \`?\`, \`[\`, \`]\` and \`\\\` are written as \`%25\`, \`%2A\`, \`%3F\`, \`%5B\`, \`%5D\` and \`%5C\`; so is the separator
  (\`:\` as \`%3A\`, \`/\` as \`%2F\`) where something follows the id in its key. Where the two differ, reading first tries the key
  as programs write it that do not escape.
- An id has 1 to 512 bytes of UTF-8 and no control characters.
- A TTL is set in the same transaction as the value. A session's is renewed on use.
- Two named databases may share a number. Backup, cleanup and key analysis select by record, never by "the whole
  database"; keys that belong to no record are not touched.`;

function databaseTable(): string {
  const rows = Object.entries(DEFAULT_DATABASE_NUMBERS).map(([database, number]) => {
    return `| [\`${database}\`](#${database}) | ${number} |`;
  });
  return ['| named database | default number |', '|---|---|', ...rows].join('\n');
}

function overviewOf(records: readonly NamedRecord[]): string {
  const rows = records.map(([name, record]) => {
    return `| ${name} | \`${keyOf(record)}\` | ${REDIS_TYPES[record.type]} | ${ttlOf(record)} | ${contentOf(record)} |`;
  });
  return ['| record | key | Redis type | TTL | content |', '|---|---|---|---|---|', ...rows].join('\n');
}

function clusterTableOf(records: readonly NamedRecord[]): string {
  const rows = records.flatMap(([name, { clusterKey }]) => {
    return clusterKey === undefined ? [] : [`| ${name} | \`${inSnakeCase(clusterKey)}\` |`];
  });
  return ['| record | key on a cluster |', '|---|---|', ...rows].join('\n');
}

function ttlOf(record: AnyRecord): string {
  if (record.ttlSeconds !== undefined) {
    return `${record.ttlSeconds.toLocaleString('en-US')} s${record.isTtlConfigurable ? ' unless configured' : ''}`;
  }
  return record.type === 'counter' ? 'its window' : '–';
}

function contentOf(record: AnyRecord): string {
  switch (record.type) {
    case 'list':
      return `${record.description} Each element: ${kindOf(record.element)}.`;
    case 'sortedSet':
      return `${record.description} Member: ${record.member}; score: ${record.score}.`;
    case 'map':
      return `${record.description} Field: ${record.field}; value: ${record.value}.`;
    default:
      return record.description;
  }
}

/** A table of a hash's fields; nothing for other records, whose content is told in the overview. */
function fieldsOf([name, record]: NamedRecord): string[] {
  if (record.type !== 'hash') return [];
  const rows = Object.entries(record.fields).map(([field, codec]) => {
    return `| \`${snakeCase(field)}\` | ${kindOf(codec)} | ${codec.isOptional ? 'optional' : ''} |`;
  });
  return [`### Fields of a ${name}`, ['| field | encoding | |', '|---|---|---|', ...rows].join('\n')];
}

function kindOf(field: Field<unknown>): string {
  return field.keys ? `${field.kind} with ${field.keys.map((key) => `\`${key}\``).join(', ')}` : field.kind;
}

/** The key as other programs know it: parameters in snake_case. */
function keyOf(record: AnyRecord): string {
  return inSnakeCase(record.key.template);
}

function inSnakeCase(template: string): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => `{${snakeCase(name)}}`);
}
