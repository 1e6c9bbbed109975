import { errorMessage, StackloreError } from '../../errors.ts';
import type { Database, RedisArgument } from '../../redis/databases.ts';
import type { CollectionField } from '../../schema/knowledge.ts';
import type { Analyser } from '../../text/analyser.ts';
import { parseMetadata } from './chunk-metadata.ts';
import { type TermsFields, termsFields } from './index-fields.ts';
import { fieldArguments } from './publish.ts';
import { ADD_DERIVED_FIELDS } from './scripts/add-derived-fields.ts';
import { storedTerms } from './stored-terms.ts';

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
      if (values.length > 0) {
        writes.push(ADD_DERIVED_FIELDS.evalCommand([key], ['1', 'metadata', metadata, ...values]));
      }
    }
    await database.pipeline(writes);
  }
  return skipped;
}

/** Gives stored chunks the terms of their words, made of what they hold; may be repeated, and runs beside other writers. */
export async function backfillTerms(
  database: Database,
  keys: readonly string[],
  { analyser, fields = termsFields({}) }: { analyser: Analyser; fields?: TermsFields },
): Promise<void> {
  for (let from = 0; from < keys.length; from += CHUNKS_PER_WRITE) {
    const page = keys.slice(from, from + CHUNKS_PER_WRITE);
    const stored = await database.pipeline<(string | null)[]>(
      page.map((key) => ['HMGET', key, 'text', 'metadata']),
    );
    const chunks = stored.flatMap(([text, metadata], at) => {
      if (typeof text !== 'string' || typeof metadata !== 'string') return [];
      return {
        key: page[at] as string,
        text,
        metadata: parseMetadata(metadata),
        read: ['2', 'text', text, 'metadata', metadata],
      };
    });
    const terms = await storedTerms(database, analyser, chunks);
    const writes = chunks.map(({ key, read }, at) => {
      const { analysed = '', analysedNearby = '' } = terms[at] ?? {};
      const values = [fields.own, analysed, fields.nearby, analysedNearby];
      return ADD_DERIVED_FIELDS.evalCommand([key], [...read, ...values]);
    });
    await database.pipeline(writes);
  }
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

/** Field and value of each declared field that the metadata fits, and why others are left out. */
export function fittingFields(
  fields: readonly CollectionField[],
  metadata: Readonly<Record<string, unknown>>,
): { values: string[]; problems: SkippedField[] } {
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
