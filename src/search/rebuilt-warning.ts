import type { Collection } from '../stores/knowledge/collections.ts';

/** What a search says after it had to rebuild the collection's index. */
export function rebuiltWarning({ name }: Pick<Collection, 'name'>): string {
  return `The index of collection "${name}" had been lost and was rebuilt from its manifest.`;
}
