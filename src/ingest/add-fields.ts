import { StackloreError } from '../errors.ts';
import type { CollectionField } from '../schema/knowledge.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import { type CollectionParts, declaredFields, parseWith } from './collection-settings.ts';

/** How often a manifest that others changed meanwhile is read and extended again. */
const ATTEMPTS = 20;

/** A collection with its fields extended, and what should be known of the chunks it held already. */
export interface ExtendedCollection extends Collection {
  readonly warnings: readonly string[];
}

/**
 * Declares more filterable metadata fields and indexes the chunks that are already stored by them; chunks whose
 * metadata does not fit a field go without it and are told of in `warnings`. Run again, it finishes what was interrupted.
 */
export async function addFields(
  parts: Omit<CollectionParts, 'embedder'>,
  name: string,
  fields: readonly CollectionField[],
): Promise<ExtendedCollection> {
  const wanted = parseWith(declaredFields, fields);
  // Declared before the stored chunks get the fields, so that a document ingested meanwhile carries them too.
  const extended = await declareFields(parts, name, wanted);
  const skipped = await parts.documents.backfillFields(extended, wanted);
  const warnings = skipped.map(
    ({ field, chunks, reason }) =>
      `Field "${field}" was left out of ${chunks} stored ${chunks === 1 ? 'chunk' : 'chunks'} without a fitting value. The first: ${reason}`,
  );
  return { ...extended, warnings };
}

/** Adds the fields to index and manifest; another program that declares fields at the same time keeps its own. */
async function declareFields(
  parts: Omit<CollectionParts, 'embedder'>,
  name: string,
  wanted: readonly CollectionField[],
): Promise<Collection> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const collection = await parts.collections.get(name);
    const added = missingFields(collection, wanted);
    await parts.vectorIndex.builder.addFields(collection, wanted);
    if (added.length === 0) return collection;
    const manifest = { ...collection.manifest, fields: [...collection.manifest.fields, ...added] };
    const extended = await parts.collections.saveManifest(collection, manifest);
    if (extended) return extended;
  }
  throw new StackloreError('busy', {
    message: `Other programs keep changing the fields of collection "${name}". Repeat when they are done.`,
  });
}

/** Those of the fields that the collection does not have yet. Throws `already_exists` for one of another type. */
function missingFields(
  { name, manifest }: Collection,
  wanted: readonly CollectionField[],
): readonly CollectionField[] {
  const declared = new Map(manifest.fields.map((field) => [field.name, field.type]));
  for (const { name: field, type } of wanted) {
    if (declared.has(field) && declared.get(field) !== type) {
      throw new StackloreError('already_exists', {
        message: `Field "${field}" of collection "${name}" is a ${declared.get(field)} already. Use another name.`,
      });
    }
  }
  return wanted.filter((field) => !declared.has(field.name));
}
