import { createClient } from 'redis';
import type { PrivateRedis } from '../src/redis/private-redis.ts';
import type { Stacklore } from '../src/stacklore.ts';

/** The longest PING of another client while one large document is published and then replaced. */
export async function benchStall(
  lore: Stacklore,
  {
    redis,
    texts,
    vectors,
  }: { redis: PrivateRedis; texts: readonly string[]; vectors: readonly Float32Array[] },
): Promise<void> {
  const collection = await lore.createCollection('stall', { dimensions: vectors[0]?.length ?? 0 });
  const document = {
    docId: 'large',
    title: 'Large',
    source: '/large.md',
    contentType: 'markdown',
    wordCount: 1,
  };
  const chunks = texts.map((text) => ({ text }));
  for (const [label, hash] of [
    ['publish', 'first'],
    ['replace', 'second'],
  ] as const) {
    const worst = await longestPing(redis, () =>
      lore.documents.replace(collection, { ...document, hash }, chunks, vectors),
    );
    console.log(
      `longest stall of another client, ${label} of ${chunks.length} chunks: ${worst.toFixed(0)} ms`,
    );
  }
  await lore.dropCollection('stall');
}

/** The longest PING of another client while some work goes on, in milliseconds. */
export async function longestPing(redis: PrivateRedis, work: () => Promise<unknown>): Promise<number> {
  const client = createClient({ socket: { path: redis.socketPath, tls: false }, RESP: 2 });
  await client.connect();
  let worst = 0;
  let isRunning = true;
  const pinging = (async () => {
    while (isRunning) {
      const started = performance.now();
      await client.ping();
      worst = Math.max(worst, performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  await work();
  isRunning = false;
  await pinging;
  client.destroy();
  return worst;
}
