import { setTimeout as sleep } from 'node:timers/promises';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore } from '../src/stacklore.ts';
import { longestPing } from './longest-ping.ts';
import { median } from './measure.ts';
import { serverCpuMs } from './server-cpu.ts';

const SIZES = [2_500, 5_000, 10_000, 20_000, 50_000];
const TOP_K = 10;
const EF_RUNTIME = 64;

/**
 * FLAT against HNSW by size, which the bounds of `auto` come from: what a query takes, what the index takes to build, and the
 * longest time another client waits meanwhile.
 */
export async function benchIndexKinds(
  vectors: readonly Float32Array[],
  queries: readonly Float32Array[],
): Promise<void> {
  const redis = await startPrivateRedis();
  const lore = openStacklore(redis.config(), { env: {} });
  const { knowledge } = lore.databases;
  const isIndexing = async (index: string) => {
    const reply = await knowledge.send<unknown[]>(['FT.INFO', index]);
    return Number(reply[reply.indexOf('indexing') + 1]) !== 0;
  };
  console.log('\nchunks   index  build s  longest stall ms  query p50 ms  server CPU ms a query');
  try {
    let stored = 0;
    for (const size of SIZES.filter((one) => one <= vectors.length)) {
      for (; stored < size; stored += 1) {
        const { buffer, byteOffset, byteLength } = vectors[stored] as Float32Array;
        await knowledge.send(['HSET', `kind/${stored}`, 'v', Buffer.from(buffer, byteOffset, byteLength)]);
      }
      for (const [kind, settings] of [
        ['FLAT', []],
        ['HNSW', ['M', '16', 'EF_CONSTRUCTION', '200']],
      ] as const) {
        const common = ['TYPE', 'FLOAT32', 'DIM', String(vectors[0]?.length), 'DISTANCE_METRIC', 'COSINE'];
        const words = [kind, String(common.length + settings.length), ...common, ...settings];
        const started = performance.now();
        const stall = await longestPing(redis, async () => {
          await knowledge.send([
            'FT.CREATE',
            kind,
            'PREFIX',
            '1',
            'kind/',
            'SCHEMA',
            'v',
            'VECTOR',
            ...words,
          ]);
          while (await isIndexing(kind)) await sleep(20);
        });
        const build = (performance.now() - started) / 1_000;
        const times: number[] = [];
        const cpu = await serverCpuMs(lore);
        for (const { buffer, byteOffset, byteLength } of queries) {
          const how = kind === 'HNSW' ? ` EF_RUNTIME ${EF_RUNTIME}` : '';
          const begun = performance.now();
          await knowledge.send([
            ...['FT.SEARCH', kind, `*=>[KNN ${TOP_K} @v $v${how} AS d]`],
            ...['PARAMS', '2', 'v', Buffer.from(buffer, byteOffset, byteLength)],
            ...['SORTBY', 'd', 'NOCONTENT', 'DIALECT', '2'],
          ]);
          times.push(performance.now() - begun);
        }
        const each = ((await serverCpuMs(lore)) - cpu) / queries.length;
        console.log(
          `${String(size).padEnd(8)} ${kind}   ${build.toFixed(2).padEnd(8)} ${stall.toFixed(0).padEnd(17)} ${median(times).toFixed(2).padEnd(13)} ${each.toFixed(3)}`,
        );
        await knowledge.send(['FT.DROPINDEX', kind]);
      }
    }
  } finally {
    await lore.close();
    await redis.stop();
  }
}
