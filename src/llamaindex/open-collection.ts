import type { BaseEmbedding } from '@llamaindex/core/embeddings';
import { StackloreError } from '../errors.ts';
import type { CollectionSettings } from '../ingest/collection-settings.ts';
import type { Stacklore } from '../stacklore.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import { LocalEmbedding } from './local-embedding.ts';

/** A collection to be used with the vectors of an embed model. */
export interface CollectionUse {
  readonly lore: Stacklore;
  readonly name: string;
  readonly embedModel: BaseEmbedding;
}

/** The collection to search. Throws `not_found`, or `manifest_mismatch` where it holds vectors of another model. */
export async function findCollection({ lore, name, embedModel }: CollectionUse): Promise<Collection> {
  const collection = await lore.collections.getRecent(name);
  requireSameOrigin(collection, embedModel);
  if (collection.manifest.model) await lore.checkModel(name);
  return collection;
}

/** The collection to add to, made when missing. Throws `manifest_mismatch` where it holds vectors of another model. */
export async function openCollection(
  { lore, name, embedModel }: CollectionUse,
  { dimensions, settings }: { dimensions: number; settings: CollectionSettings },
): Promise<Collection> {
  const existing = await lore.collections.find(name);
  if (existing) requireSameOrigin(existing, embedModel);
  if (isOwn(embedModel)) return lore.openCollection(name, settings);
  if (existing) return existing;
  try {
    // Words are looked up in the text of nodes whatever made their vectors.
    return await lore.createCollection(name, { language: 'english', ...settings, dimensions });
  } catch (error) {
    if (!(error instanceof StackloreError && error.code === 'already_exists')) throw error;
    // Another process was quicker.
    const made = await lore.collections.get(name);
    requireSameOrigin(made, embedModel);
    return made;
  }
}

function isOwn(embedModel: BaseEmbedding): boolean {
  return embedModel instanceof LocalEmbedding;
}

/** Vectors of stacklore's model and of any other say nothing about each other, even where they are of one length. */
function requireSameOrigin({ name, manifest }: Collection, embedModel: BaseEmbedding): void {
  if (isOwn(embedModel) === (manifest.model !== null)) return;
  throw new StackloreError('manifest_mismatch', {
    message: manifest.model
      ? `Collection "${name}" holds vectors of stacklore's model ${manifest.model.name}, and this store was given another embedModel. Leave embedModel out and set Settings.embedModel = new LocalEmbedding(lore), or use another collection.`
      : `Collection "${name}" holds vectors that programs gave, and nothing tells by which model. Give the store that model, new RedisVectorStore({ lore, collection: '${name}', embedModel }), and set Settings.embedModel to it too; or use another collection.`,
  });
}
