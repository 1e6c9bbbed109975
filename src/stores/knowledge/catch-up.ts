import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { readHash } from '../../redis/hash.ts';
import { collectionRecord, type Manifest } from '../../schema/knowledge.ts';
import { loadAnalyser } from '../../text/analyser.ts';
import { backfillChunks, backfillTerms } from './backfill.ts';
import { type Collection, manifestHash } from './collections.ts';
import { indexedVectorField, termsFields } from './index-fields.ts';
import { convertToIndexed, writtenType } from './stored-vectors.ts';

/**
 * A collection as it is now, to those who opened it before: chunks must be what its index reads from the moment they are there.
 * Fields are those they know, as others are added afterwards where they fit. Throws `manifest_mismatch` when a reindex
 * has given it another model or chunk size.
 */
export async function upToDate(database: Database, collection: Collection): Promise<Collection> {
  const { name, manifest } = collection;
  const key = collectionRecord.key.build({ collection: name });
  const codec = collectionRecord.fields.manifest;
  const stored = await database.send<string | null>(['HGET', key, 'manifest']);
  // A collection that is gone is told of by the publish itself.
  if (stored === null || stored === codec.encode(manifest)) return collection;
  const current = codec.decode(stored);
  if (manifestHash(current) !== manifestHash(manifest)) throw otherModel(name);
  return { ...collection, manifest: { ...current, fields: manifest.fields } };
}

/**
 * Gives the chunks of a document what was declared after its writer had opened the collection: fields, how words are
 * analysed, what the index reads. Gives whether anything was. Throws `manifest_mismatch` where that takes another model.
 */
export async function catchUp(
  database: Database,
  { name, manifest }: Pick<Collection, 'name' | 'manifest'>,
  keys: readonly string[],
): Promise<boolean> {
  const key = collectionRecord.key.build({ collection: name });
  const current = (await readHash(database, collectionRecord, key))?.manifest;
  if (!current) return false;
  const known = new Set(manifest.fields.map((field) => field.name));
  const later = current.fields.filter((field) => !known.has(field.name));
  const isAnalysedAnew = isAnother(current, manifest);
  if (later.length > 0) await backfillChunks(database, keys, later);
  if (isAnalysedAnew && current.analyser) {
    const analyser = await loadAnalyser(current.analyser);
    await backfillTerms(database, keys, { analyser, fields: termsFields(current) });
  }
  if (manifestHash(current) !== manifestHash(manifest)) throw otherModel(name);
  const isConverted = areVectorsOther(current, manifest) && (await convertToIndexed(database, keys, current));
  return later.length > 0 || isAnalysedAnew || isConverted;
}

function isAnother(current: Manifest, manifest: Manifest): boolean {
  if (!current.analyser) return false;
  return (
    JSON.stringify(current.analyser) !== JSON.stringify(manifest.analyser) ||
    termsFields(current).own !== termsFields(manifest).own
  );
}

function areVectorsOther(current: Manifest, manifest: Manifest): boolean {
  return (
    indexedVectorField(current) !== indexedVectorField(manifest) ||
    writtenType(current) !== writtenType(manifest)
  );
}

function otherModel(name: string): StackloreError {
  return new StackloreError('manifest_mismatch', {
    message: `Collection "${name}" was given another model or chunk size by a reindex. Open the collection again, with that model configured, and ingest the document once more; stacklore collections info ${name} names both.`,
  });
}
