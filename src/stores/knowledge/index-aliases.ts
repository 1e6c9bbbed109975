import type { Collection } from './collections.ts';

/** The alias of whichever index serves a collection; a reindex moves it. */
export function aliasOf(collection: string): string {
  return `stacklore:live:${collection}`;
}

/**
 * The alias that searches go through. It is set when the index is complete, and is of this index alone: a search whose
 * manifest is a second old asks the index which that manifest describes, not one with other vectors.
 */
export function readAliasOf({ index }: Pick<Collection, 'index'>): string {
  return `${index}:live`;
}
