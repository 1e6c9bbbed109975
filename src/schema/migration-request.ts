import { z } from 'zod';

/** How other tools keep chunks in hashes. */
export const FOREIGN_LAYOUTS = ['llamaindex-python', 'langchain', 'redisvl'] as const;
export type ForeignLayoutName = (typeof FOREIGN_LAYOUTS)[number];

/** What a migration reads: our own records, another tool's hashes, or the lines of an export. */
export const MIGRATION_LAYOUTS = ['stacklore', ...FOREIGN_LAYOUTS, 'jsonl'] as const;
export const EXPORT_LAYOUTS = ['jsonl', ...FOREIGN_LAYOUTS] as const;

const flag = z.boolean('must be true or false').default(false);
const text = z.string('must be text').min(1, 'must not be empty');
const shortText = text.max(256, 'must be shorter');
const prefix = shortText.regex(/^\P{Cc}*$/u, 'must not hold control characters');
const databaseNumber = z
  .int('must be a whole number')
  .min(0, 'must be at least 0')
  .max(99_999, 'must be smaller');

/** What both directions say of another tool's hashes. */
const foreignFields = {
  /** What the keys begin with; only `llamaindex-python` has a usual one, `llama_index/vector_`. */
  prefix: prefix.optional(),
  /** The field that holds the vector, where a schema chose another than the layout's. */
  vectorField: shortText.optional(),
  /** And the one that holds the text. */
  textField: shortText.optional(),
};

export const migrationRequest = z
  .strictObject({
    layout: z
      .enum(MIGRATION_LAYOUTS, { error: `must be ${MIGRATION_LAYOUTS.join(', ')}` })
      .default('stacklore'),
    /** The server to read from; by default that of the knowledge database. */
    fromUrl: text.optional(),
    /** The number of the database to read from. */
    fromNumber: databaseNumber.optional(),
    /** Of our own records: remove from the source what was compared and is equal. */
    move: flag,
    ...foreignFields,
    /** The lines of an export. */
    file: text.optional(),
    /** Where rows go, `default` unless told; made with the configured model when missing. */
    collection: z.string('must be text').optional(),
    /** The model that the vectors were made with, where rows do not tell. */
    vectorModel: text.optional(),
    /** Make new vectors with the configured model instead of keeping those there are. */
    reembed: flag,
    /** Only tell what would be done. */
    dryRun: flag,
  })
  .superRefine((request, { addIssue }) => {
    const refuse = (message: string) => addIssue({ code: 'custom', message });
    const { layout } = request;
    const applies =
      layout === 'stacklore'
        ? ['fromUrl', 'fromNumber', 'move']
        : [...(layout === 'jsonl' ? ['file'] : ['fromUrl', 'fromNumber', ...FOREIGN_FIELDS]), ...ROW_FIELDS];
    for (const name of strangers(request, applies)) refuse(`${name} does not go with the layout ${layout}`);
    if (layout === 'stacklore' && request.fromUrl === undefined && request.fromNumber === undefined) {
      refuse('say where the records are: fromNumber, fromUrl or both');
    }
    if (layout === 'jsonl' && request.file === undefined) refuse('name the file to read (file)');
    if (needsPrefix(layout) && request.prefix === undefined) refuse('say what the keys begin with (prefix)');
  });
export type CheckedMigration = z.output<typeof migrationRequest>;

export const exportRequest = z
  .strictObject({
    collection: z.string('must be text').default('default'),
    layout: z.enum(EXPORT_LAYOUTS, { error: `must be ${EXPORT_LAYOUTS.join(', ')}` }).default('jsonl'),
    /** The file of `jsonl`. */
    file: text.optional(),
    /** How lines hold vectors; `none` unless told. */
    embeddings: z
      .enum(['none', 'base64', 'numbers'], { error: 'must be none, base64 or numbers' })
      .optional(),
    ...foreignFields,
    /** The server that hashes are written to; by default that of the knowledge database. */
    toUrl: text.optional(),
    toNumber: databaseNumber.optional(),
    /** Write over the file, or over keys, that are there. */
    overwrite: flag,
  })
  .superRefine((request, { addIssue }) => {
    const refuse = (message: string) => addIssue({ code: 'custom', message });
    const { layout } = request;
    const ways = layout === 'jsonl' ? ['file', 'embeddings'] : ['toUrl', 'toNumber', ...FOREIGN_FIELDS];
    const applies = ['collection', ...ways];
    for (const name of strangers(request, applies)) refuse(`${name} does not go with the layout ${layout}`);
    if (layout === 'jsonl' && request.file === undefined) refuse('name the file to write (file)');
    if (needsPrefix(layout) && request.prefix === undefined) refuse('say what the keys begin with (prefix)');
  });
export type CheckedExport = z.output<typeof exportRequest>;

const FOREIGN_FIELDS = Object.keys(foreignFields);
const ROW_FIELDS = ['collection', 'vectorModel', 'reembed'];
const ALWAYS = ['layout', 'dryRun', 'overwrite'];

/** What was asked for although it means nothing there. */
function strangers(request: Readonly<Record<string, unknown>>, applies: readonly string[]): string[] {
  const given = Object.entries(request).filter(([, value]) => value !== undefined && value !== false);
  return given.map(([name]) => name).filter((name) => ![...ALWAYS, ...applies].includes(name));
}

function needsPrefix(layout: string): boolean {
  return layout === 'langchain' || layout === 'redisvl';
}
