import { setTimeout as sleep } from 'node:timers/promises';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import { median, quantile } from './measure.ts';

const DIMENSIONS = 384;
const CHUNKS = 100;
const LARGE = 2_000;
const PING_PAUSE_MS = 2;

/** What publishing in steps, as on a cluster, costs against one MULTI, on the same server and the same documents. */
export async function benchPublish({ documents }: { documents: number }): Promise<void> {
  for (const publish of [undefined, 'generations'] as const) {
    const redis = await startPrivateRedis();
    const lore = openStacklore(redis.config(), { env: {} });
    try {
      // Without words, which this process would analyse meanwhile: the PINGs of the stall come from it too.
      await lore.createCollection('bench', { dimensions: DIMENSIONS, ...(publish && { publish }) });
      const added = await publishAll(lore, documents, 1);
      const replaced = await publishAll(lore, documents, 2);
      const search = await searchTimes(lore);
      const name = publish === undefined ? 'in one MULTI' : 'in steps';
      console.log(
        `publish ${name}: new ${added.toFixed(0)} µs a chunk, over an earlier version ${replaced.toFixed(0)} µs; ` +
          `search p50 ${search.p50.toFixed(2)} ms, p99 ${search.p99.toFixed(2)} ms`,
      );
      const stalls = { first: await longestStall(redis, lore), again: await longestStall(redis, lore) };
      console.log(
        `publish ${name}: longest stall of another client at ${LARGE} chunks: new ${stalls.first.toFixed(0)} ms, over an earlier version ${stalls.again.toFixed(0)} ms`,
      );
    } finally {
      await lore.close();
      await redis.stop();
    }
  }
}

/** Microseconds a chunk. */
async function publishAll(lore: Stacklore, documents: number, version: number): Promise<number> {
  const all = Array.from({ length: documents }, (_, n) => makeDocument(`d${n}`, CHUNKS, version));
  const collection = await lore.collections.get('bench');
  const started = performance.now();
  for (const { document, chunks, vectors } of all) {
    await lore.documents.replace(collection, document, chunks, vectors);
  }
  return ((performance.now() - started) * 1_000) / (documents * CHUNKS);
}

async function searchTimes(lore: Stacklore): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let n = 0; n < 200; n += 1) {
    const started = performance.now();
    await lore.search({ vector: randomVector(), collection: 'bench', topK: 10 });
    times.push(performance.now() - started);
  }
  return { p50: median(times), p99: quantile(times, 0.99) };
}

/** The longest that another client waited for a PING while a large document was published, in milliseconds. */
async function longestStall(redis: { config(): object }, lore: Stacklore): Promise<number> {
  const other = openStacklore(redis.config(), { env: {} });
  const { document, chunks, vectors } = makeDocument('large', LARGE, Math.round(performance.now()));
  let isDone = false;
  let longest = 0;
  const publishing = lore.documents
    .replace(await lore.collections.get('bench'), document, chunks, vectors)
    .finally(() => {
      isDone = true;
    });
  while (!isDone) {
    const started = performance.now();
    await other.databases.knowledge.send(['PING']);
    longest = Math.max(longest, performance.now() - started);
    await sleep(PING_PAUSE_MS);
  }
  await publishing;
  await other.close();
  return longest;
}

function makeDocument(docId: string, count: number, version: number) {
  const chunks = Array.from({ length: count }, (_, n) => ({
    text: Array.from({ length: 150 }, (__, at) => `word${(n * 31 + at * 7 + version) % 5_000}`).join(' '),
  }));
  const document = {
    ...{ docId, title: docId, source: docId, contentType: 'text', wordCount: 150 * count },
    hash: `${docId} ${version}`,
  };
  return { document, chunks, vectors: chunks.map(randomVector) };
}

function randomVector(): Float32Array {
  return Float32Array.from({ length: DIMENSIONS }, () => Math.random() - 0.5);
}
