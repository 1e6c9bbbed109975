import { createClient } from 'redis';
import { analyserOf } from '../src/stores/knowledge/chunk-terms.ts';
import type { Analyser } from '../src/text/analyser.ts';
import { inTurn, median, printRatio } from './measure.ts';
import type { SearchBench } from './search.ts';
import { serverCpuMs } from './server-cpu.ts';

const TOP_K = 10;
/** Candidates a side, as the product asks for. */
const DEPTH = 300;

/** Hybrid search of texts against an embedding, a KNN and a BM25STD query of node-redis, one after the other. */
export async function benchHybrid({ lore, redis, collection, texts, rounds }: SearchBench): Promise<void> {
  const client = createClient({ socket: { path: redis.socketPath, tls: false }, RESP: 2 });
  await client.connect();
  const { openBareEmbedder } = await import('./floor-embedder.ts');
  const embedder = await openBareEmbedder(lore.config);
  const { manifest } = await lore.collections.get(collection);
  const analyser = await analyserOf(manifest);
  if (!analyser) throw new Error(`The words of ${collection} are not indexed.`);
  const alias = `stacklore:live:${collection}`;
  const ours = (query: string) => lore.search({ query, collection, topK: TOP_K });
  const bare = async (query: string) => {
    const vector = await embedder.embed(query);
    await client.ft.search(alias, '*=>[KNN $k @embedding $vector EF_RUNTIME $ef AS __distance]', {
      PARAMS: {
        k: String(DEPTH),
        vector: Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength),
        ef: String(DEPTH),
      },
      SORTBY: { BY: '__distance', DIRECTION: 'ASC' },
      LIMIT: { from: 0, size: DEPTH },
      RETURN: ['__distance'],
      DIALECT: 2,
    });
    const terms = analyser.analyse(query).split(' ').join('|');
    await client.sendCommand([
      ...['FT.SEARCH', alias, `@analysed|analysed_nearby:(${terms})`, 'NOCONTENT', 'WITHSCORES', 'VERBATIM'],
      ...['SCORER', 'BM25STD', 'LIMIT', '0', String(DEPTH), 'DIALECT', '2'],
    ]);
  };
  const timed = (call: (query: string) => Promise<unknown>) => async () => {
    const latencies: number[] = [];
    const before = await serverCpuMs(lore);
    for (const text of texts) {
      const started = performance.now();
      await call(text);
      latencies.push(performance.now() - started);
    }
    return { p50: median(latencies), cpu: ((await serverCpuMs(lore)) - before) / texts.length };
  };
  await timed(ours)();
  await timed(bare)();
  const { ours: mine, floor } = await inTurn(rounds, timed(ours), timed(bare));
  const p50 = (samples: readonly { p50: number }[]) => samples.map((one) => one.p50);
  const cpu = (samples: readonly { cpu: number }[]) => samples.map((one) => one.cpu);
  printRatio('search, hybrid: p50', 'ms', p50(mine), p50(floor), 'at most 1.25');
  printRatio('search, hybrid: server CPU', 'ms', cpu(mine), cpu(floor), 'at most 1.1');
  printAnalysis(analyser, texts);
  client.destroy();
}

/** How long a query and 1 kB of text take to analyse. */
function printAnalysis(analyser: Analyser, texts: readonly string[]): void {
  const kilobyte = texts.join(' ').repeat(10).slice(0, 1_000);
  for (const [name, inputs, bound] of [
    ['a query', texts, 0.1],
    ['1 kB', Array.from({ length: 1_000 }, (_, at) => `${kilobyte} word${at}`), 0.2],
  ] as const) {
    const started = performance.now();
    for (const input of inputs) analyser.analyse(input);
    const each = (performance.now() - started) / inputs.length;
    console.log(
      `analysis of ${name}: ${each.toFixed(4)} ms (at most ${bound}${each > bound ? ', MISSED' : ''})`,
    );
  }
}
