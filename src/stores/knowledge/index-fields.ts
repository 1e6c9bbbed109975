import type { Manifest } from '../../schema/knowledge.ts';

type Described = Pick<Manifest, 'vectorType' | 'next'>;

/** The field of chunks that holds their float32 vectors of the collection's model. */
export function embeddingField({ next }: Pick<Manifest, 'next'>): 'embedding' | 'embedding_next' {
  return next?.includes('embedding') ? 'embedding_next' : 'embedding';
}

/** The field of chunks that the index reads vectors from; queries call it `embedding` whichever it is. */
export function indexedVectorField(
  manifest: Described,
): 'embedding' | 'embedding_next' | 'embedding_float16' {
  return manifest.vectorType === 'float16' ? 'embedding_float16' : embeddingField(manifest);
}

/** The field of chunks that holds their terms; queries call it `analysed` whichever it is. */
export function termsField({ next }: Pick<Manifest, 'next'>): 'analysed' | 'analysed_next' {
  return next?.includes('analysed') ? 'analysed_next' : 'analysed';
}

/** The name of the nth index of a collection, from 1. */
export function indexName(collection: string, n: number): string {
  return `stacklore:index:${collection}:${n}`;
}

/** The number in the name of a collection's index; 0 where it has none. */
export function indexNumber(index: string): number {
  return Number(/:(\d+)$/.exec(index)?.[1] ?? 0);
}
