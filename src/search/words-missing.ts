import { StackloreError } from '../errors.ts';
import type { Collection } from '../stores/knowledge/collections.ts';

type Named = Pick<Collection, 'name'>;

/** What a search says that could look up meaning alone, as the words of a collection are still being indexed. */
export function wordsMissingWarning(collection: Named, share: number): string {
  return `${beginning(collection)} (${percent(share)}), so only meaning was looked up. Repeat in a moment for words, too.`;
}

/** Whether a warning is that of one of these collections, however far its words are. */
export function isWordsMissingWarning(warning: string, collections: readonly Named[]): boolean {
  return collections.some((collection) => warning.startsWith(beginning(collection)));
}

/** The refusal of a search by words alone meanwhile. */
export function wordsMissingError({ name }: Named, share: number): StackloreError {
  return new StackloreError('busy', {
    message: `The words of collection "${name}" are being indexed (${percent(share)}), so they cannot be looked up yet. Repeat in a moment, or search in mode "hybrid" or "vector" meanwhile; stacklore status tells how far it is.`,
  });
}

function beginning({ name }: Named): string {
  return `The words of collection "${name}" are being indexed`;
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
