import { StackloreError } from '../../errors.ts';
import type { ChunkerSettings, Reindex } from '../../schema/knowledge.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { StagedChunks } from '../../stores/knowledge/staged-chunks.ts';
import { stagedPrefix } from '../../stores/knowledge/staged-keys.ts';
import { compareIndexes, type ReindexComparison } from './compare.ts';
import { type ReindexParts, switchTo } from './parts.ts';
import type { ReindexPlan } from './plan.ts';
import { type ReindexReport, rechunkWarnings } from './report.ts';
import { isSame, type ReindexRequest } from './request.ts';
import { countWays, stageDocuments } from './stage-documents.ts';

/** A reindex with other chunks, as it is recorded; `before` says that the switch was begun. */
type Rechunk = Omit<Reindex, 'changes'> & { readonly changes: { readonly chunker: ChunkerSettings } };

/** Whether what was begun cuts documents in another way. */
export function isRechunk(begun: Reindex): begun is Reindex & Rechunk {
  return begun.changes.chunker !== undefined;
}

/**
 * Cuts all documents anew beside their live chunks, compares, and switches: first new documents are cut in the new way, then
 * every document in turn changes its chunks in one step. Interrupted, it goes on when repeated.
 */
export async function rechunk(
  parts: ReindexParts,
  collection: Collection,
  given: { begun: Rechunk; plan: ReindexPlan; request: ReindexRequest; queries: readonly string[] },
): Promise<ReindexReport> {
  const { begun, plan, request, queries } = given;
  const { name } = collection;
  requireOneStep(parts, collection);
  const { reindexes } = parts;
  const { chunker } = begun.changes;
  const isSwitched = isSame(collection.manifest.chunker, chunker);
  let chunks = 0;
  let comparison: ReindexComparison | undefined;
  const stage = (exchange: boolean) => stageDocuments(parts, name, { ...request, chunker, exchange });
  const report = async (state: ReindexReport['state']): Promise<ReindexReport> => {
    return { ...(await reportOf(parts, name, { chunks, state })), plan, ...(comparison && { comparison }) };
  };
  if (!isSwitched) {
    chunks += await stage(false);
    if (request.buildOnly || queries.length > 0) {
      comparison = await compareStaged(parts, collection, given);
      chunks += await stage(false);
    }
    if (request.buildOnly) return report('built');
    await switchTo(parts, name, {
      index: collection.index,
      manifestOf: (manifest) => ({ ...manifest, chunker }),
      before: ({ manifest }) => reindexes.save(name, { ...begun, before: { chunker: manifest.chunker } }),
    });
  }
  chunks += await exchangeAll(parts, name, { begun, chunker, request });
  return report('switched');
}

/** Chunks change places in one script, which sees the keys of one server and knows no generations. */
function requireOneStep({ vectorIndex }: Pick<ReindexParts, 'vectorIndex'>, collection: Collection): void {
  if (!vectorIndex.usesGenerations(collection)) return;
  throw new StackloreError('invalid_input', {
    message: `The documents of collection "${collection.name}" are published in steps, as on a cluster, so that their chunks cannot change places with others. Ingest into a new collection with that chunk size, then drop this one.`,
  });
}

/** Keeps the new chunks for good and drops those of before. */
export async function finishRechunk(
  parts: ReindexParts,
  { name, manifest }: Collection,
  { begun, request }: { begun: Rechunk; request: ReindexRequest },
): Promise<ReindexReport> {
  const { chunker } = begun.changes;
  if (!isSame(manifest.chunker, chunker)) {
    throw new StackloreError('invalid_input', {
      message: `The new chunks of collection "${name}" do not serve it yet. Repeat stacklore reindex ${name} first, or drop them with --rollback.`,
    });
  }
  await parts.reindexes.save(name, { ...begun, intent: 'finish' });
  // Writers that had opened the collection before the switch may have published since.
  const chunks = await exchangeAll(parts, name, { begun, chunker, request });
  const report = await reportOf(parts, name, { chunks, state: 'finished' });
  await clear(parts, name, request);
  return report;
}

/** Puts the chunks of before back in their places, cuts what was published since as they are, and drops the new ones. */
export async function rollBackRechunk(
  parts: ReindexParts,
  collection: Collection,
  { begun, request }: { begun: Rechunk; request: ReindexRequest },
): Promise<ReindexReport> {
  const { name } = collection;
  await parts.reindexes.save(name, { ...begun, intent: 'roll-back' });
  let chunks = 0;
  const chunker = begun.before?.chunker;
  if (chunker) {
    if (!isSame(collection.manifest.chunker, chunker)) {
      await switchTo(parts, name, {
        index: collection.index,
        manifestOf: (manifest) => ({ ...manifest, chunker }),
      });
    }
    chunks = await exchangeAll(parts, name, { begun, chunker, request });
  }
  await clear(parts, name, request);
  return { collection: name, state: 'rolled-back', chunks, warnings: [] };
}

/** Gives every document the chunks that the manifest says; those that are waiting need no index of their own any more. */
async function exchangeAll(
  parts: ReindexParts,
  name: string,
  { begun, chunker, request }: { begun: Rechunk; chunker: ChunkerSettings; request: ReindexRequest },
): Promise<number> {
  await parts.vectorIndex.builder.dropIndex(begun.index);
  return stageDocuments(parts, name, { ...request, chunker, exchange: true });
}

async function compareStaged(
  parts: ReindexParts,
  collection: Collection,
  {
    begun,
    plan: { chunksAfter: total = 0 },
    request,
    queries,
  }: { begun: Rechunk; plan: ReindexPlan; request: ReindexRequest; queries: readonly string[] },
): Promise<ReindexComparison | undefined> {
  const { onProgress } = request;
  const { embedder } = parts;
  const next = { ...collection, index: begun.index };
  await parts.vectorIndex.builder.build(next, {
    prefix: stagedPrefix(collection.name),
    onProgress: (share) => onProgress?.({ step: 'index', done: Math.round(share * total), total }),
  });
  if (queries.length === 0) return undefined;
  const sides = { live: { collection, embedder }, next: { collection: next, embedder } };
  return compareIndexes(parts, sides, { ...request, queries, unit: 'document' });
}

async function reportOf(
  parts: ReindexParts,
  name: string,
  { chunks, state }: Pick<ReindexReport, 'chunks' | 'state'>,
): Promise<ReindexReport> {
  const documents = await countWays(parts, name);
  return { collection: name, state, chunks, documents, warnings: rechunkWarnings(documents) };
}

async function clear(
  { knowledge, vectorIndex, reindexes, collections }: ReindexParts,
  name: string,
  { onProgress }: Pick<ReindexRequest, 'onProgress'>,
): Promise<void> {
  let done = 0;
  await vectorIndex.builder.dropOthers(await collections.get(name));
  await new StagedChunks(knowledge).clear(name, (keys) => {
    done += keys;
    onProgress?.({ step: 'clean-up', done, total: done });
  });
  await reindexes.delete(name);
}
