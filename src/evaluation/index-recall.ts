import { float16 } from '../schema/float16.ts';
import { cosine } from '../search/cosine.ts';
import { type KnnQueryParts, nearestQuery } from '../search/query.ts';
import type { SearchParts } from '../search/search.ts';
import type { Collection } from '../stores/knowledge/collections.ts';
import { savedPerDimension } from '../stores/knowledge/stored-vectors.ts';
import type { Candidate, VectorIndex } from '../stores/knowledge/vector-index.ts';
import type { EvaluationQuery } from './test-set.ts';

/** How much of what is really nearest an HNSW index finds. */
export interface IndexRecall {
  readonly collection: string;
  readonly chunks: number;
  /** How many of the queries it was measured with. */
  readonly queries: number;
  /** What searches use unless told otherwise. */
  readonly efRuntime: number;
  /** By EF_RUNTIME, smallest first. */
  readonly measured: readonly EfRuntimeRecall[];
  /** The smallest EF_RUNTIME measured that finds 99 % of the nearest chunks, or else the largest. */
  readonly proposed: number;
  /** What vectors of 16-bit floats would cost and save. */
  readonly float16: Float16Estimate;
}

/** How vectors of half the size would do. */
export interface Float16Estimate {
  /** Mean share of the 10 nearest chunks that would be among the 10 nearest still. */
  readonly recallAt10: number;
  /** Bytes that index and chunks would take less; 0 where both have such vectors already. */
  readonly savedBytes: number;
}

/** What one EF_RUNTIME finds and takes. */
export interface EfRuntimeRecall {
  readonly efRuntime: number;
  /** Mean share of the 10 nearest chunks that were found. */
  readonly recallAt10: number;
  /** Half of the look-ups were answered within this time, network included. */
  readonly p50Ms: number;
}

type RecallParts = Pick<SearchParts, 'embedder'> & {
  readonly vectorIndex: Pick<VectorIndex, 'candidates' | 'contents' | 'findHealth'>;
};

const NEAREST = 10;
/** Rounding moves no chunk from beyond these to the nearest ones. */
const NEARBY = 50;
/** Queries whose chunks are read for the estimate of float16. */
const MOST_READ = 20;
const ENOUGH = 0.99;
const EF_RUNTIMES = [10, 16, 32, 64, 128, 256, 512];
const MOST_QUERIES = 100;
const FEWEST_QUERIES = 10;
/** Exact search holds the server up by about a microsecond a chunk. */
const MOST_COMPARISONS = 5_000_000;
/** Equal distances are computed in another order, and another chunk as near as the last is no miss. */
const ROUNDING = 1e-5;

/** Compares the HNSW indexes of collections with exact search, over the vectors of some of these queries. */
export async function measureIndexRecall(
  parts: RecallParts,
  collections: readonly Collection[],
  queries: readonly EvaluationQuery[],
): Promise<IndexRecall[]> {
  const recalls: IndexRecall[] = [];
  for (const collection of collections) {
    const { index, model } = collection.manifest;
    if (index.kind !== 'hnsw' || !model) continue;
    const chunks = (await parts.vectorIndex.findHealth(collection))?.documents ?? 0;
    if (chunks === 0) continue;
    const most = Math.min(MOST_QUERIES, Math.max(FEWEST_QUERIES, Math.floor(MOST_COMPARISONS / chunks)));
    const vectors = await embedSome(parts, queries, most);
    if (vectors.length > 0) recalls.push(await measureOne(parts, collection, { vectors, chunks }));
  }
  return recalls;
}

/** Evenly spread over the list, so that the same queries are taken each time. */
async function embedSome(
  { embedder }: RecallParts,
  queries: readonly EvaluationQuery[],
  most: number,
): Promise<Float32Array[]> {
  const model = await embedder();
  const step = Math.max(1, queries.length / most);
  const vectors: Float32Array[] = [];
  for (let at = 0; at < queries.length; at += step) {
    const { text } = queries[Math.floor(at)] as EvaluationQuery;
    // A query that cannot be embedded was told of already.
    const vector = await model.embedQuery(text).catch(() => undefined);
    if (vector) vectors.push(vector);
  }
  return vectors;
}

async function measureOne(
  { vectorIndex }: RecallParts,
  collection: Collection,
  { vectors, chunks }: { vectors: readonly Float32Array[]; chunks: number },
): Promise<IndexRecall> {
  const { dimensions, index } = collection.manifest;
  const { efRuntime } = index;
  const measured = [...new Set([...EF_RUNTIMES, efRuntime])]
    .sort((a, b) => a - b)
    .map((ef) => ({ efRuntime: ef, shares: [] as number[], times: [] as number[] }));
  for (const vector of vectors) {
    const ask = { collection, vector, topK: NEAREST };
    const [nearest = []] = (await vectorIndex.candidates(collection, [nearestQuery({ ...ask, exact: true })]))
      .lists;
    // Not timed: the first look-up after one that compares everything finds the processor's caches emptied.
    await lookUp(vectorIndex, ask);
    for (const { efRuntime: ef, shares, times } of measured) {
      const started = performance.now();
      const found = await lookUp(vectorIndex, { ...ask, efRuntime: ef });
      times.push(performance.now() - started);
      shares.push(shareFound(nearest, found));
    }
  }
  const figures = measured.map(({ efRuntime: ef, shares, times }) => ({
    efRuntime: ef,
    recallAt10: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    p50Ms: times.sort((a, b) => a - b)[Math.floor((times.length - 1) / 2)] ?? 0,
  }));
  const enough = figures.find(({ recallAt10 }) => recallAt10 >= ENOUGH) ?? figures.at(-1);
  return {
    ...{ collection: collection.name, chunks, queries: vectors.length, efRuntime, measured: figures },
    proposed: enough?.efRuntime ?? efRuntime,
    float16: {
      recallAt10: await float16Recall(vectorIndex, collection, vectors.slice(0, MOST_READ)),
      savedBytes: chunks * dimensions * savedPerDimension(collection.manifest),
    },
  };
}

async function lookUp(
  vectorIndex: RecallParts['vectorIndex'],
  parts: KnnQueryParts & { readonly collection: Collection },
): Promise<readonly Candidate[]> {
  const { lists } = await vectorIndex.candidates(parts.collection, [nearestQuery(parts)]);
  return lists[0] ?? [];
}

/** Orders the chunks near each vector once more by their rounded vectors. */
async function float16Recall(
  vectorIndex: RecallParts['vectorIndex'],
  collection: Collection,
  vectors: readonly Float32Array[],
): Promise<number> {
  const shares: number[] = [];
  for (const vector of vectors) {
    const query = nearestQuery({ collection, vector, topK: NEARBY, exact: true });
    const [near = []] = (await vectorIndex.candidates(collection, [query])).lists;
    const keys = near.map(({ key }) => key);
    const contents = await vectorIndex.contents(collection, keys);
    const compared = near.map(({ key }, at) => {
      const embedding = contents[at]?.embedding;
      const rounded = embedding && float16.decode(float16.encode(embedding));
      return { key, value: rounded ? 1 - cosine(vector, rounded) : 2 };
    });
    const order = compared.sort((a, b) => a.value - b.value).map(({ key }) => key);
    const nearest = new Set(keys.slice(0, NEAREST));
    const kept = order.slice(0, NEAREST).filter((key) => nearest.has(key));
    shares.push(nearest.size === 0 ? 1 : kept.length / nearest.size);
  }
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

function shareFound(nearest: readonly Candidate[], found: readonly Candidate[]): number {
  const farthest = nearest.at(-1);
  if (!farthest) return 1;
  const near = found.filter(({ value }) => value <= farthest.value + ROUNDING);
  return Math.min(1, near.length / nearest.length);
}
