import { CHUNK_PREFIX, chunkRecord } from '../../schema/knowledge.ts';
import { STAGED_CHUNK_PREFIX, stagedChunkRecord } from '../../schema/staged.ts';
import { parseMetadata } from './chunk-metadata.ts';

/** A stored chunk with its cosine distance to the query, 0 (same direction) to 2. */
export interface ChunkMatch {
  readonly collection: string;
  readonly chunkId: string;
  readonly docId: string;
  readonly nodeId: string;
  readonly text: string;
  readonly metadata: Record<string, unknown>;
  readonly distance: number;
}

/** The name a KNN clause gives the distance. */
export const DISTANCE = '__distance';

/** RESP2: total, then key and flat field list in turn; the list is nil for a key that is gone or lives elsewhere. */
export type SearchReply = [number, ...(string | string[] | null)[]];

/** The matches of a reply, in its order. */
export function readMatches(collection: string, reply: SearchReply): ChunkMatch[] {
  const matches: ChunkMatch[] = [];
  for (let at = 1; at < reply.length; at += 2) {
    const key = reply[at] as string;
    const fields = reply[at + 1] as string[] | null | undefined;
    if (!fields) continue; // a ghost: deleted between match and load, or written in another database number
    const match = readMatch(collection, fields, key);
    if (match) matches.push(match);
  }
  return matches;
}

function readMatch(collection: string, fields: string[], key: string): ChunkMatch | undefined {
  let text: string | undefined;
  let metadata: Record<string, unknown> = {};
  let docId = '';
  let nodeId = '';
  let distance = Number.NaN;
  for (let at = 0; at < fields.length; at += 2) {
    const value = fields[at + 1] as string;
    switch (fields[at]) {
      case 'text':
        text = value;
        break;
      case 'metadata':
        metadata = parseMetadata(value);
        break;
      case 'doc_id':
        docId = value;
        break;
      case 'node_id':
        nodeId = value;
        break;
      case DISTANCE:
        distance = Number(value);
        break;
    }
  }
  // A vector of zeros or NaN has no direction, so its distance means nothing and it cannot be a hit.
  if (text === undefined || Number.isNaN(distance)) return undefined;
  const chunkId = chunkIdOfKey(collection, key);
  return { collection, chunkId, docId, nodeId, text, metadata, distance: Math.min(2, Math.max(0, distance)) };
}

/** The id of the chunk that has this key. */
export function chunkIdOfKey(collection: string, key: string): string {
  const isLive = key.startsWith(CHUNK_PREFIX);
  const rawId = key.slice((isLive ? CHUNK_PREFIX : STAGED_CHUNK_PREFIX).length + collection.length + 1);
  // The key is parsed only when it holds an escape: this runs for every match of every search.
  if (!rawId.includes('%')) return rawId;
  return (isLive ? chunkRecord : stagedChunkRecord).key.parse(key)?.chunkId ?? rawId;
}
