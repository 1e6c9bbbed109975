import type { Database } from '../../redis/databases.ts';
import type { Manifest, ReindexedSettings } from '../../schema/knowledge.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { indexedVectorField } from '../../stores/knowledge/index-fields.ts';
import { NextFields } from '../../stores/knowledge/next-fields.ts';
import { bytesPerDimension, storedPerDimension } from '../../stores/knowledge/stored-vectors.ts';
import { float16Recall } from './float16-recall.ts';
import { finishedManifest, keepsIndex, settingsBefore, switchedManifest } from './manifests.ts';
import type { ReindexParts } from './parts.ts';

/** What a reindex does and what it takes, told before anything is written. Bytes are estimates. */
export interface ReindexPlan {
  readonly collection: string;
  readonly changes: ReindexedSettings;
  readonly chunks: number;
  /** Where documents are cut anew, how many chunks there will be, about. */
  readonly chunksAfter?: number;
  /** Chunks that go through the model, those of an earlier run left out; analysing words and building an index need none. */
  readonly chunksToEmbed: number;
  /** Memory of the server until it is finished: the second index, and the fields that chunks are given. */
  readonly memoryBytes: number;
  readonly indexBytes: number;
  readonly fieldBytes: number;
  /** What remains of it, once finished, against now; negative when less is needed. */
  readonly memoryAfterBytes: number;
  /** What snapshots and archives grow by until it is finished: indexes are not in them. */
  readonly diskBytes: number;
  readonly server: {
    readonly usedMemoryBytes: number;
    /** `null`: no limit is set. */
    readonly maxMemoryBytes: number | null;
    readonly totalMemoryBytes: number;
  };
  /** Which share of the 10 nearest stays the same with float16 vectors, among a sample; where vectors become float16. */
  readonly float16Recall?: number;
  /** Whether the server has room for it, by its limit or the memory of its machine. */
  readonly fits: boolean;
}

/** Chunks looked at for the size of what is stored of their words. */
const SAMPLED_CHUNKS = 200;
/** What a further field of a hash takes beside its value. */
const FIELD_OVERHEAD_BYTES = 80;

/** What the changes of a collection take. */
export async function planReindex(
  { knowledge, vectorIndex }: Pick<ReindexParts, 'knowledge' | 'vectorIndex'>,
  collection: Collection,
  changes: ReindexedSettings,
): Promise<ReindexPlan> {
  const { name, manifest } = collection;
  const [health, server, sample, chunksToEmbed, recall] = await Promise.all([
    vectorIndex.findHealth(collection),
    readServer(knowledge),
    sampleTerms(knowledge, name),
    changes.model ? new NextFields(knowledge, name).countLacking('embedding') : 0,
    changes.vectorType === 'float16' && !changes.model ? float16Recall(knowledge, collection) : undefined,
  ]);
  const chunks = health?.documents ?? 0;
  const switched = switchedManifest(manifest, changes);
  const reindex = { changes, before: settingsBefore(manifest, changes) };
  const finished = finishedManifest(switched, reindex);
  const built = keepsIndex(manifest, changes) ? 0 : chunks;
  const indexBytes = Math.round(built * indexedBytes(switched, sample));
  const isEmbeddingOther = switched.next?.includes('embedding') ?? false;
  const embedding = isEmbeddingOther ? switched.dimensions * 4 + FIELD_OVERHEAD_BYTES : 0;
  const terms = changes.analyser ? sample + 2 * FIELD_OVERHEAD_BYTES : 0;
  const gainsFloat16 = changes.vectorType === 'float16' && !isEmbeddingOther;
  const float16 = gainsFloat16 ? finished.dimensions * 2 + FIELD_OVERHEAD_BYTES : 0;
  const fieldBytes = Math.round(chunks * (embedding + terms + float16));
  const memoryBytes = indexBytes + fieldBytes;
  const after = chunks * (storedBytes(finished) - storedBytes(manifest));
  const room = (server.maxMemoryBytes ?? server.totalMemoryBytes) - server.usedMemoryBytes;
  return {
    ...{ collection: name, changes, chunks, chunksToEmbed },
    ...{ memoryBytes, indexBytes, fieldBytes, memoryAfterBytes: Math.round(after) },
    ...{ diskBytes: fieldBytes, server, fits: memoryBytes <= room },
    ...(recall !== undefined && { float16Recall: recall }),
  };
}

/** What ids, sources and the like of a chunk take in an index, and what its terms take there for each of their bytes. */
const OTHER_ATTRIBUTES_BYTES = 750;
const INDEXED_TERMS_FACTOR = 1.5;
/** Bytes of these terms for each byte of text, where none are stored yet. */
const WORDS_OF_TEXT = 2;

/** Bytes of a chunk in an index by its manifest; `words` are those of its terms. */
export function indexedBytes(manifest: Manifest, words: number): number {
  const terms = manifest.analyser ? words * INDEXED_TERMS_FACTOR : 0;
  return vectorBytes(manifest) + OTHER_ATTRIBUTES_BYTES + terms;
}

/** Bytes of a chunk in the vector index; those beside the vector as measured with RediSearch 2.10. */
function vectorBytes({ dimensions, vectorType, index }: Manifest): number {
  const vector = dimensions * bytesPerDimension(vectorType);
  return index.kind === 'flat' ? vector + 70 : vector + index.m * 16 + 144;
}

/** Bytes of a chunk that depend on the manifest, in index and hash. */
function storedBytes(manifest: Manifest): number {
  const further = indexedVectorField(manifest) === 'embedding_float16' ? FIELD_OVERHEAD_BYTES : 0;
  return vectorBytes(manifest) + manifest.dimensions * storedPerDimension(manifest) + further;
}

/** What the server says of its memory. */
export async function readServer(knowledge: Database): Promise<ReindexPlan['server']> {
  const info = await knowledge.send<string>(['INFO', 'memory']);
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const maxMemory = read('maxmemory');
  return {
    usedMemoryBytes: read('used_memory'),
    maxMemoryBytes: maxMemory === 0 ? null : maxMemory,
    totalMemoryBytes: read('total_system_memory'),
  };
}

/** Bytes of the terms of a chunk and of those around it, on average of a few. */
export async function sampleTerms(knowledge: Database, collection: string): Promise<number> {
  for await (const keys of new NextFields(knowledge, collection).keys()) {
    const some = keys.slice(0, SAMPLED_CHUNKS);
    if (some.length === 0) continue;
    const lengths = await knowledge.pipeline<number>(
      some.flatMap((key) => [
        ['HSTRLEN', key, 'analysed'],
        ['HSTRLEN', key, 'analysed_nearby'],
        ['HSTRLEN', key, 'text'],
      ]),
    );
    let sum = 0;
    for (let at = 0; at < lengths.length; at += 3) {
      const [own = 0, nearby = 0, text = 0] = lengths.slice(at, at + 3);
      sum += own === 0 ? text * WORDS_OF_TEXT : own + nearby;
    }
    return sum / some.length;
  }
  return 0;
}
