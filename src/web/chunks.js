/** @import { Api, Chunk, Page } from './types.d.ts' */

const CHUNKS_PER_READ = 200;

/**
 * At which place of its document a chunk stands; 0 when it is there no more.
 *
 * @param {Api} api
 * @param {{ docId: string, chunkId: string, signal?: AbortSignal | undefined }} chunk
 */
export async function findChunkIndex(api, { docId, chunkId, signal }) {
  const path = `/v1/documents/${encodeURIComponent(docId)}/chunks`;
  // Ids of our own end with the place; those of other programs need not.
  const guess = /_(\d+)$/.exec(chunkId)?.[1];
  if (guess !== undefined) {
    /** @type {Page<Chunk>} */
    const { items } = await api.get(path, { query: { offset: Number(guess), limit: 1 }, signal });
    if (items[0]?.chunkId === chunkId) return Number(guess);
  }
  for (let offset = 0; ; offset += CHUNKS_PER_READ) {
    /** @type {Page<Chunk>} */
    const { items, total } = await api.get(path, { query: { offset, limit: CHUNKS_PER_READ }, signal });
    const at = items.findIndex((chunk) => chunk.chunkId === chunkId);
    if (at !== -1) return offset + at;
    if (items.length === 0 || offset + items.length >= total) return 0;
  }
}

/**
 * One chunk of a document; `undefined` when it is there no more.
 *
 * @param {Api} api
 * @param {{ docId: string, chunkId: string, signal?: AbortSignal | undefined }} chunk
 * @returns {Promise<Chunk | undefined>}
 */
export async function findChunk(api, { docId, chunkId, signal }) {
  const path = `/v1/documents/${encodeURIComponent(docId)}/chunks`;
  const offset = await findChunkIndex(api, { docId, chunkId, signal });
  /** @type {Page<Chunk>} */
  const { items } = await api.get(path, { query: { offset, limit: 1 }, signal });
  return items.find((chunk) => chunk.chunkId === chunkId);
}
