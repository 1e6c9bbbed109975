import type { PrivateRedis } from '../src/redis/private-redis.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { longestPing } from './longest-ping.ts';

const SIZES = [500, 1_000, 5_000];
const INDEXES = [
  { kind: 'hnsw', words: true },
  { kind: 'hnsw', words: false },
  { kind: 'flat', words: true },
  { kind: 'flat', words: false },
] as const;

/** The longest PING of another client while one large document is published, replaced and deleted, by size and index. */
export async function benchStall(
  lore: Stacklore,
  {
    redis,
    texts,
    vectors,
  }: { redis: PrivateRedis; texts: readonly string[]; vectors: readonly Float32Array[] },
): Promise<void> {
  console.log('longest stall of another client in ms, while one document is: published  replaced  deleted');
  for (const { kind, words } of INDEXES) {
    for (const size of SIZES.filter((one) => one <= texts.length)) {
      const collection = await lore.createCollection('stall', {
        ...{ dimensions: vectors[0]?.length ?? 0, index: kind },
        ...(words && { language: 'english' as const }),
      });
      const document = { docId: 'large', title: 'Large', source: '/large.md', contentType: 'markdown' };
      const chunks = texts.slice(0, size).map((text) => ({ text }));
      const publish = (hash: string) =>
        longestPing(redis, () =>
          lore.documents.replace(
            collection,
            { ...document, wordCount: 1, hash },
            chunks,
            vectors.slice(0, size),
          ),
        );
      const stalls = [await publish('first'), await publish('second')];
      stalls.push(await longestPing(redis, () => lore.documents.delete('large')));
      const index = `${kind}, ${words ? 'with' : 'without'} words`;
      console.log(
        `  ${`${size} chunks, ${index}`.padEnd(36)} ${stalls.map((ms) => ms.toFixed(0).padStart(8)).join('  ')}`,
      );
      await lore.dropCollection('stall');
    }
  }
}
