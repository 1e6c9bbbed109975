import type { Collection } from '../stores/knowledge/collections.ts';

/** What a search says after it had to make the collection's index, or to wait until the server had filled it. */
export function rebuiltWarning({ name }: Pick<Collection, 'name'>): string {
  return `The index of collection "${name}" was lost or not filled yet, so this search waited until it was whole.`;
}
