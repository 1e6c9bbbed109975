import type { Database } from '../../redis/databases.ts';
import type { Analyser } from '../../text/analyser.ts';
import { parseMetadata } from './chunk-metadata.ts';
import { type ChunkTerms, ownTerms, type WordedChunk, withNeighbours } from './chunk-terms.ts';
import { chunksBeside } from './document-ids.ts';

/** What the terms of a chunk that is stored already are made of. */
export interface StoredWords {
  readonly key: string;
  readonly text: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The terms of chunks as they are stored, in their order; those beside them are read where they are not given. */
export async function storedTerms(
  database: Database,
  analyser: Analyser,
  chunks: readonly StoredWords[],
): Promise<ChunkTerms[]> {
  const own = new Map(chunks.map((chunk) => [chunk.key, ownTerms(analyser, worded(chunk))]));
  const others = [...new Set(chunks.flatMap(({ key }) => neighbourKeys(key)))].filter((key) => !own.has(key));
  const stored = await database.pipeline<(string | null)[]>(
    others.map((key) => ['HMGET', key, 'text', 'metadata']),
  );
  for (const [at, [text, metadata]] of stored.entries()) {
    if (typeof text !== 'string') continue;
    const key = others[at] as string;
    own.set(key, ownTerms(analyser, worded({ text, metadata: parseMetadata(metadata ?? '{}') })));
  }
  return chunks.map(({ key }) => {
    return withNeighbours(own.get(key) ?? '', ...neighbourKeys(key).map((one) => own.get(one) ?? ''));
  });
}

/** Where the chunks before and after would be; other programs may number theirs in other ways, or not at all. */
function neighbourKeys(key: string): string[] {
  return chunksBeside(key, [-1, 1]).filter((one) => one !== undefined);
}

function worded({ text, metadata: { title, headings } }: Omit<StoredWords, 'key'>): WordedChunk {
  return {
    title: typeof title === 'string' ? title : '',
    headings: Array.isArray(headings) ? headings.filter((heading) => typeof heading === 'string') : [],
    text,
  };
}
