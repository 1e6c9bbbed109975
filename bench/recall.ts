import type { Stacklore } from '../src/stacklore.ts';
import { median } from './measure.ts';

const TOP_K = 10;

/** Recall@10 against exact search, server CPU and memory for each choice of index settings. */
export async function benchRecall(
  lore: Stacklore,
  { collection, queries, quick }: { collection: string; queries: readonly Float32Array[]; quick: boolean },
): Promise<void> {
  const { knowledge } = lore.databases;
  const prefix = `llama_index/vector_store/${collection}/`;
  const create = async (index: string, kind: string[]) => {
    const { length } = queries[0] as Float32Array;
    const settings = [
      'TYPE',
      'FLOAT32',
      'DIM',
      String(length),
      'DISTANCE_METRIC',
      'COSINE',
      ...kind.slice(1),
    ];
    const schema = ['embedding', 'VECTOR', kind[0] as string, String(settings.length), ...settings];
    const started = performance.now();
    await knowledge.send([
      'FT.CREATE',
      index,
      'ON',
      'HASH',
      'PREFIX',
      '1',
      prefix,
      'STOPWORDS',
      '0',
      'SCHEMA',
      ...schema,
    ]);
    while ((await infoOf(lore, index)).indexing) await new Promise((resolve) => setTimeout(resolve, 100));
    return (performance.now() - started) / 1_000;
  };
  const search = async (index: string, query: Float32Array, ef: number | undefined) => {
    const clause = `*=>[KNN ${TOP_K} @embedding $v ${ef === undefined ? '' : `EF_RUNTIME ${ef} `}AS d]`;
    const vector = Buffer.from(query.buffer, query.byteOffset, query.byteLength);
    const command = [
      'FT.SEARCH',
      index,
      clause,
      'PARAMS',
      '2',
      'v',
      vector,
      'SORTBY',
      'd',
      'LIMIT',
      '0',
      String(TOP_K),
    ];
    const reply = await knowledge.send<unknown[]>([
      ...command,
      'RETURN',
      '1',
      'd',
      'TIMEOUT',
      '10000',
      'DIALECT',
      '2',
    ]);
    return new Set(reply.filter((_, at) => at % 2 === 1).map(String));
  };

  await create('bench:flat', ['FLAT']);
  const exact: Set<string>[] = [];
  for (const query of queries) exact.push(await search('bench:flat', query, undefined));
  const settings = quick
    ? [[16, 200]]
    : [
        [16, 100],
        [16, 200],
        [24, 200],
        [32, 200],
      ];
  console.log(`\nrecall@${TOP_K} against exact search, ${queries.length} queries`);
  console.log('M   EF_CONSTRUCTION  build s  index MB  EF_RUNTIME: recall (server µs a query)');
  for (const [m, efConstruction] of settings as [number, number][]) {
    const index = `bench:hnsw-${m}-${efConstruction}`;
    const seconds = await create(index, ['HNSW', 'M', String(m), 'EF_CONSTRUCTION', String(efConstruction)]);
    const { memoryMb } = await infoOf(lore, index);
    const results: string[] = [];
    for (const ef of [10, 32, 64, 100, 128, 200]) {
      const before = await serverCpuUs(lore);
      const recalls: number[] = [];
      for (const [at, query] of queries.entries()) {
        const found = await search(index, query, ef);
        recalls.push([...(exact[at] as Set<string>)].filter((id) => found.has(id)).length / TOP_K);
      }
      const cpu = ((await serverCpuUs(lore)) - before) / queries.length;
      const mean = recalls.reduce((sum, value) => sum + value, 0) / recalls.length;
      results.push(`${ef}: ${mean.toFixed(4)} (${cpu.toFixed(0)})`);
    }
    console.log(
      `${String(m).padEnd(3)} ${String(efConstruction).padEnd(16)} ${seconds.toFixed(1).padEnd(8)} ${memoryMb.toFixed(0).padEnd(9)} ${results.join('  ')}`,
    );
    await knowledge.send(['FT.DROPINDEX', index]);
  }
  await knowledge.send(['FT.DROPINDEX', 'bench:flat']);
  await benchDefault(lore, { collection, queries, exact });
}

async function benchDefault(
  lore: Stacklore,
  {
    collection,
    queries,
    exact,
  }: { collection: string; queries: readonly Float32Array[]; exact: readonly Set<string>[] },
): Promise<void> {
  const recalls: number[] = [];
  const prefix = `llama_index/vector_store/${collection}/`;
  for (const [at, vector] of queries.entries()) {
    const { hits } = await lore.search({ vector, collection, topK: TOP_K });
    const found = new Set(hits.map(({ chunkId }) => prefix + chunkId));
    recalls.push([...(exact[at] as Set<string>)].filter((id) => found.has(id)).length / TOP_K);
  }
  const mean = recalls.reduce((sum, value) => sum + value, 0) / recalls.length;
  console.log(
    `default settings through lore.search: recall@10 ${mean.toFixed(4)}, median ${median(recalls)}  (at least 0.98)`,
  );
}

async function infoOf(lore: Stacklore, index: string): Promise<{ indexing: boolean; memoryMb: number }> {
  const reply = await lore.databases.knowledge.send<unknown[]>(['FT.INFO', index]);
  const value = (name: string) => Number(reply[reply.indexOf(name) + 1]);
  return { indexing: value('indexing') !== 0, memoryMb: value('vector_index_sz_mb') };
}

async function serverCpuUs(lore: Stacklore): Promise<number> {
  const info = await lore.databases.knowledge.send<string>(['INFO', 'cpu']);
  return Number(/used_cpu_user:([\d.]+)/.exec(info)?.[1] ?? 0) * 1e6;
}
