import type { Database } from '../../redis/databases.ts';
import type { ChunkerSettings } from '../../schema/knowledge.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import type { StoredDocument } from '../../stores/knowledge/document.ts';
import { NextFields } from '../../stores/knowledge/next-fields.ts';
import { StagedChunks } from '../../stores/knowledge/staged-chunks.ts';
import { storedPerDimension } from '../../stores/knowledge/stored-vectors.ts';
import type { ReindexParts } from './parts.ts';
import { indexedBytes, type ReindexPlan, readServer, sampleTerms } from './plan.ts';
import { recutDocument } from './recut.ts';

/** Documents that are cut to see what all of them take. */
const SAMPLED_DOCUMENTS = 30;
const DOCUMENTS_PER_LOOK = 500;
const SAMPLED_CHUNKS = 200;
/** Bytes of a chunk's hash beside its vector that do not grow with its text: ids, source, what Redis needs for the fields. */
const OTHER_FIELDS_BYTES = 1_000;

/** What other chunks of a collection take, judged by a few of its documents cut anew. */
export async function planRechunk(
  parts: ReindexParts,
  collection: Collection,
  {
    chunker,
    isCompared,
    maxChunks,
  }: { chunker: ChunkerSettings; isCompared: boolean; maxChunks: number | undefined },
): Promise<ReindexPlan> {
  const { knowledge } = parts;
  const { name, manifest } = collection;
  const target = { ...manifest, chunker };
  const [counts, server, words, hashBytes] = await Promise.all([
    countChunks(parts, collection, chunker),
    readServer(knowledge),
    sampleTerms(knowledge, name),
    sampleHashes(knowledge, name),
  ]);
  const sample = await sampleCuts(parts, counts.sampled, { collection, chunker, maxChunks });
  const { chunks, waiting } = counts;
  const growth = sample.before === 0 ? 1 : sample.after / sample.before;
  const chunksAfter = Math.round(chunks * growth);
  const wordsAfter = chunksAfter === 0 ? 0 : (words * chunks) / chunksAfter;
  const chunkBytes = OTHER_FIELDS_BYTES + manifest.dimensions * storedPerDimension(manifest);
  const toWrite = chunksAfter === 0 ? 0 : Math.max(0, 1 - waiting / chunksAfter);
  // All texts together stay as long as they are.
  const textBytes = chunks * Math.max(0, hashBytes - chunkBytes);
  const fieldBytes = Math.round((chunksAfter * chunkBytes + textBytes) * toWrite);
  const indexBefore = chunks * indexedBytes(manifest, words);
  const indexAfter = chunksAfter * indexedBytes(target, wordsAfter);
  const indexBytes = Math.round(isCompared ? indexAfter : Math.max(0, indexAfter - indexBefore));
  const memoryBytes = indexBytes + fieldBytes;
  const room = (server.maxMemoryBytes ?? server.totalMemoryBytes) - server.usedMemoryBytes;
  return {
    ...{ collection: name, changes: { chunker }, chunks, chunksAfter },
    chunksToEmbed: Math.max(0, Math.round((chunksAfter - waiting) * sample.newShare)),
    ...{ memoryBytes, indexBytes, fieldBytes, diskBytes: fieldBytes, server },
    memoryAfterBytes: Math.round((chunksAfter - chunks) * chunkBytes + indexAfter - indexBefore),
    fits: memoryBytes <= room,
  };
}

/** What the hash of a chunk takes, on average of a few. */
async function sampleHashes(knowledge: Database, collection: string): Promise<number> {
  for await (const keys of new NextFields(knowledge, collection).keys()) {
    const some = keys.slice(0, SAMPLED_CHUNKS);
    if (some.length === 0) continue;
    const sizes = await knowledge.pipeline<number | null>(some.map((key) => ['MEMORY', 'USAGE', key]));
    return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) / some.length;
  }
  return 0;
}

interface CountedChunks {
  readonly chunks: number;
  /** Chunks that an earlier run has staged already. */
  readonly waiting: number;
  /** Some of the documents, evenly among all. */
  readonly sampled: readonly StoredDocument[];
}

async function countChunks(
  { knowledge, documents }: ReindexParts,
  { name }: Collection,
  chunker: ChunkerSettings,
): Promise<CountedChunks> {
  const store = new StagedChunks(knowledge);
  const [count, target] = await Promise.all([documents.count(name), store.target(name, chunker)]);
  const step = Math.max(1, Math.floor(count / SAMPLED_DOCUMENTS));
  const sampled: StoredDocument[] = [];
  let [chunks, waiting, looked] = [0, 0, 0];
  for await (const docIds of documents.idPages(name, DOCUMENTS_PER_LOOK)) {
    for (const { document, version, staged } of await store.look(name, docIds)) {
      if (looked % step === 0) sampled.push(document);
      looked += 1;
      chunks += document.chunkCount;
      if (document.manifestHash === target?.manifestHash) waiting += document.chunkCount;
      else if (staged?.manifestHash === target?.manifestHash && staged?.version === version)
        waiting += staged.chunkCount;
    }
  }
  return { chunks, waiting, sampled };
}

interface SampledCuts {
  readonly before: number;
  readonly after: number;
  /** The share of new chunks whose input was not embedded before. */
  readonly newShare: number;
}

/** Cuts some documents from what their chunks hold: quicker than reading files. */
async function sampleCuts(
  { documents, embedder: open }: ReindexParts,
  sampled: readonly StoredDocument[],
  {
    collection,
    chunker,
    maxChunks,
  }: { collection: Collection; chunker: ChunkerSettings; maxChunks: number | undefined },
): Promise<SampledCuts> {
  const embedder = await open();
  let [before, after, made] = [0, 0, 0];
  for (const document of sampled) {
    const recut = await recutDocument(documents, document, {
      chunker,
      embedder,
      maxChunks,
      base: undefined,
      canRead: false,
    });
    if (!recut) continue;
    const known = await documents.embeddings(collection, document);
    before += document.chunkCount;
    after += recut.chunks.length;
    made += recut.chunks.filter(({ inputHash }) => !known.has(inputHash)).length;
  }
  return { before, after, newShare: after === 0 ? 1 : made / after };
}
