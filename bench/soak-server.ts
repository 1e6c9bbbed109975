import { setTimeout as sleep } from 'node:timers/promises';
import type { PrivateRedis } from '../src/redis/private-redis.ts';
import type { Stacklore } from '../src/stacklore.ts';

/** What killing a server did to the documents that were published. */
export interface KilledServerReport {
  /** Documents acknowledged longer before a kill than the log may be behind. */
  readonly acknowledged: number;
  /** Of these, the ones that are not there, or not whole. */
  readonly lost: number;
}

const COLLECTION = 'soak';
const CHUNKS = 5;
/** The log is written to disk every second: what was acknowledged later may be lost. */
const LOG_BEHIND_MS = 1_000;
const LONGEST_MS = 1_500;

/** kill -9 of the server at random moments while documents are published; `open` connects to it anew. */
export async function soakServer(
  open: () => Stacklore,
  redis: PrivateRedis,
  { kills, random }: { readonly kills: number; readonly random: () => number },
): Promise<KilledServerReport> {
  await using(open, (lore) => lore.createCollection(COLLECTION, { dimensions: 8 }));
  let acknowledged = 0;
  let lost = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const times = new Map<string, number>();
    const killedAt = await using(open, async (lore) => {
      const writing = publishUntilItFails(lore, kill, times);
      await sleep(LOG_BEHIND_MS + 100 + random() * LONGEST_MS);
      const at = performance.now();
      await redis.kill();
      await writing;
      return at;
    });
    await redis.restart();
    await using(open, async (lore) => {
      for (const [docId, at] of times) {
        if (killedAt - at < LOG_BEHIND_MS) continue;
        acknowledged += 1;
        if (!(await isWhole(lore, docId))) lost += 1;
      }
    });
  }
  return { acknowledged, lost };
}

async function using<T>(open: () => Stacklore, work: (lore: Stacklore) => Promise<T>): Promise<T> {
  const lore = open();
  return work(lore).finally(() => lore.close());
}

/** Publishes small documents, one after the other, and notes when each was acknowledged. */
async function publishUntilItFails(lore: Stacklore, kill: number, times: Map<string, number>): Promise<void> {
  const collection = await lore.collections.get(COLLECTION);
  for (let n = 0; ; n += 1) {
    const docId = `r${kill}d${n}`;
    const document = { docId, title: docId, source: docId, contentType: 'text', wordCount: 1, hash: docId };
    const chunks = Array.from({ length: CHUNKS }, (_, at) => ({ text: `${docId} ${at}` }));
    const embeddings = chunks.map((_, at) => Float32Array.of(1, at, n, 0, 0, 0, 0, 1));
    try {
      await lore.documents.replace(collection, document, chunks, embeddings);
      times.set(docId, performance.now());
    } catch {
      return; // the server is gone
    }
  }
}

async function isWhole(lore: Stacklore, docId: string): Promise<boolean> {
  const document = await lore.documents.find(docId);
  if (!document) return false;
  let chunks = 0;
  for await (const _ of lore.documents.chunks(document)) chunks += 1;
  return chunks === document.chunkCount;
}
