import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import { ANALYSER_LANGUAGES } from '../../text/analyser.ts';
import { COLLECTION_FLAGS, collectionFlags, parseFields } from '../collection-flags.ts';
import { type Command, defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted, formatBytes, table } from '../format.ts';
import { unreadableLines } from '../unreadable-lines.ts';

const list = defineCommand({
  summary: 'List all collections.',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }) {
    const { items: collections, unreadable } = await lore().listCollections();
    const rows = collections.map(({ name, documents, chunks, indexState, model }) => [
      ...[name, String(documents), String(chunks ?? 'unknown'), indexState, model ?? 'vectors given'],
    ]);
    return {
      data: { collections, unreadable },
      lines: [
        ...table(['collection', 'documents', 'chunks', 'index', 'model'], rows),
        ...unreadableLines(unreadable),
      ],
    };
  },
});

const info = defineCommand({
  summary: "Show a collection's manifest and the state of its index.",
  arguments: '<name>',
  flags: [],
  schema: z.strictObject({}),
  async run({ lore }, [name = '']) {
    const collection = await lore().collections.get(name);
    const [status] = (await lore().listCollections([name])).items;
    const { manifest, version, createdAt } = collection;
    return {
      data: { ...collection, status },
      lines: [
        `Collection ${name}, made ${createdAt.toISOString()}, corpus version ${version}`,
        `Documents ${status?.documents ?? 0}, chunks ${status?.chunks ?? 'unknown'}, index ${status?.indexState} (${formatBytes(status?.index?.memoryBytes ?? 0)})`,
        JSON.stringify(manifest, null, 2),
      ],
    };
  },
});

const create = defineCommand({
  summary: 'Create a collection with its own fields, index and chunk size.',
  arguments: '<name>',
  flags: [
    ...COLLECTION_FLAGS,
    { flags: '--m <number>', description: 'HNSW: links of a node (16)' },
    { flags: '--ef-construction <number>', description: 'HNSW: candidates while building (200)' },
    { flags: '--ef-runtime <number>', description: 'HNSW: candidates while searching (64)' },
    { flags: '--dimensions <number>', description: 'vectors of this size are given by a program; no model' },
    {
      flags: '--publish <way>',
      description: 'generations: documents are published in steps, as on a cluster',
    },
  ],
  schema: z.strictObject({
    ...collectionFlags,
    m: wholeNumber(0).optional(),
    efConstruction: wholeNumber(0).optional(),
    efRuntime: wholeNumber(0).optional(),
    dimensions: wholeNumber(0).optional(),
    publish: z.literal('generations').optional(),
  }),
  settingFlags: { chunkOverlap: 'overlap' },
  examples: ['stacklore collections create docs --fields lang:tag,year:number'],
  async run({ lore }, [name = ''], { overlap, ...settings }) {
    const collection = await lore().createCollection(name, { ...settings, chunkOverlap: overlap });
    return { data: collection, lines: [`Created collection ${name}.`] };
  },
});

const addField = defineCommand({
  summary: 'Make more metadata fields filterable; stored documents are indexed by them too.',
  arguments: '<name> <fields>',
  flags: [],
  schema: z.strictObject({}),
  examples: ['stacklore collections add-field docs lang:tag,year:number'],
  async run({ lore, terminal }, [name = '', fields = '']) {
    const collection = await lore().addFields(name, parseFields(fields));
    for (const warning of collection.warnings) terminal.note(`Note: ${warning}`);
    const declared = collection.manifest.fields.map((field) => `${field.name}:${field.type}`);
    return { data: collection, lines: [`Filterable fields of ${name}: ${declared.join(', ')}`] };
  },
});

const indexWords = defineCommand({
  summary: 'Index the words of a collection for hybrid search; nothing is embedded again.',
  arguments: '<name>',
  flags: [{ flags: '--language <language>', description: `${ANALYSER_LANGUAGES.join(', ')} (english)` }],
  schema: z.strictObject({ language: z.enum(ANALYSER_LANGUAGES).default('english') }),
  examples: ['stacklore collections index-words docs --language german'],
  async run({ lore }, [name = ''], { language }) {
    const collection = await lore().indexWords(name, { language });
    return { data: collection, lines: [`The words of ${name} are indexed (${language}).`] };
  },
});

const drop = defineCommand({
  summary: 'Delete a collection with all its documents.',
  arguments: '<name>',
  flags: [{ flags: '--yes', description: 'really delete; without it only say what would go' }],
  schema: z.strictObject({ yes: z.boolean().default(false) }),
  async run({ lore }, [name = ''], { yes }) {
    await lore().collections.get(name);
    if (!yes) {
      const documents = await lore().documents.count(name);
      throw new StackloreError('invalid_input', {
        message: `Nothing was deleted. Dropping "${name}" deletes ${counted(documents, 'document')} for good: repeat with --yes.`,
      });
    }
    const deleted = await lore().dropCollection(name);
    return {
      data: { collection: name, deleted },
      lines: [`Dropped ${name} with ${counted(deleted, 'document')}.`],
    };
  },
});

export const commands: Record<string, Command> = {
  ...{ list, info, create, drop },
  ...{ 'add-field': addField, 'index-words': indexWords },
};
