import { manifestHash } from '../../stores/knowledge/collections.ts';
import { NextFields } from '../../stores/knowledge/next-fields.ts';
import { applied } from './manifests.ts';
import type { ReindexParts } from './parts.ts';

/** Documents whose ids go into one call. */
const DOCUMENTS_PER_CALL = 200;

/** Documents whose chunks were embedded again are unchanged to the next ingest. */
export async function restateDocuments(
  { knowledge, collections, documents, reindexes }: ReindexParts,
  name: string,
): Promise<void> {
  const { manifest, createdAt, index } = await collections.get(name);
  const { before, index: nextIndex, changes } = (await reindexes.find({ name, createdAt })) ?? {};
  if (!changes?.model || !before?.model) return;
  const others = index === nextIndex ? before : changes;
  const hashes = {
    from: manifestHash({ ...manifest, ...applied(others) }),
    to: manifestHash(manifest),
  };
  const fields = new NextFields(knowledge, name);
  let docIds: string[] = [];
  for await (const { docId } of documents.all(name)) {
    docIds.push(docId);
    if (docIds.length < DOCUMENTS_PER_CALL) continue;
    await fields.restate(docIds, hashes);
    docIds = [];
  }
  await fields.restate(docIds, hashes);
}
