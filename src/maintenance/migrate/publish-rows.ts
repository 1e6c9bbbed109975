import type { Embedder } from '../../embed/embedder.ts';
import { StackloreError } from '../../errors.ts';
import { isId } from '../../schema/key.ts';
import { chunkRecord } from '../../schema/knowledge.ts';
import { checkVector } from '../../stores/knowledge/check-vector.ts';
import { type Collection, manifestHash } from '../../stores/knowledge/collections.ts';
import { defaultDocId } from '../../stores/knowledge/document-ids.ts';
import type { Documents } from '../../stores/knowledge/documents.ts';
import type { RowGroup } from './foreign-rows.ts';
import type { ForeignRow } from './layout.ts';
import { requireStatedModel } from './require-model.ts';
import { documentOf } from './row-document.ts';

/** The collection that rows go into. */
export interface RowTarget {
  readonly name: string;
  /** Absent while it is to be made, which a dry run does not do. */
  readonly collection: Collection | undefined;
  readonly dimensions: number;
  /** Absent where vectors are given by programs. */
  readonly embedder: Embedder | undefined;
  readonly reembed: boolean;
  readonly dryRun: boolean;
}

/** Publishes the rows of one document, unless it is there already just so. */
export async function publishRows(
  { documents }: { readonly documents: Documents },
  target: RowTarget,
  { rows }: RowGroup,
): Promise<'created' | 'updated' | 'unchanged'> {
  const { name, collection, reembed, dryRun } = target;
  const [first] = rows as [ForeignRow, ...ForeignRow[]]; // a group has one row at least
  const fallback = first.docId ?? first.key;
  const { document, chunks } = documentOf(rows, { fallback, keepsVectors: !reembed });
  const docId = await chooseDocId(documents, name, first.docId, document.source);
  const earlier = await documents.find(docId);
  const isSame =
    earlier?.hash === document.hash &&
    earlier.chunkCount === chunks.length &&
    collection !== undefined &&
    earlier.manifestHash === manifestHash(collection.manifest);
  if (isSame) return 'unchanged';
  const vectors = reembed && target.embedder && !dryRun ? await embed(target.embedder, rows) : undefined;
  const embeddings = vectors ?? (reembed ? [] : rows.map((row) => keptVector(row, target)));
  if (!dryRun && collection) await documents.replace(collection, { ...document, docId }, chunks, embeddings);
  return earlier ? 'updated' : 'created';
}

/** Ids are unique across collections: one that another collection holds is qualified with the name of this. */
async function chooseDocId(
  documents: Documents,
  collection: string,
  given: string | undefined,
  source: string,
): Promise<string> {
  if (given === undefined || !isId(given) || given.trim() !== given) {
    return defaultDocId(collection, given ?? source);
  }
  const owner = (await documents.find(given))?.collection ?? collection;
  return owner === collection ? given : `${collection}:${given}`;
}

function embed(embedder: Embedder, rows: readonly ForeignRow[]): Promise<Float32Array[]> {
  return embedder.embedTexts(rows.map(({ text }) => text));
}

function keptVector({ key, vector, model }: ForeignRow, { dimensions, embedder }: RowTarget): Float32Array {
  if (model !== undefined && embedder) requireStatedModel(model, embedder.model.name);
  if (vector === undefined || vector.byteLength % 4 !== 0) {
    const has =
      vector === undefined ? 'no vector' : `${vector.byteLength} bytes where a float32 vector should be`;
    throw new StackloreError('dimension_mismatch', {
      message: `The row ${key} has ${has}. Correct it, or embed again (--reembed).`,
    });
  }
  const decoded = chunkRecord.fields.embedding.decode(vector);
  checkVector(decoded, dimensions);
  return decoded;
}
