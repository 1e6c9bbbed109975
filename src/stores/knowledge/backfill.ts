import { errorMessage, StackloreError } from '../../errors.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import type { CollectionField } from '../../schema/knowledge.ts';
import type { Analyser } from '../../text/analyser.ts';
import { parseMetadata } from './chunk-metadata.ts';
import { ownTerms, type WordedChunk, withNeighbours } from './chunk-terms.ts';
import { fieldArguments } from './publish.ts';
import { ADD_CHUNK_FIELDS } from './scripts/add-chunk-fields.ts';

/** A declared field that some stored chunks could not be given, as their metadata does not fit it. */
export interface SkippedField {
  readonly field: string;
  readonly chunks: number;
  /** What is wrong with the first of them. */
  readonly reason: string;
}

const CHUNKS_PER_WRITE = 200;

/**
 * Copies declared metadata fields from the JSON of stored chunks into hash fields the index can see. It may be
 * repeated, and runs beside other writers; a value that does not fit its field is left out and counted.
 */
export async function backfillChunks(
  database: Database,
  keys: readonly string[],
  fields: readonly CollectionField[],
): Promise<SkippedField[]> {
  let skipped: SkippedField[] = [];
  for (let from = 0; from < keys.length; from += CHUNKS_PER_WRITE) {
    const page = keys.slice(from, from + CHUNKS_PER_WRITE);
    const stored = await database.pipeline<string | null>(page.map((key) => ['HGET', key, 'metadata']));
    const writes: RedisArgument[][] = [];
    for (const [at, metadata] of stored.entries()) {
      if (metadata === null) continue;
      const { values, problems } = fittingFields(fields, parseMetadata(metadata));
      skipped = mergeSkipped(skipped, problems);
      const key = page[at] as string;
      if (values.length > 0) writes.push(ADD_CHUNK_FIELDS.evalCommand([key], [metadata, ...values]));
    }
    await database.pipeline(writes);
  }
  return skipped;
}

/** Gives stored chunks the terms of their words, made of what they hold; may be repeated, and runs beside other writers. */
export async function backfillTerms(
  database: Database,
  keys: readonly string[],
  analyser: Analyser,
): Promise<void> {
  for (let from = 0; from < keys.length; from += CHUNKS_PER_WRITE) {
    const page = keys.slice(from, from + CHUNKS_PER_WRITE);
    const places = [...new Set(page.flatMap((key) => [key, ...neighbourKeys(key)]))];
    const stored = await database.pipeline<(string | null)[]>(
      places.map((key) => ['HMGET', key, 'text', 'metadata']),
    );
    const known = new Map<string, { metadata: string; terms: string }>();
    for (const [at, [text, metadata]] of stored.entries()) {
      if (typeof text !== 'string' || typeof metadata !== 'string') continue;
      known.set(places[at] as string, { metadata, terms: ownTerms(analyser, worded(text, metadata)) });
    }
    const writes = page.flatMap((key) => {
      const chunk = known.get(key);
      if (!chunk) return [];
      const neighbours = neighbourKeys(key).map((neighbour) => known.get(neighbour)?.terms ?? '');
      const { analysed, analysedNearby } = withNeighbours(chunk.terms, ...neighbours);
      const values = ['analysed', analysed, 'analysed_nearby', analysedNearby];
      return [ADD_CHUNK_FIELDS.evalCommand([key], [chunk.metadata, ...values])];
    });
    await database.pipeline(writes);
  }
}

/** Where the chunks before and after would be; other programs may number theirs in other ways, or not at all. */
function neighbourKeys(key: string): string[] {
  const [, start, number] = /^(.*_chunk_)(\d+)$/su.exec(key) ?? [];
  if (start === undefined) return [];
  return [Number(number) - 1, Number(number) + 1].filter((n) => n >= 0).map((n) => `${start}${n}`);
}

function worded(text: string, metadata: string): WordedChunk {
  const { title, headings } = parseMetadata(metadata);
  return {
    title: typeof title === 'string' ? title : '',
    headings: Array.isArray(headings) ? headings.filter((heading) => typeof heading === 'string') : [],
    text,
  };
}

/** The counts of two parts of a backfill in one list. */
export function mergeSkipped(some: readonly SkippedField[], more: readonly SkippedField[]): SkippedField[] {
  const byField = new Map(some.map((one) => [one.field, one]));
  for (const one of more) {
    const known = byField.get(one.field);
    byField.set(one.field, known ? { ...known, chunks: known.chunks + one.chunks } : one);
  }
  return [...byField.values()];
}

function fittingFields(fields: readonly CollectionField[], metadata: Record<string, unknown>) {
  const values: string[] = [];
  const problems: SkippedField[] = [];
  for (const field of fields) {
    try {
      values.push(...fieldArguments([field], metadata));
    } catch (error) {
      if (!(error instanceof StackloreError)) throw error;
      problems.push({ field: field.name, chunks: 1, reason: errorMessage(error) });
    }
  }
  return { values, problems };
}
