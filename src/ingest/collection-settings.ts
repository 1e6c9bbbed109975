import { z } from 'zod';
import type { Embedder, EmbeddingModel } from '../embed/embedder.ts';
import { StackloreError } from '../errors.ts';
import { collectionField, indexChoice, type Manifest, vectorType } from '../schema/knowledge.ts';
import type { Collection, Collections } from '../stores/knowledge/collections.ts';
import type { Documents } from '../stores/knowledge/documents.ts';
import { choiceOf, chosenIndex } from '../stores/knowledge/index-kind.ts';
import { describeModels } from '../stores/knowledge/model-mismatch.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import { ANALYSER_LANGUAGES, ANALYSER_VERSION } from '../text/analyser.ts';
import { CHUNKER_VERSION } from './chunk.ts';
import { indexWords } from './index-words.ts';

/** Two fields of one name would make an index that the server refuses. */
export const declaredFields = z
  .array(collectionField)
  .max(64)
  .refine((fields) => new Set(fields.map(({ name }) => name)).size === fields.length, 'a name comes twice');

function whole(least: number, most: number) {
  const message = `must be a whole number from ${least} to ${most}`;
  return z.int(message).min(least, message).max(most, message);
}

/** What a collection can be created with; everything has a default. */
export const collectionSettings = z.strictObject({
  fields: declaredFields.default([]),
  /** `auto`: exact search while the collection is small, then HNSW, built in the background. */
  index: indexChoice.default('auto'),
  m: whole(2, 512).default(16),
  efConstruction: whole(1, 4_096).default(200),
  efRuntime: whole(1, 4_096).default(64),
  /** Most tokens of a chunk's own text, as the model counts them. */
  chunkSize: whole(16, 8_192).default(128),
  /** Tokens that a chunk repeats of the one before it. */
  chunkOverlap: whole(0, 4_096).default(32),
  /** What words are reduced to their stems as; `none` for a mix of languages. */
  language: z.enum(ANALYSER_LANGUAGES).optional(),
  /** How exactly vectors are kept, in index and chunks: `float16` takes half the memory. */
  vectorType: vectorType.default('float32'),
  /** Vectors of this many dimensions are given by the caller; without it the configured model embeds text. */
  dimensions: whole(1, 32_768).optional(),
  /** Publishes documents in steps, as is done on a cluster anyway; else each is one MULTI. */
  publish: z.literal('generations').optional(),
});
export type CollectionSettings = z.input<typeof collectionSettings>;

/** What creating, opening and dropping a collection needs. */
export interface CollectionParts {
  readonly collections: Collections;
  readonly documents: Documents;
  readonly vectorIndex: VectorIndex;
  readonly embedder: () => Promise<Embedder>;
}

/**
 * Creates a collection and its index. Throws `already_exists`, `invalid_input` naming a bad setting, or
 * `search_unavailable` before anything is recorded.
 */
export async function createCollection(
  parts: CollectionParts,
  name: string,
  settings: CollectionSettings = {},
): Promise<Collection> {
  const checked = parseWith(collectionSettings, settings);
  await parts.vectorIndex.requireSearch();
  const collection = await parts.collections.create(name, await manifestFor(parts, checked));
  // An index of this name can only be left from a collection that was dropped while another process rebuilt it.
  await parts.vectorIndex.builder.drop(collection);
  await parts.vectorIndex.builder.ensure(collection);
  return collection;
}

/**
 * The collection to ingest into, made with these settings when it does not exist. Throws `manifest_mismatch` or
 * `dimension_mismatch` when it was made with another model, or with other settings than those given.
 */
export async function openCollection(
  parts: CollectionParts,
  name: string,
  settings: CollectionSettings = {},
): Promise<Collection> {
  return (await openOrCreate(parts, name, settings)).collection;
}

/** Like `openCollection`, and tells whether it was made by this call. */
export async function openOrCreate(
  parts: CollectionParts,
  name: string,
  settings: CollectionSettings = {},
): Promise<{ collection: Collection; isNew: boolean }> {
  const found = await parts.collections.find(name);
  const { collection: existing, isNew } = found
    ? { collection: found, isNew: false }
    : await createOrFind(parts, name, settings);
  requireSameSettings(existing, settings);
  requireSameModel(existing, await parts.embedder());
  await parts.vectorIndex.builder.ensure(existing);
  // One that was made before words were indexed gets them now; its vectors stay.
  const collection = existing.manifest.analyser ? existing : await indexWords(parts, name, settings);
  return { collection, isNew };
}

/** Deletes a collection with its index, documents and chunks; run again, it finishes what was interrupted. */
export async function dropCollection(
  parts: Omit<CollectionParts, 'embedder'>,
  name: string,
): Promise<number> {
  const collection = await parts.collections.get(name);
  await parts.vectorIndex.builder.drop(collection);
  const deleted = await parts.documents.deleteAll(collection);
  await parts.collections.delete(name);
  // What another process published until the record was gone; from then on it refuses.
  if ((await parts.documents.count(name)) > 0) await parts.documents.deleteAll(collection);
  return deleted;
}

/** Throws `manifest_mismatch` or `dimension_mismatch` unless this embedder may add vectors to the collection. */
export function requireSameModel(
  { name, manifest }: Pick<Collection, 'name' | 'manifest'>,
  { model, dimensions }: Embedder,
): void {
  const made = manifest.model;
  if (!made) {
    throw new StackloreError('manifest_mismatch', {
      message: `Collection "${name}" holds vectors given by a program, not made by a model: text cannot be ingested into it. Use another collection.`,
    });
  }
  const differing = (Object.keys(made) as (keyof EmbeddingModel)[]).filter(
    (part) => made[part] !== model[part],
  );
  if (differing.length === 0 && dimensions === manifest.dimensions) return;
  if (differing.length === 0) {
    throw new StackloreError('dimension_mismatch', {
      message: `Collection "${name}" holds ${manifest.dimensions}-dimension vectors, the configured model gives ${dimensions}. Correct the model's dimensions, or ingest into another collection.`,
    });
  }
  const { differences, remedy } = describeModels(made, model);
  throw new StackloreError('manifest_mismatch', {
    message: `Collection "${name}" was made with model ${made.name}, and the configured model ${model.name} differs (${differences}). ${remedy}, give the collection the configured model (stacklore reindex ${name} --reembed), or ingest into another one.`,
  });
}

async function createOrFind(
  parts: CollectionParts,
  name: string,
  settings: CollectionSettings,
): Promise<{ collection: Collection; isNew: boolean }> {
  try {
    return { collection: await createCollection(parts, name, settings), isNew: true };
  } catch (error) {
    // Another process was quicker; what it made is checked like any other collection.
    if (error instanceof StackloreError && error.code === 'already_exists')
      return { collection: await parts.collections.get(name), isNew: false };
    throw error;
  }
}

async function manifestFor(
  parts: CollectionParts,
  settings: z.output<typeof collectionSettings>,
): Promise<Manifest> {
  const { dimensions, chunkSize: size, chunkOverlap: overlap, m, efConstruction, efRuntime } = settings;
  const embedder = dimensions === undefined ? await parts.embedder() : undefined;
  const most = embedder?.model.maxTokens ?? size;
  requireFittingChunks({ size, overlap }, most);
  return {
    formatVersion: 1,
    model: embedder?.model ?? null,
    dimensions: embedder?.dimensions ?? (dimensions as number),
    metric: 'COSINE',
    vectorType: settings.vectorType,
    ...(settings.vectorType === 'float16' && { storedVectors: 'float16' }),
    chunker: { version: CHUNKER_VERSION, size, overlap },
    fields: settings.fields,
    index: { ...chosenIndex(settings.index, 'flat'), m, efConstruction, efRuntime },
    ...(settings.publish && { publish: settings.publish }),
    // Who gives vectors looks chunks up by vectors; their words count where a language is named.
    ...((embedder || settings.language) && {
      analyser: { version: ANALYSER_VERSION, language: settings.language ?? 'english' },
    }),
  };
}

/** Throws `invalid_input` for chunks that the model does not read whole, or of which nothing is new. */
export function requireFittingChunks(
  { size, overlap }: { readonly size: number; readonly overlap: number },
  most: number,
): void {
  if (overlap < size && size <= most) return;
  throw new StackloreError('invalid_input', {
    message:
      size > most
        ? `A chunk of ${size} tokens is more than the model reads (${most}). Use a chunk size of at most ${most}.`
        : `The overlap (${overlap}) must be smaller than the chunk size (${size}).`,
  });
}

/** What a schema makes of settings. Throws `invalid_input` naming those that cannot be used. */
export function parseWith<T>(schema: z.ZodType<T>, input: unknown): T {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  const issues = checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new StackloreError('invalid_input', {
    message: `These collection settings cannot be used. ${issues.join('; ')}.`,
  });
}

/** Settings that were not given are not compared: they stay what the collection was made with. */
function requireSameSettings({ name, manifest }: Collection, settings: CollectionSettings): void {
  const { chunker, index, fields } = manifest;
  if (chunker.version !== CHUNKER_VERSION) {
    throw new StackloreError('manifest_mismatch', {
      message: `Collection "${name}" was cut by chunker version ${chunker.version}, this is version ${CHUNKER_VERSION}. Cut it anew (stacklore reindex ${name} --chunk-size ${chunker.size}), or ingest into a new collection.`,
    });
  }
  const made = {
    chunkSize: chunker.size,
    chunkOverlap: chunker.overlap,
    index: choiceOf(index),
    m: index.m,
    efConstruction: index.efConstruction,
    efRuntime: index.efRuntime,
    vectorType: manifest.vectorType,
    language: manifest.analyser?.language ?? settings.language,
    publish: manifest.publish ?? 'in one MULTI',
  };
  for (const [setting, value] of Object.entries(made)) {
    const given = settings[setting as keyof typeof made];
    if (given === undefined || given === value) continue;
    throw new StackloreError('manifest_mismatch', {
      message: `Collection "${name}" was made with ${setting} ${value}, not ${given}. Leave the setting out, ingest into a new collection, or change it: stacklore reindex --help.`,
    });
  }
  const declared = new Map(fields.map((field) => [field.name, field.type]));
  const missing = (settings.fields ?? []).filter((field) => declared.get(field.name) !== field.type);
  if (missing.length === 0) return;
  throw new StackloreError('manifest_mismatch', {
    message: `Collection "${name}" has no field ${missing.map((field) => `${field.name}:${field.type}`).join(', ')}. Add it first: stacklore collections add-field ${name} ${missing[0]?.name}:${missing[0]?.type}.`,
  });
}
