import { createClient } from 'redis';
import type { PrivateRedis } from '../src/redis/private-redis.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { inTurn, median, printRatio, quantile, sample } from './measure.ts';

export interface SearchBench {
  readonly lore: Stacklore;
  readonly redis: PrivateRedis;
  readonly collection: string;
  readonly queries: readonly Float32Array[];
  readonly texts: readonly string[];
  readonly rounds: number;
}

const RETURNED = ['__distance', 'text', 'metadata', 'doc_id', 'node_id'];
const IN_FLIGHT = 16;
const TOP_K = 10;
const WARM_UP_ROUNDS = 8;

/** Search of given vectors and of texts against the bare calls of node-redis. */
export async function benchSearch(bench: SearchBench): Promise<void> {
  const { lore, redis, collection, queries, rounds, texts } = bench;
  const client = createClient({ socket: { path: redis.socketPath, tls: false }, RESP: 2 });
  await client.connect();
  const { manifest } = await lore.collections.get(collection);
  const bare = (vector: Float32Array) =>
    client.ft.search(
      `stacklore:live:${collection}`,
      '*=>[KNN $k @embedding $vector EF_RUNTIME $ef AS __distance]',
      {
        PARAMS: {
          k: String(TOP_K),
          vector: Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength),
          ef: String(manifest.index.efRuntime),
        },
        SORTBY: { BY: '__distance', DIRECTION: 'ASC' },
        LIMIT: { from: 0, size: TOP_K },
        RETURN: RETURNED,
        TIMEOUT: 10_000,
        DIALECT: 2,
      },
    );
  const ours = (vector: Float32Array) => lore.search({ vector, collection, topK: TOP_K });
  await checkEqual(queries[0] as Float32Array, bare, ours);

  const sequential = (call: (vector: Float32Array) => Promise<unknown>) => async () => {
    const latencies: number[] = [];
    const total = await sample(async () => {
      for (const query of queries) {
        const started = performance.now();
        await call(query);
        latencies.push(performance.now() - started);
      }
    });
    return { p50: median(latencies), p99: quantile(latencies, 0.99), cpu: total.cpuMs / queries.length };
  };
  const together = (call: (vector: Float32Array) => Promise<unknown>) => async () => {
    let next = 0;
    const lane = async () => {
      while (next < queries.length) await call(queries[next++] as Float32Array);
    };
    const { wallMs, cpuMs } = await sample(
      async () => void (await Promise.all(Array.from({ length: IN_FLIGHT }, lane))),
    );
    return { rate: (queries.length / wallMs) * 1_000, cpu: cpuMs / queries.length };
  };
  // Both sides are compiled by then: a server that has answered a few thousand queries is what is compared.
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) {
    await together(ours)();
    await together(bare)();
  }
  const one = await inTurn(rounds, sequential(ours), sequential(bare));
  printRatio(
    'search, vector given: p50',
    'ms',
    one.ours.map((s) => s.p50),
    one.floor.map((s) => s.p50),
    'at most 1.15',
  );
  printRatio(
    'search, vector given: p99',
    'ms',
    one.ours.map((s) => s.p99),
    one.floor.map((s) => s.p99),
    'for information',
  );
  printRatio(
    'search, vector given: client CPU',
    'ms',
    one.ours.map((s) => s.cpu),
    one.floor.map((s) => s.cpu),
    'at most 1.15',
  );

  const many = await inTurn(rounds, together(ours), together(bare));
  printRatio(
    'search, 16 in flight: rate',
    'queries/s',
    many.ours.map((s) => s.rate),
    many.floor.map((s) => s.rate),
    'at least 0.9',
  );
  printRatio(
    'search, 16 in flight: client CPU',
    'ms',
    many.ours.map((s) => s.cpu),
    many.floor.map((s) => s.cpu),
    'at most 1.15',
  );

  const { openBareEmbedder } = await import('./floor-embedder.ts');
  const embedder = await openBareEmbedder(lore.config);
  const threaded = await openBareEmbedder(lore.config, { inThread: true });
  const textLatency = (call: (text: string) => Promise<unknown>) => async () => {
    const latencies: number[] = [];
    for (const text of texts) {
      const started = performance.now();
      await call(text);
      latencies.push(performance.now() - started);
    }
    return median(latencies);
  };
  const oursText = textLatency((query) => lore.search({ query, collection, topK: TOP_K, mode: 'vector' }));
  const bareText = textLatency(async (text) => bare(await embedder.embed(text)));
  const threadedText = textLatency(async (text) => bare(await threaded.embed(text)));
  await oursText();
  await bareText();
  await threadedText();
  const text = await inTurn(rounds, oursText, bareText);
  printRatio('search, text: p50', 'ms', text.ours, text.floor, 'at most 1.15');
  // The other floor holds up its event loop for as long as a text is embedded, which a server cannot afford.
  const beside = await inTurn(rounds, oursText, threadedText);
  printRatio('search, text embedded in a thread: p50', 'ms', beside.ours, beside.floor, 'at most 1.15');
  await threaded.close();
  client.destroy();
}

async function checkEqual(
  query: Float32Array,
  bare: (vector: Float32Array) => Promise<{ documents: { id: string }[] }>,
  ours: (vector: Float32Array) => Promise<{ hits: { chunkId: string }[] }>,
): Promise<void> {
  const ids = (await bare(query)).documents.map(({ id }) => id.slice(id.lastIndexOf('/') + 1));
  const hits = (await ours(query)).hits.map(({ chunkId }) => chunkId);
  if (ids.join() !== hits.join())
    throw new Error(`The bare call and the product answer differently: ${ids} / ${hits}`);
}
