import type { Config } from '../src/config.ts';
import { openLocalEmbedder } from '../src/embed/local-embedder.ts';
import type { PrivateRedis } from '../src/redis/private-redis.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { textWindows, vectorsOf } from './corpus.ts';

/** What many chunks took, and how many of them an index found before and after a restart. */
export interface SizeReport {
  readonly chunks: number;
  readonly seconds: number;
  /** Nothing where there is no index. */
  readonly indexed: number | null | undefined;
  readonly indexedAfterRestart: number | null | undefined;
  readonly restartSeconds: number;
  readonly serverMb: number;
}

const CHUNKS_OF_DOCUMENT = 100;
const TOLD_EVERY = 10_000;
/** As many as the bench takes with its queries, so that both share the vectors kept in the data home. */
const FURTHER_WINDOWS = 500;

/** Publishes chunks of real text, then restarts the server; prints the client's memory on the way, which should stay flat. */
export async function soakSize(
  lore: Stacklore,
  redis: PrivateRedis,
  { config, count }: { readonly config: Config; readonly count: number },
): Promise<SizeReport> {
  const embedder = await openLocalEmbedder(config);
  const windows = await textWindows(undefined, count + FURTHER_WINDOWS);
  const texts = windows.slice(0, count);
  const vectors = await vectorsOf(config, embedder, windows);
  await embedder.close();
  const collection = await lore.createCollection('size');
  const started = performance.now();
  for (let at = 0; at < texts.length; at += CHUNKS_OF_DOCUMENT) {
    const names = { docId: `d${at}`, title: `d${at}`, source: `/d${at}.md`, hash: `h${at}` };
    const document = { ...names, contentType: 'markdown', wordCount: 1 };
    const chunks = texts.slice(at, at + CHUNKS_OF_DOCUMENT).map((text) => ({ text }));
    const embeddings = vectors.slice(at, at + CHUNKS_OF_DOCUMENT);
    await lore.documents.replace(collection, document, chunks, embeddings);
    if (at % TOLD_EVERY === 0)
      console.log(`${at} chunks, client ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
  }
  const seconds = (performance.now() - started) / 1_000;
  const [before] = (await lore.status()).collections;
  const restarted = performance.now();
  await redis.restart();
  const [after] = (await lore.status()).collections;
  const restartSeconds = (performance.now() - restarted) / 1_000;
  const { server } = await lore.status();
  return {
    ...{ chunks: texts.length, seconds, restartSeconds, serverMb: server.usedMemoryBytes / 1e6 },
    ...{ indexed: before?.chunks, indexedAfterRestart: after?.chunks },
  };
}
