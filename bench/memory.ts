import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type PrivateRedis, startPrivateRedis } from '../src/redis/private-redis.ts';
import type { VectorType } from '../src/schema/knowledge.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import type { Collection } from '../src/stores/knowledge/collections.ts';
import { chunkPrefix } from '../src/stores/knowledge/document-ids.ts';
import { attributeArguments, readIndexHealth } from '../src/stores/knowledge/ft-index.ts';
import {
  createCommand,
  DOCUMENT_ATTRIBUTES,
  termsAttributes,
} from '../src/stores/knowledge/index-command.ts';
import { sample } from './measure.ts';

const CHUNKS_PER_DOCUMENT = 100;
const NEAREST = 10;
const SAMPLED_CHUNKS = 500;
/** As redis-server has it by itself, and as ours is started. */
const PACKED_BYTES = { loose: '64', packed: '8192' } as const;

export interface MemoryBench {
  readonly texts: readonly string[];
  readonly vectors: readonly Float32Array[];
  readonly queries: readonly Float32Array[];
}

interface Variant {
  readonly vectorType: VectorType;
  readonly hashes: keyof typeof PACKED_BYTES;
}

const VARIANTS: readonly Variant[] = [
  { vectorType: 'float32', hashes: 'loose' },
  { vectorType: 'float32', hashes: 'packed' },
  { vectorType: 'float16', hashes: 'packed' },
];

/** What a chunk takes by part and option, in bytes of the whole server, and what float16 costs in recall. */
export async function benchMemory(bench: MemoryBench): Promise<void> {
  const length = bench.texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / bench.texts.length;
  console.log(
    `memory: ${bench.texts.length} chunks, ${Math.round(length)} bytes of text each, bytes a chunk`,
  );
  const exact: string[][] = [];
  for (const variant of VARIANTS) {
    const redis = await startPrivateRedis({
      args: ['--hash-max-listpack-value', PACKED_BYTES[variant.hashes]],
    });
    const lore = openStacklore(redis.config(), { env: {} });
    try {
      await measureVariant({ lore, redis }, { ...bench, variant, exact });
    } finally {
      await lore.close();
      await redis.stop();
    }
  }
}

async function measureVariant(
  { lore, redis }: { lore: Stacklore; redis: PrivateRedis },
  {
    texts,
    vectors,
    queries,
    variant,
    exact,
  }: MemoryBench & { variant: Variant /** Filled by the first variant. */; exact: string[][] },
): Promise<void> {
  const { vectorType, hashes } = variant;
  const empty = await usedBytes(lore);
  const settings = { dimensions: vectors[0]?.length ?? 0, index: 'flat', language: 'english' } as const;
  const collection = await lore.createCollection('memory', { ...settings, vectorType });
  const { wallMs } = await sample(() => publish(lore, { collection, texts, vectors }));
  const found = await nearestOf(lore, { collection, queries });
  if (exact.length === 0) exact.push(...found);
  const kept = found.map((keys, at) => keys.filter((key) => exact[at]?.includes(key)).length);
  const recall = kept.reduce((sum, count) => sum + count, 0) / (queries.length * NEAREST);
  await lore.databases.knowledge.send(['FT.DROPINDEX', collection.index]);
  const per = (bytes: number) => Math.round(bytes / texts.length);
  const hash = per((await usedBytes(lore)) - empty);
  const parts = await hashParts(lore, texts.length);
  const { analyser: _, ...wordless } = collection.manifest;
  const vectorIndex = (kind: 'flat' | 'hnsw') =>
    createCommand(PART, 'memory', { ...wordless, index: { ...wordless.index, kind } });
  const measured: number[] = [];
  for (const command of [
    partIndex([]),
    partIndex(termsAttributes({})),
    vectorIndex('flat'),
    vectorIndex('hnsw'),
  ]) {
    measured.push(per(await indexBytes(lore, command)));
  }
  const [ids = 0, words = 0, flat = 0, hnsw = 0] = measured;
  const wordFields = (parts.analysed ?? 0) + (parts.analysed_nearby ?? 0);
  await redis.restart();
  const restarted = await sample(() => redis.restart());
  console.log(`${vectorType}, ${hashes} hashes:`);
  console.log(
    `  hash ${hash}: text ${parts.text}, vector ${parts.embedding}, words ${wordFields}, metadata and ids ${parts.others}, the rest is Redis's own`,
  );
  console.log(`  index: ids ${ids}, words ${words - ids}, vectors flat ${flat - ids}, hnsw ${hnsw - ids}`);
  console.log(
    `  in all: flat ${hash + flat + words - ids}, hnsw ${hash + hnsw + words - ids}; a collection without words ${hash - wordFields + flat} and ${hash - wordFields + hnsw}`,
  );
  console.log(
    `  published in ${(wallMs / 1_000).toFixed(1)} s; restart without an index ${(restarted.wallMs / 1_000).toFixed(2)} s; recall@10 against float32 ${recall.toFixed(4)}`,
  );
}

const PART = 'memory-part';

/** An index of ids and the like, and of further attributes. */
function partIndex(attributes: readonly string[][]): string[] {
  const options = ['ON', 'HASH', 'PREFIX', '1', chunkPrefix('memory'), 'NOOFFSETS', 'STOPWORDS', '0'];
  const schema = [...DOCUMENT_ATTRIBUTES.map(attributeArguments), ...attributes].flat();
  return ['FT.CREATE', PART, ...options, 'SCHEMA', ...schema];
}

/** What an index takes of the server once it is built. */
async function indexBytes(lore: Stacklore, command: readonly string[]): Promise<number> {
  const { knowledge } = lore.databases;
  const before = await usedBytes(lore);
  await knowledge.send(command);
  while ((await readIndexHealth(knowledge, PART)).indexing) await sleep(100);
  const after = await usedBytes(lore);
  await knowledge.send(['FT.DROPINDEX', PART]);
  return after - before;
}

/** Memory of the server, once it no longer changes: what is dropped goes by and by. */
async function usedBytes(lore: Stacklore): Promise<number> {
  for (let last = 0; ; ) {
    const info = await lore.databases.knowledge.send<string>(['INFO', 'memory']);
    const used = Number(/used_memory:(\d+)/.exec(info)?.[1] ?? 0);
    if (Math.abs(used - last) < 100_000) return used;
    last = used;
    await sleep(300);
  }
}

async function publish(
  lore: Stacklore,
  { collection, texts, vectors }: Omit<MemoryBench, 'queries'> & { collection: Collection },
): Promise<void> {
  for (let at = 0; at < texts.length; at += CHUNKS_PER_DOCUMENT) {
    const docId = `d${at}`;
    const document = {
      docId,
      title: `Document ${at}`,
      source: `/bench/${docId}.md`,
      contentType: 'markdown',
    };
    const chunks = texts.slice(at, at + CHUNKS_PER_DOCUMENT).map((text, index) => {
      return {
        text,
        start: index * 400,
        end: index * 400 + text.length,
        inputHash: createHash('md5').update(text).digest('hex'),
      };
    });
    await lore.documents.replace(
      collection,
      { ...document, wordCount: 1, hash: `h${at}` },
      chunks,
      vectors.slice(at, at + CHUNKS_PER_DOCUMENT),
    );
  }
}

/** The bytes of fields of a chunk, on average of some. */
async function hashParts(
  lore: Stacklore,
  chunks: number,
): Promise<Record<(typeof FIELDS)[number] | 'others', number>> {
  const { knowledge } = lore.databases;
  const step = Math.max(1, Math.floor(chunks / SAMPLED_CHUNKS));
  const sums = { text: 0, embedding: 0, analysed: 0, analysed_nearby: 0, others: 0 };
  let read = 0;
  for (let at = 0; at < chunks; at += step, read += 1) {
    const n = at % CHUNKS_PER_DOCUMENT;
    const key = `${chunkPrefix('memory')}d${at - n}_chunk_${n}`;
    const names = await knowledge.send<string[]>(['HKEYS', key]);
    const lengths = await knowledge.pipeline<number>(names.map((name) => ['HSTRLEN', key, name]));
    for (const [index, name] of names.entries()) {
      const part = FIELDS.find((field) => field === name) ?? 'others';
      sums[part] += lengths[index] ?? 0;
    }
  }
  for (const part of [...FIELDS, 'others'] as const) sums[part] = Math.round(sums[part] / read);
  return sums;
}

const FIELDS = ['text', 'embedding', 'analysed', 'analysed_nearby'] as const;

async function nearestOf(
  lore: Stacklore,
  { collection, queries }: { collection: Collection; queries: readonly Float32Array[] },
): Promise<string[][]> {
  const found: string[][] = [];
  for (const vector of queries) {
    const { hits } = await lore.search({
      collection: collection.name,
      vector,
      topK: NEAREST,
      mode: 'vector',
    });
    found.push(hits.map(({ chunkId }) => chunkId));
  }
  return found;
}
