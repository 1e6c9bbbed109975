import { keyTemplate } from '../../schema/key.ts';
import type { Manifest, NextField } from '../../schema/knowledge.ts';

type Described = Pick<Manifest, 'vectorType' | 'storedVectors' | 'next'>;

/** The fields of chunks that each part of a reindex writes beside the live ones, both sides in the same order. */
export const NEXT_FIELDS = {
  embedding: [{ live: 'embedding', next: 'embedding_next' }],
  analysed: [
    { live: 'analysed', next: 'analysed_next' },
    { live: 'analysed_nearby', next: 'analysed_nearby_next' },
  ],
} as const satisfies Readonly<Record<NextField, readonly { live: string; next: string }[]>>;

/** The names of indexes; the number leaves room for a second one beside the first. */
const INDEX = keyTemplate('stacklore:index:{collection}:{number}');

/** The field of chunks that holds their vectors of the collection's model; `stored-vectors.ts` reads them. */
export function embeddingField({ next }: Pick<Manifest, 'next'>): 'embedding' | 'embedding_next' {
  return next?.includes('embedding') ? 'embedding_next' : 'embedding';
}

/** The field of chunks that the index reads vectors from; queries call it `embedding` whichever it is. */
export function indexedVectorField(
  manifest: Described,
): 'embedding' | 'embedding_next' | 'embedding_float16' {
  const { vectorType, storedVectors } = manifest;
  return vectorType === 'float16' && storedVectors !== 'float16'
    ? 'embedding_float16'
    : embeddingField(manifest);
}

/** The fields of chunks that hold their terms and those around them; queries call them as the live ones whichever they are. */
export interface TermsFields {
  readonly own: 'analysed' | 'analysed_next';
  readonly nearby: 'analysed_nearby' | 'analysed_nearby_next';
}

export function termsFields({ next }: Pick<Manifest, 'next'>): TermsFields {
  return next?.includes('analysed')
    ? { own: 'analysed_next', nearby: 'analysed_nearby_next' }
    : { own: 'analysed', nearby: 'analysed_nearby' };
}

/** The name of the nth index of a collection, from 1. */
export function indexName(collection: string, n: number): string {
  return INDEX.build({ collection, number: String(n) });
}

/** The number in the name of a collection's index; 0 where it has none. */
export function indexNumber(index: string): number {
  const number = INDEX.parse(index)?.number ?? '';
  return /^\d+$/.test(number) ? Number(number) : 0;
}

/** The collection that an index of this name is of, whether or not there is such a collection; `undefined` for others. */
export function collectionOfIndex(index: string): string | undefined {
  return INDEX.parse(index)?.collection;
}
