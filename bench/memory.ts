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
  readonly hasWords?: false;
  /** Texts that are put together for one chunk. */
  readonly joined?: number;
}

const VARIANTS: readonly Variant[] = [
  { vectorType: 'float32', hashes: 'loose' },
  { vectorType: 'float32', hashes: 'packed' },
  { vectorType: 'float16', hashes: 'packed' },
  { vectorType: 'float32', hashes: 'loose', hasWords: false },
  { vectorType: 'float16', hashes: 'packed', hasWords: false },
  { vectorType: 'float16', hashes: 'packed', joined: 4 },
];

/** What a chunk takes by part and option, in bytes of the whole server, and what float16 costs in recall. */
export async function benchMemory(bench: MemoryBench): Promise<void> {
  console.log(
    `memory: ${bench.texts.length} chunks; bytes of a chunk, as used_memory of the server tells them`,
  );
  const exact: string[][] = [];
  for (const variant of VARIANTS) {
    const args = ['--hash-max-listpack-value', PACKED_BYTES[variant.hashes]];
    const redis = await startPrivateRedis({ args });
    const lore = openStacklore(redis.config(), { env: {} });
    try {
      const server = { lore, redis };
      const empty = await usedBytes(lore);
      const collection = await fill(server, bench, variant);
      const recall =
        variant.joined === undefined ? await recallOf(server, { bench, collection, exact }) : undefined;
      await measureParts(server, { collection, empty, variant, recall });
    } finally {
      await lore.close();
      await redis.stop();
    }
  }
}

interface Server {
  readonly lore: Stacklore;
  readonly redis: PrivateRedis;
}

async function fill({ lore }: Server, bench: MemoryBench, variant: Variant): Promise<Collection> {
  const { vectorType, hasWords = true, joined = 1 } = variant;
  const texts: string[] = [];
  for (let at = 0; at + joined <= bench.texts.length; at += joined) {
    texts.push(bench.texts.slice(at, at + joined).join('\n'));
  }
  const collection = await lore.createCollection('memory', {
    ...{ dimensions: bench.vectors[0]?.length ?? 0, index: 'flat', vectorType },
    ...(hasWords && { language: 'english' }),
  });
  await publish(lore, { collection, texts, vectors: bench.vectors.slice(0, texts.length) });
  return collection;
}

/** The share of the nearest that is found as by the first collection, which has float32. */
async function recallOf(
  { lore }: Server,
  {
    bench: { queries },
    collection,
    exact,
  }: { bench: MemoryBench; collection: Collection; exact: string[][] },
): Promise<number> {
  const found = await nearestOf(lore, { collection, queries });
  if (exact.length === 0) exact.push(...found);
  const kept = found.map((chunkIds, at) => chunkIds.filter((chunkId) => exact[at]?.includes(chunkId)).length);
  return kept.reduce((sum, count) => sum + count, 0) / (queries.length * NEAREST);
}

async function measureParts(
  { lore, redis }: Server,
  {
    collection,
    empty,
    variant,
    recall,
  }: { collection: Collection; empty: number; variant: Variant; recall: number | undefined },
): Promise<void> {
  const { knowledge } = lore.databases;
  const { documents: chunks } = await readIndexHealth(knowledge, collection.index);
  await knowledge.send(['FT.DROPINDEX', collection.index]);
  const per = (bytes: number) => Math.round(bytes / chunks);
  const hash = per((await usedBytes(lore)) - empty);
  const parts = await hashParts(lore, chunks);
  const { analyser, ...wordless } = collection.manifest;
  const indexes = [
    partIndex([]),
    partIndex(analyser ? termsAttributes({}) : []),
    ...(['flat', 'hnsw'] as const).map((kind) =>
      createCommand(PART, 'memory', { ...wordless, index: { ...wordless.index, kind } }),
    ),
  ];
  const measured: number[] = [];
  for (const command of indexes) measured.push(per(await indexBytes(lore, command)));
  const [ids = 0, wordIndex = 0, flat = 0, hnsw = 0] = measured;
  const words = wordIndex - ids;
  // The first start loads what the hashes were written as; the second one what a start has packed.
  await redis.restart();
  const { wallMs } = await sample(() => redis.restart());
  const { vectorType, hashes, hasWords = true, joined = 1 } = variant;
  console.log(
    `${vectorType}, ${hashes} hashes, ${hasWords ? 'words' : 'no words'}, ${parts.text} bytes of text${joined > 1 ? ', long' : ''}:`,
  );
  console.log(
    `  hash ${hash}: vector ${parts.embedding}, own terms ${parts.analysed}, terms around ${parts.analysed_nearby}, metadata and ids ${parts.others}, the rest is Redis's own`,
  );
  console.log(`  index: ids ${ids}, words ${words}, vectors FLAT ${flat - ids}, HNSW ${hnsw - ids}`);
  const bound = vectorType === 'float16' && joined === 1 ? ' (goal 4000)' : '';
  console.log(`  in all with FLAT ${hash + words + flat}, with HNSW ${hash + words + hnsw}${bound}`);
  console.log(
    `  start without an index ${(wallMs / 1_000).toFixed(2)} s${recall === undefined ? '' : `; recall@10 against float32 ${recall.toFixed(4)} (goal at least 0.995)`}`,
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
