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
const prefix = shortText.regex(/^\P{Cc}+$/u, 'must not hold control characters');
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
    /** Where rows go; made with the configured model when missing. */
    collection: z.string('must be text').default('default'),
    /** The model that the vectors were made with, where rows do not tell. */
    vectorModel: text.optional(),
    /** Make new vectors with the configured model instead of keeping those there are. */
    reembed: flag,
    /** Only tell what would be done. */
    dryRun: flag,
  })
  .superRefine((request, { addIssue }) => {
    const refuse = (message: string) => addIssue({ code: 'custom', message });
    const { layout, fromUrl, fromNumber, file } = request;
    if (layout === 'stacklore' && fromUrl === undefined && fromNumber === undefined) {
      refuse('say where the records are: fromNumber, fromUrl or both');
    }
    if (layout === 'stacklore' && (file ?? request.prefix ?? request.vectorModel) !== undefined) {
      refuse('a file, a prefix or a model is told of another layout only');
    }
    if (layout === 'stacklore' && request.reembed)
      refuse('records are moved with their vectors, not embedded again');
    if (layout !== 'stacklore' && request.move) refuse('only records of the layout stacklore are moved');
    if ((layout === 'jsonl') !== (file !== undefined)) refuse('jsonl, and nothing else, is read from a file');
    if (layout === 'jsonl' && (fromUrl ?? fromNumber) !== undefined) refuse('a file is in no database');
    if ((layout === 'langchain' || layout === 'redisvl') && request.prefix === undefined) {
      refuse('say what the keys begin with (prefix)');
    }
  });
export type CheckedMigration = z.output<typeof migrationRequest>;

export const exportRequest = z
  .strictObject({
    collection: z.string('must be text').default('default'),
    layout: z.enum(EXPORT_LAYOUTS, { error: `must be ${EXPORT_LAYOUTS.join(', ')}` }).default('jsonl'),
    /** The file of `jsonl`. */
    file: text.optional(),
    /** How lines hold vectors. */
    embeddings: z
      .enum(['none', 'base64', 'numbers'], { error: 'must be none, base64 or numbers' })
      .default('none'),
    ...foreignFields,
    /** The server that hashes are written to; by default that of the knowledge database. */
    toUrl: text.optional(),
    toNumber: databaseNumber.optional(),
    /** Write over the file, or over keys, that are there. */
    overwrite: flag,
  })
  .superRefine(({ layout, file, prefix: given, toUrl, toNumber }, { addIssue }) => {
    const refuse = (message: string) => addIssue({ code: 'custom', message });
    if ((layout === 'jsonl') !== (file !== undefined))
      refuse('jsonl, and nothing else, is written to a file');
    if (layout === 'jsonl' && (given ?? toUrl ?? toNumber) !== undefined)
      refuse('a file has no prefix and is in no database');
    if ((layout === 'langchain' || layout === 'redisvl') && given === undefined) {
      refuse('say what the keys begin with (prefix)');
    }
  });
export type CheckedExport = z.output<typeof exportRequest>;
