import { createClient } from 'redis';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import { inTurn, printRatio, sample } from './measure.ts';
import { serverCpuMs } from './server-cpu.ts';

const CHUNKS_PER_DOCUMENT = 100;

export interface StoreBench {
  readonly texts: readonly string[];
  readonly vectors: readonly Float32Array[];
  readonly rounds: number;
}

interface StoreSample {
  readonly clientCpu: number;
  readonly serverCpu: number;
  readonly wall: number;
}

/** `documents.replace` of given vectors against a hand-written pipeline of the same hashes into the same index. */
export async function benchStore({ texts, vectors, rounds }: StoreBench): Promise<void> {
  const run = (write: Writer) => () => onFreshServer(write, texts, vectors);
  const { ours, floor } = await inTurn(rounds, run(writeDocuments), run(writeBare));
  const bound = (text: string) => text;
  printRatio(
    'store: client CPU',
    'µs a chunk',
    ours.map((s) => s.clientCpu),
    floor.map((s) => s.clientCpu),
    bound('at most 1.15'),
  );
  printRatio(
    'store: server CPU',
    'µs a chunk',
    ours.map((s) => s.serverCpu),
    floor.map((s) => s.serverCpu),
    bound('at most 1.05'),
  );
  printRatio(
    'store: wall',
    'µs a chunk',
    ours.map((s) => s.wall),
    floor.map((s) => s.wall),
    bound('for information'),
  );
}

type Writer = (parts: {
  lore: Stacklore;
  socketPath: string;
  texts: readonly string[];
  vectors: readonly Float32Array[];
}) => Promise<{ clientCpuMs: number; wallMs: number }>;

async function onFreshServer(
  write: Writer,
  texts: readonly string[],
  vectors: readonly Float32Array[],
): Promise<StoreSample> {
  const redis = await startPrivateRedis();
  const lore = openStacklore(redis.config(), { env: {} });
  try {
    await lore.createCollection('store', { dimensions: vectors[0]?.length ?? 0 });
    const before = await serverCpuMs(lore);
    const { clientCpuMs, wallMs } = await write({ lore, socketPath: redis.socketPath, texts, vectors });
    const perChunk = 1_000 / texts.length;
    const serverCpu = ((await serverCpuMs(lore)) - before) * perChunk;
    return { clientCpu: clientCpuMs * perChunk, serverCpu, wall: wallMs * perChunk };
  } finally {
    await lore.close();
    await redis.stop();
  }
}

const writeDocuments: Writer = async ({ lore, texts, vectors }) => {
  const collection = await lore.collections.get('store');
  const { cpuMs, wallMs } = await sample(async () => {
    for (let at = 0; at < texts.length; at += CHUNKS_PER_DOCUMENT) {
      const page = texts.slice(at, at + CHUNKS_PER_DOCUMENT);
      await lore.documents.replace(
        collection,
        {
          docId: `d${at}`,
          title: `Document ${at}`,
          source: `/bench/d${at}.md`,
          contentType: 'markdown',
          wordCount: 1,
          hash: `h${at}`,
        },
        page.map((text, index) => ({ text, start: index * 400, end: index * 400 + text.length })),
        vectors.slice(at, at + CHUNKS_PER_DOCUMENT),
      );
    }
  });
  return { clientCpuMs: cpuMs, wallMs };
};

/** Writes the fields that the index reads and the schema asks for, and nothing that keeps documents whole. */
const writeBare: Writer = async ({ socketPath, texts, vectors }) => {
  const client = createClient({ socket: { path: socketPath, tls: false }, RESP: 2 });
  await client.connect();
  const updated = String(Math.floor(Date.now() / 1_000));
  const { cpuMs, wallMs } = await sample(async () => {
    for (let at = 0; at < texts.length; at += CHUNKS_PER_DOCUMENT) {
      const multi = client.multi();
      for (let n = 0; n < CHUNKS_PER_DOCUMENT && at + n < texts.length; n += 1) {
        const vector = vectors[at + n] as Float32Array;
        const text = texts[at + n] as string;
        const source = `/bench/d${at}.md`;
        multi.hSet(`llama_index/vector_store/store/d${at}_chunk_${n}`, {
          embedding: Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength),
          text,
          metadata: JSON.stringify({
            source,
            chunk_index: n,
            title: `Document ${at}`,
            start: n * 400,
            end: n * 400 + text.length,
          }),
          doc_id: `d${at}`,
          node_id: `node${at}-${n}`,
          source,
          content_type: 'markdown',
          updated_at: updated,
        });
      }
      await multi.execAsPipeline();
    }
  });
  client.destroy();
  return { clientCpuMs: cpuMs, wallMs };
};
